"""The report: every section there, every name escaped, nothing loaded, and sound in a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Literal

import pytest

from runs import HOSTILE_LABELS, Run

if TYPE_CHECKING:
    from playwright.sync_api import Page

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
RUNS = ("digits_run", "wine_run", "diabetes_run", "hostile_run", "seed_run")


class Elements(HTMLParser):
    """Every element with its attributes, and the text outside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._silent = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._silent = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text.append(data)

    def ids(self) -> list[str]:
        return [value for _, attributes in self.found if (value := attributes.get("id"))]


def parsed(run: Run) -> Elements:
    return Elements(run.text("report.html"))


def headings(run: Run) -> list[str]:
    return re.findall(r'<h2 id="[^"]+">([^<]+)<a', run.text("report.html"))


@pytest.fixture(params=RUNS)
def run(request: pytest.FixtureRequest) -> Run:
    found: Run = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize(
    ("name", "wrong", "weights"),
    [
        ("digits_run", ["What is taken for what"], ["What the first layer looks for"]),
        ("wine_run", ["What is taken for what"], []),
        ("diabetes_run", ["Predictions and residuals"], []),
        ("seed_run", [], []),
    ],
)
def test_the_sections_in_their_order(
    name: str, wrong: list[str], weights: list[str], request: pytest.FixtureRequest
) -> None:
    shown = [words.strip() for words in headings(request.getfixturevalue(name))]
    expected = ["The result", "The data", "The training", *wrong, *weights, "The derivation", "How to repeat it"]
    assert shown == expected


def test_identifiers_are_unique_and_links_lead_somewhere(run: Run) -> None:
    elements = parsed(run)
    ids = elements.ids()
    assert len(ids) == len(set(ids))
    links = [attributes.get("href") or "" for tag, attributes in elements.found if tag == "a"]
    inside = {link[1:] for link in links if link.startswith("#")}
    assert inside <= set(ids)
    used = [value for tag, attributes in elements.found if tag == "use" and (value := attributes.get("xlink:href"))]
    assert {value[1:] for value in used} <= set(ids)


def test_nothing_is_loaded(run: Run) -> None:
    elements = parsed(run)
    for tag, attributes in elements.found:
        for name in ("src", "href", "xlink:href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), (tag, value)
    assert [tag for tag, _ in elements.found].count("script") == 2, "the page's own"


def test_drawings_can_be_heard(run: Run) -> None:
    drawings = [attributes for tag, attributes in parsed(run).found if tag == "svg" and "role" in attributes]
    assert drawings
    for attributes in drawings:
        assert attributes["role"] == "img"
        assert len(attributes.get("aria-label") or "") > 20


def test_drawings_use_the_colours_and_letters_of_the_page(digits_run: Run) -> None:
    html = digits_run.text("report.html")
    drawing = html[html.index('id="curve-figure_1"') : html.index("</svg>", html.index('id="curve-figure_1"'))]
    assert "var(--link)" in drawing
    assert "font-family: var(--sans)" in drawing
    assert "#0" not in drawing.replace("#curve-", "")
    assert "DejaVu" not in html
    assert "<metadata" not in html


def test_the_proof_is_in_the_report(run: Run) -> None:
    steps = len(run.outcome.derivation.trace.steps)
    assert f"Proved: {steps} of {steps} steps hold." in run.text("report.html")


def test_small_networks_are_read_weight_by_weight_and_others_in_matrices(seed_run: Run, digits_run: Run) -> None:
    assert "From one example to a batch" in seed_run.text("report.html")
    assert "From one example to a batch" not in digits_run.text("report.html")


def test_the_scores_are_those_of_the_run(wine_run: Run) -> None:
    html, scores = wine_run.text("report.html"), wine_run.outcome.evaluation.figures()
    for part in ("train", "held_out", "linear_model", "constant"):
        assert f"{scores[part]['balanced_accuracy']:.3f}" in html
        assert f"{scores[part]['log_loss']:.4g}" in html
    cells = re.findall(r'class="(right|wrong)" style="--share: [\d.]+">(\d+)</td>', html)
    assert sum(int(count) for _, count in cells) == scores["held_out"]["rows"]
    assert sum(int(count) for kind, count in cells if kind == "right") == scores["held_out"]["correct"]


def test_names_that_could_do_harm_are_shown_as_they_are(hostile_run: Run) -> None:
    html, text = hostile_run.text("report.html"), " ".join(parsed(hostile_run).text)
    assert "alert(1)</script>" not in html
    for label in (*HOSTILE_LABELS[:4], "back\N{REPLACEMENT CHARACTER}tfel", "cl<a>ss"):
        assert label in text
    assert "\u202e" not in html


# --- in a browser -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_browser_shows_it_without_complaint(page: Page, run: Run, scheme: Scheme) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.emulate_media(color_scheme=scheme)
    page.goto((run.folder / "report.html").as_uri())
    page.wait_for_selector(".katex")
    assert complaints == []
    assert page.title().endswith(f"learnt by a {run.outcome.problem.specification} network")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "the page scrolls sideways"


def test_a_browser_shows_every_label_of_the_confusion_matrix(page: Page, hostile_run: Run) -> None:
    page.goto((hostile_run.folder / "report.html").as_uri())
    shown = page.locator(".confusion thead th").all_inner_texts()
    labels = hostile_run.outcome.problem.prepared.class_labels or ()
    assert shown == [label.replace("\u202e", "\N{REPLACEMENT CHARACTER}") for label in labels]


def test_text_in_drawings_can_be_read_on_any_ground(page: Page, diabetes_run: Run) -> None:
    colours = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.goto((diabetes_run.folder / "report.html").as_uri())
        script = "getComputedStyle(document.querySelector('svg[role=img] text')).fill"
        colours.append((page.evaluate(script), page.evaluate("getComputedStyle(document.body).backgroundColor")))
    (light_ink, light_paper), (dark_ink, dark_paper) = ((_luminance(a), _luminance(b)) for a, b in colours)
    assert light_paper - light_ink > 0.4
    assert dark_ink - dark_paper > 0.4


def _luminance(colour: str) -> float:
    red, green, blue = (int(number) / 255 for number in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_phone_scrolls_tables_and_drawings_but_not_the_page(page: Page, digits_run: Run) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto((digits_run.folder / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
