"""A share of the fuzzing of model files and tables; ``benchmarks/fuzz/files.py`` makes 20,000 of each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parent.parent / "benchmarks" / "fuzz" / "files.py"


def test_damaged_files_are_used_or_refused_in_one_line() -> None:
    counts = ["--models", "150", "--tables", "150", "--parquet", "30", "--seed", "7", "--json"]
    run = subprocess.run([sys.executable, str(FUZZ), *counts], capture_output=True, text=True, timeout=300, check=False)
    found = json.loads(run.stdout)
    assert found["faults"] == []
    assert found["cases"] == {"models": 150, "tables": 150, "parquet": 30}
    assert found["codes"]["models, exit code 0"] > 5
    assert found["codes"]["tables, exit code 0"] > 5
