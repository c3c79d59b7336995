"""The memory that is free, and sizes that are refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backproof.errors import DataError
from backproof.run import memory


def test_more_than_there_is_is_refused_with_the_memory_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 2_000_000_000)
    memory.refuse_absurd_size(2_000_000_000, "the matrix", "use fewer rows")
    with pytest.raises(DataError) as caught:
        memory.refuse_absurd_size(3_210_000_000_000, "the matrix", "use fewer rows")
    assert str(caught.value) == "the matrix would need 3.2 TB of memory, and 2.0 GB is available; use fewer rows"


def test_nothing_is_refused_where_the_system_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    memory.refuse_absurd_size(10**30, "the matrix", "use fewer rows")


def test_linux_says_what_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "MemTotal:  900 kB\nMemFree:  100 kB\nMemAvailable:  300 kB\n"
    monkeypatch.setattr(Path, "read_text", lambda *_: said)
    assert memory.available_memory() == 300 * 1024


def test_other_systems_say_their_physical_memory_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}.__getitem__, raising=False)
    assert memory.available_memory() == 4_096_000
    monkeypatch.delattr(os, "sysconf")
    assert memory.available_memory() is None


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1000, "1.0 kB"), (999_940, "999.9 kB"), (999_960, "1.0 MB"), (5 * 10**24, "5000.0 ZB")],
)
def test_sizes_as_people_read_them(size: int, text: str) -> None:
    assert memory.size_text(size) == text
