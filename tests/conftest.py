"""What every test can ask for: golden files, Node.js, Chromium; and how the suite uses the cores."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src"
SHOWN_DIFF_LINES = 60

collect_ignore = ["golden", "programs"]  # scripts are data here, and would run when they are imported

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = (
    "--no-sandbox",  # Chromium refuses to start as root with it
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Shared machines make any deadline flaky; CI repeats the same examples so that a red run can be run again.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files, compare none")


def pytest_configure(config: pytest.Config) -> None:
    """Programs that a test starts import the source tree, as the tests themselves do."""
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SOURCE), inherited]))


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Starting workers pays for the whole suite, not for the file or test that someone names."""
    whole_suite = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return None if whole_suite and not config.option.collectonly else 0


@dataclass(frozen=True, slots=True)
class Golden:
    """Compares a text with the file of that name under tests/golden, or writes it with --update-golden."""

    folder: Path
    update: bool

    def __call__(self, name: str, text: str) -> None:
        path = self.folder / name
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
            return
        if not path.exists():
            pytest.fail(f"golden/{name} is missing; make it with --update-golden and read it", pytrace=False)
        with path.open(encoding="utf-8", newline="") as stream:
            expected = stream.read()
        if text != expected:
            pytest.fail(_difference(name, expected, text), pytrace=False)


def _difference(name: str, expected: str, text: str) -> str:
    lines = difflib.unified_diff(
        expected.splitlines(keepends=True),
        text.splitlines(keepends=True),
        f"golden/{name}",
        "this run",
        n=2,
    )
    shown = [line if line.endswith("\n") else f"{line}\n" for line in islice(lines, SHOWN_DIFF_LINES)]
    return f"golden/{name} differs; if that is right, use --update-golden\n{''.join(shown)}"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """``golden(name, text)`` compares with tests/golden/<name>; see ``Golden``."""
    return Golden(TESTS / "golden", request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def node() -> str:
    """The path of the Node.js executable."""
    found = shutil.which("node") or shutil.which("nodejs")
    if found is None:
        pytest.skip("needs Node.js: install it (Debian: apt-get install nodejs)")
    return found


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium; start it with ``CHROMIUM_FLAGS``, or ask for ``page``."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        pytest.skip("needs Chromium: install it (Debian: apt-get install chromium)")
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """A headless Chromium, one for all tests of a worker."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page without a network; open a file with ``page.goto(path.as_uri())``."""
    context = browser.new_context(offline=True)
    yield context.new_page()
    context.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The markers follow from what a test asks for, so that nobody has to write both."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "chromium" in fixtures:
            item.add_marker(pytest.mark.browser)
        if "node" in fixtures:
            item.add_marker(pytest.mark.node)
