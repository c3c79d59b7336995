"""Counter-based random numbers: where they stand decides what they are, and they look random."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from backproof.ir.random import BITS, keys, uniform


def test_a_part_has_the_numbers_of_the_whole() -> None:
    whole = uniform(7, 3, 2, (20, 30))
    np.testing.assert_array_equal(uniform(7, 3, 2, (5, 30)), whole[:5])
    np.testing.assert_array_equal(uniform(7, 3, 2, (20, 4)), whole[:, :4])


def test_float32_has_the_same_numbers() -> None:
    np.testing.assert_array_equal(uniform(7, 3, 2, (20, 30), "float32"), uniform(7, 3, 2, (20, 30)))
    assert uniform(7, 3, 2, (2, 3), "float32").dtype == np.float32


@pytest.mark.parametrize("seed", range(3))
def test_the_numbers_are_uniform(seed: int) -> None:
    found = uniform(seed, 5, 1, (1000, 300))
    assert found.min() >= 0
    assert found.max() < 1
    assert stats.kstest(found.ravel(), "uniform").pvalue > 1e-4
    assert np.unique(found * 2**BITS % 2**8).size == 2**8  # the last bits too


@pytest.mark.parametrize("other", [(2, 5, 1), (1, 6, 1), (1, 5, 2), (1, 5 + 2**32, 1), (1 + 2**40, 5, 1)])
def test_other_seeds_steps_and_streams_have_nothing_to_do_with_it(other: tuple[int, int, int]) -> None:
    assert keys(other[0], other[1], 1, [other[2]]) != keys(1, 5, 1, [1])
    a, b = uniform(1, 5, 1, (400, 500)), uniform(*other, (400, 500))
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)


@pytest.mark.parametrize("distance", [1, 2, 64])
def test_neighbours_have_nothing_to_do_with_each_other(distance: int) -> None:
    for seed in range(5):
        u = uniform(seed, 0, 1, (500, 400))
        for a, b in ((u[distance:], u[:-distance]), (u[:, distance:], u[:, :-distance])):
            assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)


def test_keys_of_many_steps_are_those_of_each() -> None:
    together = keys(3, 2**32 - 2, 5, [1, 2])
    for k in range(5):
        for column, stream in enumerate((1, 2)):
            assert together[k, column] == keys(3, 2**32 - 2 + k, 1, [stream])[0, 0]
