"""The fixture backproof_check: in a session of its own, as the guide in docs/testing-in-ci.md uses it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples"
PLUGIN = ("-p", "backproof.pytest_plugin", "-p", "no:cacheprovider")


@pytest.fixture
def example(pytester: pytest.Pytester) -> pytest.Pytester:
    for name in ("backward.py", "test_backward.py"):
        shutil.copy(EXAMPLES / name, pytester.path / name)
    return pytester


def test_the_example_of_the_guide_passes(example: pytest.Pytester) -> None:
    example.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=2)


def test_a_fault_fails_with_the_report_and_no_traceback(example: pytest.Pytester) -> None:
    path = example.path / "backward.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(" * l_1 * (1 - l_1)", " * l_1"), encoding="utf-8")
    result = example.runpytest_subprocess(*PLUGIN, "test_backward.py::test_the_gradients_are_right")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["* Wrong: gradients*", "1. Δl_1 lacks the factor 1 − l_1.*", "*~~~~~~~ missing*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_it_works_in_several_processes(example: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    example.runpytest_subprocess(*PLUGIN, "-n2").assert_outcomes(passed=2)


def test_what_cannot_be_told_fails_unless_allowed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import numpy as np
        import pytest

        POINT = {"X": np.zeros((2, 3)), "y": np.ones((2, 1)), "W_1": np.ones((3, 1))}

        def gradients(W_1, X, y):
            return X.T @ (X @ W_1 - y)

        @pytest.mark.parametrize("allowed", [True, False])
        def test_it(backproof_check, allowed):
            import backproof as bp
            net = bp.mlp(3, 1, activation="identity")
            report = backproof_check(gradients, net, points=POINT, allow_uninformative=allowed)
            assert not report.ok
        """
    )
    pytester.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=1, failed=1)


def test_the_start_of_pytest_loads_nothing_heavy() -> None:
    code = "import sys, backproof.pytest_plugin; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "jinja2", "scipy", "sympy"} & set(done.stdout.split())


def test_the_entry_point_is_declared_and_loads() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [(name, module)] = project["entry-points"]["pytest11"].items()
    assert name == module == "backproof.pytest_plugin"


def test_the_guide_shows_the_examples_as_they_are() -> None:
    guide = (ROOT / "docs" / "testing-in-ci.md").read_text(encoding="utf-8")
    text = (EXAMPLES / "test_backward.py").read_text(encoding="utf-8")
    assert text.split("\n\n", 1)[1].strip() in guide


def test_the_documentation_names_every_kind_and_key() -> None:
    from backproof.checking.kinds import KINDS

    text = (ROOT / "docs" / "checking.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"| `{kind}` |" not in text] == []
