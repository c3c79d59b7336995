"""What people see of a kernel: the code as text, and the table of equations, nests and costs."""

from __future__ import annotations

import pytest

from backproof.backprop.sweep import backpropagate
from backproof.errors import ShapeError
from backproof.kernels.llvm.backend import LlvmKernel
from backproof.networks import mlp


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "objects"))


def kernel() -> LlvmKernel:
    return LlvmKernel(backpropagate(mlp(20, 64, 64, 1, activation="relu", bias=True)), "float32")


def test_every_equation_that_is_computed_has_its_line() -> None:
    made = kernel()
    found = {line.id: line for line in made.explain({"n": 32}).lines}
    assert {"L", *made.trace.gradients.values()} <= set(found)
    assert found["grad_W_2"].kind == "product"
    assert found["grad_W_2"].nest > found["l_2"].nest


def test_products_count_two_operations_per_multiplication() -> None:
    lines = kernel().explain({"n": 32}).lines
    products = [line for line in lines if line.kind == "product"]
    # Three products of each weight with the samples, but none for the gradient of the input.
    weights = (20 * 64, 64 * 64, 64 * 1)
    assert sum(line.flops for line in products) == 2 * 32 * (3 * sum(weights) - weights[0])
    assert all(line.microseconds > 0 for line in products)


def test_what_is_fused_shares_the_nest_of_its_product() -> None:
    lines = kernel().explain({"n": 32}).lines
    first = {line.nest: line for line in reversed(lines)}
    fused = [line for line in lines if line.kind == "fused"]
    assert fused
    assert any(first[line.nest].kind == "product" for line in fused)


def test_the_table_is_narrow_and_ends_with_the_model() -> None:
    explanation = kernel().explain({"n": 32})
    text = str(explanation)
    assert max(map(len, text.splitlines())) <= 100
    assert f"{explanation.flops:,}" in text
    assert "FLOPs/µs in products" in text


def test_the_code_can_be_read() -> None:
    made = kernel()
    assert "define void @steps(" in made.llvm_ir({"n": 4})
    assert "steps:" in made.assembly({"n": 4})


@pytest.mark.parametrize("sizes", [{}, {"n": 0}, {"n": -1}])
def test_a_size_that_is_missing_is_asked_for(sizes: dict[str, int]) -> None:
    with pytest.raises(ShapeError, match="the size of 'n' is missing or less than 1"):
        kernel().explain(sizes)
