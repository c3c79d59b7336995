"""The page in Chromium: every control, the numbers of the library, nothing loaded, and whatever people paste."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

import backproof as bp
from backproof.ir.program import Program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SEED = bp.mlp(3, 2, 1)
PHONE, SCREEN, PROJECTOR = (375, 740), (1280, 900), (1920, 1080)
RELATIVE = 1e-12


@dataclass
class Opened:
    """A page with all that the browser complained of and asked for."""

    page: Page
    path: Path
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def show(self, html: str, fragment: str = "") -> Page:
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.path.write_text(html, encoding="utf-8")
        self.page.goto(self.path.as_uri() + fragment)
        eventually(self.page, "document.documentElement.dataset.ready === 'yes'")
        return self.page


def eventually(page: Page, condition: str) -> None:
    """Waits until the JavaScript expression is true; the page's own policy forbids playwright's way to do so."""
    for _ in range(400):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never true: {condition}")


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Iterator[Opened]:
    page.set_viewport_size({"width": SCREEN[0], "height": SCREEN[1]})
    found = Opened(page, tmp_path / "page.html")
    yield found
    assert found.complaints == []
    own = found.path.as_uri()
    assert [url for url in found.requests if not url.startswith((own, "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def seed() -> str:
    return bp.derive(SEED).page().html


@pytest.fixture(scope="module")
def plane() -> str:
    net = bp.mlp(2, 3, 1, activation="tanh", output_activation="sigmoid", bias=True)
    return bp.derive(net).page().html


def said(page: Page, id: str) -> str:
    return page.locator(f"#{id}").text_content() or ""


def saved(page: Page) -> dict[str, str]:
    """What the address says, once it says all."""
    page.wait_for_timeout(400)
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).fragment).items()}


def weights(page: Page, program: Program) -> dict[str, Any]:
    text = saved(page)["w"]
    numbers = np.frombuffer(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    found, at = {}, 0
    for name in program.parameters:
        shape = tuple(dim for dim in name.shape if isinstance(dim, int))
        found[name.id] = numbers[at : at + int(np.prod(shape))].reshape(shape)
        at += int(np.prod(shape))
    return found


def train_a_thousand(page: Page) -> None:
    page.click("#steps-1000")
    eventually(page, "document.getElementById('message').textContent.startsWith('1,000 steps')")


# --- numbers ------------------------------------------------------------------------------------------------------

NETWORKS: dict[str, dict[str, Any]] = {
    "the seed": {"sizes": (3, 2, 1)},
    "rectifiers": {"sizes": (2, 4, 3, 1), "activation": ("relu", "leaky_relu", "identity"), "loss": "huber",
                   "bias": True},
    "smooth": {"sizes": (2, 3, 3, 2), "activation": ("gelu", "silu", "identity"), "loss": "mean_squared_error"},
    "classes": {"sizes": (2, 3, 3), "activation": ("tanh", "softmax"), "loss": "cross_entropy", "bias": True},
    "columns": {"sizes": (2, 3, 1), "activation": ("softplus", "sigmoid"), "loss": "binary_cross_entropy",
                "samples": "columns", "bias": True, "penalty": 0.01},
    "absolute": {"sizes": (2, 3, 1), "activation": ("elu", "identity"), "loss": "mean_absolute_error"},
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_thousand_steps_give_the_librarys_weights(opened: Opened, name: str) -> None:
    options = dict(NETWORKS[name])
    sizes = options.pop("sizes")
    net = bp.mlp(*sizes, **options)
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(6, sizes[0])).round(3), rng.random((6, sizes[-1])).round(3)
    if "entropy" in str(net.structure and net.structure.loss):
        y = np.eye(max(2, sizes[-1]))[rng.integers(max(2, sizes[-1]), size=6)][:, : sizes[-1]]
    page = opened.show(bp.derive(net).page().html)
    page.locator("#own summary").click()
    rows = [",".join(map(repr, map(float, row))) for row in np.hstack([X, y])]
    page.fill("#csv", "\n".join(rows))
    page.click("#use-csv")
    page.fill("#rate", "0.01")
    train_a_thousand(page)
    given = {"X": X, "y": y} if options.get("samples") != "columns" else {"X": X.T.copy(), "y": y.T.copy()}
    result = bp.train(net, given, learning_rate=0.01, epochs=1000, progress=False, backend="numpy")
    found = weights(page, net)
    for id, value in result.params.items():
        scale = float(np.max(np.abs(value)))
        assert float(np.max(np.abs(found[id] - value))) <= RELATIVE * max(scale, 1e-3), id


def test_single_steps_and_adam_are_the_librarys_too(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    page.select_option("#optimizer", "adam")
    page.fill("#rate", "0.1")
    for _ in range(3):
        page.click("#steps-1")
    page.click("#steps-10")
    result = bp.train(
        SEED, [[0, 0, 1]], [[0]], learning_rate=0.1, epochs=13, optimizer="adam", progress=False, backend="numpy"
    )
    for id, value in weights(page, SEED).items():
        assert np.allclose(value, result.params[id], rtol=RELATIVE, atol=0)
    assert said(page, "steps") == "13"


def test_the_numbers_beside_the_equations_are_those_of_the_derivation(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    page.click("#steps-10")
    values = bp.derive(SEED).evaluate(X=[[0, 0, 1]], y=[[0]], **weights(page, SEED))
    page.evaluate("dispatchEvent(new Event('beforeprint'))")  # on paper all equations have their numbers
    shown = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('#panel-scalar .equation:not(.valueless)')]"
        ".map((e) => [e.dataset.key, e.querySelector('.value').textContent]))"
    )
    sources = json.loads(said(page, "told"))["sources"]
    single = {key: found for key, found in sources.items() if key in shown and found["id"] and found["at"] is not None}
    assert len(single) > 20
    for key, source in single.items():
        value = float(np.ravel(values[source["id"]])[source["at"]])
        assert float(shown[key].replace("−", "-")) == pytest.approx(value, rel=1e-3, abs=1e-9)


# --- controls -----------------------------------------------------------------------------------------------------


def test_one_equation_after_another_then_the_update(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    page.click("#first")
    assert said(page, "position") == "0 of 7, inputs only"
    page.click("#tab-summary")
    assert page.locator("#panel-summary .equation.unknown").count() == 7
    for number in range(1, 8):
        page.click("#next")
        assert page.locator("#panel-summary .equation.unknown").count() == 7 - number
    assert said(page, "position") == "all computed"
    before = said(page, "loss")
    page.click("#next")
    assert said(page, "steps") == "1"
    assert said(page, "loss") != before
    page.click("#previous")
    page.click("#last")
    assert said(page, "position") == "all computed"
    page.click("#undo")
    assert (said(page, "steps"), said(page, "loss")) == ("0", before)


def test_play_pause_speed_reset_and_new_weights(opened: Opened, plane: str) -> None:
    page = opened.show(plane)
    before = said(page, "loss")
    page.click("#play")
    eventually(page, "Number(document.getElementById('steps').textContent) > 50")
    assert said(page, "play") == "Pause"
    page.click("#play")
    eventually(page, "document.getElementById('play').textContent === 'Play'")
    steps = int(said(page, "steps"))
    page.wait_for_timeout(200)
    assert int(said(page, "steps")) == steps
    page.click("#reset")
    assert (said(page, "steps"), said(page, "loss")) == ("0", before)
    page.click("#draw")
    assert said(page, "loss") != before
    page.select_option("#speed", "10")
    page.click("#play")
    page.wait_for_timeout(600)
    page.click("#play")
    eventually(page, "document.getElementById('play').textContent === 'Play'")
    assert 1 <= int(said(page, "steps")) <= 60
    page.click("#scale")
    assert page.locator("#scale").get_attribute("aria-pressed") == "true"


def test_data_and_examples(opened: Opened, plane: str) -> None:
    page = opened.show(plane)
    for name in ("circles", "moons", "spirals", "random", "xor"):
        page.select_option("#data", name)
        assert "right" in said(page, "table") or name == "random"
    assert page.locator("#sample option").count() == 4
    page.select_option("#sample", "2")
    assert page.locator("#picture [data-name='x^1'] .number").first.text_content() == "1"


def test_a_weight_is_marked_everywhere_and_changed(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    page.locator("#picture [data-weight='w_1^{31}']").hover()
    assert page.locator("#panel-scalar [data-v].lit").count() > 3
    page.locator("#picture [data-weight='w_1^{31}']").click()
    assert page.locator("#picture .chosen").get_attribute("data-weight") == "w_1^{31}"
    assert page.locator("#picture .bp-edge.path").get_attribute("data-weight") == "w_2^1"
    before = said(page, "loss")
    page.fill("#entry", "2,5")
    page.keyboard.press("Enter")
    assert said(page, "loss") != before
    assert weights(page, SEED)["W_1"][2, 0] == 2.5
    page.click("#undo")
    assert said(page, "loss") == before
    page.locator("#panel-scalar [data-v]").first.hover()
    assert page.locator("#picture .lit").count() > 0


def test_the_link_brings_everything_back(opened: Opened, browser: Browser, seed: str) -> None:
    page = opened.show(seed)
    page.select_option("#optimizer", "momentum")
    page.select_option("#data", "trask")
    page.fill("#rate", "0.3")
    page.click("#steps-10")
    page.click("#tab-matrix")
    page.click("#previous")
    state = saved(page)
    url = page.url
    loss = said(page, "loss")
    other = browser.new_context(offline=True).new_page()
    other.goto(url)
    eventually(other, "document.documentElement.dataset.ready === 'yes'")
    assert said(other, "loss") == loss
    assert said(other, "steps") == "10"
    assert other.input_value("#data") == "trask"
    assert other.input_value("#optimizer") == "momentum"
    assert other.locator("#panel-matrix").is_visible()
    for tab in (page, other):  # what momentum remembers came along
        tab.click("#steps-1")
    assert saved(page)["w"] == saved(other)["w"] != state["w"]
    other.context.close()


BROKEN = ("#w=", "#w=%%%&v=1", "#v=9&w=AAAA", "#v=1&w=AAAA&o=adam", "#v=1&o=__proto__&w=", "#w=" + "A" * 300_000)


def test_a_broken_link_is_told_and_the_page_lives(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    for steps, fragment in enumerate(BROKEN, start=1):
        page.evaluate(
            "(fragment) => { document.getElementById('message').textContent = ''; location.hash = fragment; }", fragment
        )
        eventually(page, "document.getElementById('message').textContent.startsWith('The link cannot be used')")
        page.click("#steps-1")
        assert said(page, "steps") == str(steps)


def test_quiz_right_and_wrong(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    page.click("#quiz")
    key = page.locator(".answer").evaluate("(form) => form.parentElement.dataset.key")
    told = json.loads(said(page, "told"))
    assert told["slips"][key]
    right = page.locator(f"[data-key={key}] .value").text_content() or ""
    assert not page.locator(f"[data-key={key}] .value").is_visible()
    page.fill(".answer input", right.replace("−", "") if "−" in right else f"-{right}")
    page.keyboard.press("Enter")
    assert page.locator(".verdict.bad").text_content() == "The size is right, the sign is not."
    page.fill(".answer input", "12345")
    page.keyboard.press("Enter")
    assert "No known slip" in (page.locator(".verdict").text_content() or "")
    page.fill(".answer input", right)
    page.keyboard.press("Enter")
    assert "Right" in (page.locator(".verdict.good").text_content() or "")
    assert page.locator(f"[data-key={key}] .value").is_visible()
    page.click("#quiz")
    assert page.locator(".answer").count() == 0


def test_the_tour_by_keyboard_alone(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    page.locator("#tour-start").focus()
    page.keyboard.press("Enter")
    texts = []
    while page.locator("#tour").is_visible():
        texts.append(said(page, "tour-text"))
        assert page.locator(".toured").count() == 1
        page.keyboard.press("Enter")
    assert len(texts) == 10
    assert len(set(texts)) == 10
    assert said(page, "steps") == "1"
    assert page.evaluate("document.activeElement.id") == "tour-start"


TAKEN = (("save-svg", b"<svg"), ("save-png", b"\x89PNG"), ("save-python", b'"""Trains'), ("save-javascript", b"// The"))


