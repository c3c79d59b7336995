"""Runs that several tests look at: each is made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from backproof.run.settings import Settings
from runs import Run, make_run, write_tables


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``wine.csv``, ``diabetes.csv``, ``cancer.csv`` and ``hostile.csv``."""
    return write_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("digits"), Settings())


@pytest.fixture(scope="session")
def wine_run(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Run:
    settings = Settings(data=str(tables / "wine.csv"), target="target", network=(16, 8))
    return make_run(tmp_path_factory.mktemp("wine"), settings)


@pytest.fixture(scope="session")
def diabetes_run(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Run:
    settings = Settings(data=str(tables / "diabetes.csv"), target="target", network=(8,), penalty=0.05)
    return make_run(tmp_path_factory.mktemp("diabetes"), settings)


@pytest.fixture(scope="session")
def cancer_run(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Run:
    settings = Settings(data=str(tables / "cancer.csv"), target="target", network=(8,))
    return make_run(tmp_path_factory.mktemp("cancer"), settings)


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Run:
    settings = Settings(data=str(tables / "hostile.csv"), target="cl<a>ss", network=(4,), epochs=20)
    return make_run(tmp_path_factory.mktemp("hostile"), settings)


@pytest.fixture(scope="session")
def seed_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("seed"), Settings(example="seed"))