def test_pictures_and_latex_to_take_away(opened: Opened, seed: str, tmp_path: Path) -> None:
    page = opened.show(seed)
    for button, start in TAKEN:
        with page.expect_download() as waiting:
            page.click(f"#{button}")
        path = tmp_path / button
        waiting.value.save_as(path)
        assert path.read_bytes().startswith(start)
    page.locator("[data-key=scalar-4] .copy").click()
    eventually(page, "document.querySelector('[data-key=scalar-4] .copy').textContent === 'copied'")
    assert page.locator("[data-key=scalar-4] .copy").get_attribute("data-latex") is not None


# --- what people paste --------------------------------------------------------------------------------------------

HOSTILE = {
    "nothing": ("", "the table is empty"),
    "a header alone": ("a,b,c", "has a header, but no rows"),
    "too few columns": ("1,2\n3,4", "the first row has 2 columns; this network takes 2 inputs and 1 target"),
    "not a number": ("a,b,c\n1,2,NaN", "row 1, column 3: “NaN” is no finite number"),
    "infinite": ("1,2,1e999", "is no finite number"),
    "a formula": ("1,2,=1+1", "row 1, column 3: “=1+1” is no finite number"),
    "markup": ("1,2,<script>alert(1)</script>", "is no finite number"),
    "ragged": ("1,2,3\n1,2", "row 2 has 2 columns, the first has 3"),
    "an open quote": ('1,2,"3', "is opened and never closed"),
    "very wide": (",".join("1" * 3000), "more than 2000 columns"),
    "very long": ("1,2,3\n" * 30_000, "more than 20000 rows"),
}


def test_a_table_that_cannot_be_used_is_refused_in_words(opened: Opened, plane: str) -> None:
    page = opened.show(plane)
    page.evaluate("document.getElementById('own').open = true")
    for steps, (text, message) in enumerate(HOSTILE.values(), start=1):
        page.evaluate("(text) => (document.getElementById('csv').value = text)", text)
        page.click("#use-csv")
        assert message in said(page, "message")
        page.click("#steps-1")  # the page lives on
        assert said(page, "steps") == str(steps)


def test_headers_and_classes_are_text(opened: Opened) -> None:
    evil = "<img src=x onerror=window.attacked=1>"
    net = bp.mlp(2, 3, 2, activation=("tanh", "softmax"), loss="cross_entropy")
    page = opened.show(bp.derive(net).page().html)
    page.evaluate("document.getElementById('own').open = true")
    page.fill("#csv", f"{evil},b;c,d\n1,2,{evil}\n3,4,other\n-1,0.5,other")
    page.click("#use-csv")
    assert said(page, "message") == "3 examples."
    assert evil in said(page, "table")
    assert page.evaluate("window.attacked") is None


def test_a_file_is_dropped_or_given_when_the_page_is_made(opened: Opened, plane: str, tmp_path: Path) -> None:
    page = opened.show(plane)
    drop = """(text) => {
        const data = new DataTransfer();
        data.items.add(new File([text], "mine.csv"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, "x,y,z\n1,2,1\n0,1,0\n")
    eventually(page, "document.getElementById('message').textContent === '2 examples.'")
    page.evaluate("""(() => {
        const data = new DataTransfer();
        data.items.add(new File(["1".repeat(6_000_000)], "big.csv"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    })()""")
    eventually(page, "document.getElementById('message').textContent.includes('6000000 bytes')")
    path = tmp_path / "mine.csv"
    path.write_text("a,b,c,d\n1,2,3,1\n1,0,0,0\n", encoding="utf-8")
    html = bp.derive(SEED).page(data=path).html
    page = opened.show(html)
    assert page.locator("#sample option").count() == 2


# --- every screen -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [PHONE, PROJECTOR], ids=["phone", "projector"])
def test_nothing_scrolls_sideways(opened: Opened, plane: str, seed: str, size: tuple[int, int]) -> None:
    opened.page.set_viewport_size({"width": size[0], "height": size[1]})
    for html in (seed, plane):
        page = opened.show(html)
        for tab in ("matrix", "summary", "scalar"):
            page.locator(f"#tab-{tab}").click()
            assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        page.screenshot(path=str(opened.path.with_suffix(f".{size[0]}.png")))


def test_every_formula_is_set(opened: Opened, plane: str) -> None:
    page = opened.show(plane)
    for tab in ("matrix", "summary", "scalar"):
        page.click(f"#tab-{tab}")
        unset = f"document.querySelectorAll('#panel-{tab} [data-tex]:not(:has(.katex))').length"
        assert page.evaluate(unset) == 0
    assert page.locator(".katex-error").count() == 0


def test_everything_has_a_name_and_is_reached_by_keyboard(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    nameless = """() => [...document.querySelectorAll("button, input, select, textarea, canvas, [role=button]")]
        .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.title || e.labels?.length))
        .map((e) => e.outerHTML)"""
    assert page.evaluate(nameless) == []
    edge = page.locator("#picture [data-weight='w_2^1']")
    edge.focus()
    page.keyboard.press("Enter")
    assert page.locator("#entry").count() == 1
    page.locator("#tab-scalar").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#panel-matrix").is_visible()


def test_the_policy_lets_no_script_in(seed: str) -> None:
    policy = seed.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[0]
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe-eval" not in policy
    assert "script-src &#39;sha256-" in policy
    assert len(seed.encode()) < 1_500_000


def test_a_notebooks_frame_trains_too(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html>{bp.derive(SEED).page()._repr_html_()}", encoding="utf-8")
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#steps-1000").click()
    frame.locator("#message", has_text="1,000 steps").wait_for()
    assert frame.locator("#steps").text_content() == "1000"
