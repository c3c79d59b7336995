"""HTML documents in Chromium: every formula set, nothing loaded; read by pointer, finger and keyboard, and printed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from markupsafe import Markup

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.ir.expr import Elementwise, Expr, Name
from backproof.ir.program import Program
from backproof.notation import Notation
from backproof.render.document import Badge, Block, Certified, Display, Document, Heading, Paragraph, Reference
from backproof.render.html import HtmlSection, to_html
from backproof.render.outline import Numbers, outline
from backproof.render.symbols import ACCENTS, GREEK
from backproof.rules.elementwise import FUNCTIONS, softplus

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

WIDTH, HEIGHT = 1280, 900
PHONE_WIDTH, PHONE_HEIGHT = 375, 740
EVIL = "<script>window.attacked = 1</script>\"'$\\%&{}<img src=x onerror='window.attacked = 2'>"

PROVED = Badge(True, "proved", "exact identity at 3 points")
BADGES = dict.fromkeys(range(1, 1000), PROVED)
CERTIFIED = Certified(True, ("Every step holds.", "Tested at 3 points."))


def eventually(page: Page, condition: str) -> None:
    """Waits until the JavaScript expression is true; the page's own policy forbids playwright's way to do so."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never true: {condition}")


def derived(program: Program, **options: Any) -> Document:
    facts = {"made by": "Backproof"}
    return outline(backpropagate(program), badges=BADGES, certified=CERTIFIED, facts=facts, **options)


def with_numbers(program: Program) -> Document:
    random = np.random.default_rng(0)
    names = (*program.inputs, *program.parameters)
    values = {name.id: random.uniform(-1, 1, [d for d in name.shape if isinstance(d, int)]) for name in names}
    return derived(program, numbers=Numbers(values, 0.5))


def hostile() -> Document:
    name, matrix = Name(EVIL), Name(EVIL + "_1", (3, 2))
    proof = Badge(False, EVIL, EVIL)
    blocks = (
        Heading(1, (EVIL, name), "hostile"),
        Paragraph((EVIL,)),
        Display(1, matrix, (matrix + matrix,), reason=EVIL, note=(EVIL,), badge=proof),
    )
    return Document((EVIL, name), Notation(), blocks, {EVIL: EVIL})


def every_sign() -> Document:
    """What every sign means, and every letter and accent that a name may spell out."""
    signs = (convention.example for convention in Notation().describe())
    letters = (Name(f"{letter}_{accent}") for letter in GREEK for accent in ACCENTS)
    functions = (Elementwise(fn, Name("x")) for fn in FUNCTIONS.values())
    return Document((), Notation(), tuple(Paragraph((sign,)) for sign in (*signs, *letters, *functions)))


NOTATIONS = {
    "plain": Notation(delta="δ", hadamard="⊙", matmul="·", indices="plain", numbers="decimals"),
    "juxtaposed": Notation(hadamard="×", matmul="juxtaposition"),
}

DOCUMENTS: dict[str, Callable[[], Document]] = {
    "the seed": lambda: derived(bp.mlp(3, 2, 1)),
    "the seed as matrices": lambda: derived(bp.mlp(3, 2, 1), view="matrix"),
    "the seed with numbers": lambda: with_numbers(bp.mlp(3, 2, 1, batch=1)),
    "columns": lambda: derived(bp.mlp(3, 2, 1, samples="columns", bias=True), notation=NOTATIONS["plain"]),
    "classes": lambda: derived(bp.mlp(64, 32, 10, loss="cross_entropy", bias=True), notation=NOTATIONS["juxtaposed"]),
    "every kink": lambda: derived(
        bp.mlp(2, 2, 2, 2, 2, activation=("relu", "leaky_relu", "elu", "gelu"), loss="huber")
    ),
    "penalised": lambda: derived(bp.mlp(4, 3, 1, loss="binary_cross_entropy", penalty=0.1), view="summary"),
    "every sign": every_sign,
    "hostile": hostile,
}


@dataclass
class Opened:
    """A document in the browser, with all that the browser complained of and asked for."""

    page: Page
    path: Path
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def show(self, html: str, anchor: str = "") -> Page:
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request))
        self.path.write_text(html, encoding="utf-8")
        self.page.goto(self.path.as_uri() + anchor)
        return self.page


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Opened:
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    return Opened(page, tmp_path / "document.html")


@pytest.fixture(scope="module")
def seed() -> str:
    return to_html(derived(bp.mlp(3, 2, 1)))


a, b = Name("a"), Name("b")
FAR = tuple(Paragraph((f"Paragraph {k} of some length.",)) for k in range(40))
LONG: tuple[Expr, ...] = tuple(Name(f"quantity_{k}") for k in range(12))


@pytest.fixture(scope="module")
def small() -> str:
    """Equation (1) far above those that cite it, a wide one (4) without a place to break it, and more text below."""
    blocks: tuple[Block, ...] = (
        Heading(1, ("First part",), "first"),
        Display(1, a, (b * b, b**2), shape=(3, 2), badge=PROVED, reason="a power"),
        *FAR,
        Heading(1, ("Second part",), "second"),
        Display(2, b, (a + 1,), badge=PROVED),
        Paragraph(("By ", Reference(1), " and ", Reference(2), ",")),
        Display(3, a, (b + 1,), badge=PROVED, reason="substituting", uses=(1, 2)),
        Display(
            4, a, (Elementwise(softplus, reduce(operator.mul, LONG)),), note=("using ", Reference(3)), badge=PROVED
        ),
        *FAR,
        CERTIFIED,
    )
    return to_html(Document(("A small document",), Notation(), blocks, {"made by": "Backproof"}))


def on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": PHONE_WIDTH, "height": PHONE_HEIGHT})


# --- formulas -----------------------------------------------------------------------------------------------------


FONTS_MISSING = """() => {
    const needed = new Set();
    const embedded = new Set([...document.fonts].map((face) => [face.family, face.weight, face.style].join()));
    for (const element of document.querySelectorAll(".katex-html *")) {
        if (![...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) continue;
        const { fontFamily, fontWeight, fontStyle } = getComputedStyle(element);
        needed.add([fontFamily.split(",")[0].replaceAll('"', ""), fontWeight, fontStyle].join());
    }
    const normal = (face) => face.replace(",normal", ",400").replace(",bold", ",700");
    const known = new Set([...embedded].map(normal));
    return [...needed].map(normal).filter((face) => !known.has(face));
}"""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_formula_is_set_and_nothing_is_loaded(opened: Opened, name: str) -> None:
    page = opened.show(to_html(DOCUMENTS[name]()))
    formulas = page.locator("[data-tex]").count()
    assert formulas > 1
    assert page.locator("[data-tex].typeset > :is(.katex, .katex-display)").count() == formulas
    assert page.locator(".katex-error").count() == 0
    assert opened.complaints == []
    urls = [request.url for request in opened.requests]
    assert [url for url in urls if not url.startswith("data:font/woff2")] == [opened.path.as_uri()]
    assert page.evaluate("window.attacked") is None
    if name != "hostile":  # labels may need letters that only the reader's own fonts have
        assert page.evaluate(FONTS_MISSING) == []


def test_formulas_can_be_read_without_scripts(browser: Browser, seed: str, tmp_path: Path) -> None:
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.set_content(seed)
    assert "∂L/∂W_1 = Xᵀ . Δl_1" in page.locator(".formula").all_text_contents()
    assert page.locator(".contents a").first.is_visible()
    assert not page.locator(".copy").first.is_visible()
    for number in (4, 5):
        page.locator(f"#eq-{number} summary").click()
    assert page.locator("details.why[open]").count() == 1
    context.close()


def test_a_formula_that_katex_refuses_stays_readable(opened: Opened, small: str) -> None:
    page = opened.show(small.replace('data-tex="b = a + 1"', r'data-tex="\frac{b"'))
    assert page.locator("#eq-2 .math").text_content() == "b = a + 1"
    assert [text.split(":")[0] for text in opened.complaints] == ["equation not set"]


# --- safety -------------------------------------------------------------------------------------------------------


def test_the_policy_stops_what_a_section_smuggles_in(opened: Opened) -> None:
    smuggled = Markup(
        "<script>window.attacked = 1</script><p id='on' onclick='window.attacked = 2'>press</p>"
        "<img src='http://attacker.test/x.png'><iframe src='http://attacker.test/'></iframe>"
    )
    html = to_html(derived(bp.mlp(1, 1)), extra_sections=[HtmlSection("More", "more", smuggled)])
    page = opened.show(html)
    page.click("#on")
    assert page.evaluate("window.attacked") is None
    assert all(request.failure == "csp" for request in opened.requests if "attacker" in request.url)
    assert len([text for text in opened.complaints if "Content Security Policy" in text]) >= 3


# --- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DOCUMENTS)
def test_on_a_phone_the_page_never_scrolls_sideways(opened: Opened, name: str) -> None:
    on_a_phone(opened.page)
    page = opened.show(to_html(DOCUMENTS[name]()))
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE_WIDTH
    page.evaluate("scrollTo(1000, 0)")
    assert page.evaluate("scrollX") == 0


def test_on_a_phone_a_wide_table_of_an_added_section_scrolls_by_itself(opened: Opened) -> None:
    on_a_phone(opened.page)
    cells = Markup("".join(f"<td>value {k}</td>" for k in range(30)))
    section = HtmlSection("Table", "table", Markup(f"<table><tr>{cells}</tr></table>"))
    page = opened.show(to_html(derived(bp.mlp(1, 1)), extra_sections=[section]))
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE_WIDTH
    assert page.evaluate("document.querySelector('section table').scrollWidth") > PHONE_WIDTH


def test_on_a_phone_a_wide_equation_scrolls_in_its_box_by_keyboard_too(opened: Opened, small: str) -> None:
    on_a_phone(opened.page)
    page = opened.show(small)
    page.locator("#eq-4 .formula").scroll_into_view_if_needed()
    eventually(page, "document.querySelector('#eq-4 .formula').tabIndex === 0")
    assert page.locator("#eq-2 .formula[tabindex]").count() == 0
    page.locator("#eq-4 .formula").focus()
    page.keyboard.press("ArrowRight")
    eventually(page, "document.querySelector('#eq-4 .formula').scrollLeft > 0")


def test_on_a_screen_no_equation_of_the_seed_is_cut(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    wide = "[...document.querySelectorAll('.formula')].filter((box) => box.scrollWidth > box.clientWidth + 1).length"
    assert page.evaluate(wide) == 0


SETTLED = "Math.abs((window.before ?? -9) - (window.before = scrollY)) < 1"


def shows(page: Page, number: int) -> bool:
    box = page.locator(f"#eq-{number}").bounding_box()
    return box is not None and 0 <= box["y"] < HEIGHT - box["height"]


@pytest.mark.parametrize("number", [1, 25, 45])
def test_a_link_to_an_equation_shows_it(opened: Opened, seed: str, number: int) -> None:
    page = opened.show(seed, f"#eq-{number}")
    eventually(page, SETTLED)
    assert shows(page, number)


def follow_link(page: Page, number: int) -> None:
    """Puts a link to an equation at the top of the document and follows it."""
    link = "(main, n) => main.insertAdjacentHTML('afterbegin', `<a id='go' href='#eq-${n}'>go</a>`)"
    page.locator("main").evaluate(link, number)
    page.click("#go")
    eventually(page, f"document.getElementById('eq-{number}').getBoundingClientRect().top < innerHeight")
    eventually(page, SETTLED)


def test_a_link_within_the_document_leads_to_the_equation(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    last = page.locator(".number").last
    number = int((last.get_attribute("href") or "").removeprefix("#eq-"))
    follow_link(page, number)
    assert shows(page, number)
    assert page.evaluate("document.querySelector(':target').id") == f"eq-{number}"


def test_the_contents_follow_the_reader(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    last = page.locator(".contents a").last
    assert last.get_attribute("aria-current") is None
    last.click()
    eventually(page, "document.querySelector('.contents li:last-child > a').ariaCurrent === 'location'")
    assert page.locator(".contents [aria-current]").count() == 1


def test_the_contents_stand_beside_the_text_or_are_folded_above_it(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    first = page.locator(".contents a").first
    assert first.is_visible()
    on_a_phone(page)
    eventually(page, "!document.querySelector('.contents details').open")
    page.click(".contents summary")
    first.click()
    eventually(page, "!document.querySelector('.contents details').open")


# --- equations that are cited -------------------------------------------------------------------------------------


@pytest.fixture
def citing(opened: Opened, small: str) -> Iterator[Page]:
    """Scrolled to the paragraph that cites equation (1), far above, and (2), just above."""
    page = opened.show(small)
    page.evaluate("document.getElementById('eq-3').scrollIntoView({ block: 'center', behavior: 'instant' })")
    page.wait_for_timeout(100)
    yield page
    assert opened.complaints == []


def test_a_cited_equation_is_shown_under_the_pointer_and_marked(citing: Page) -> None:
    citing.locator("main > p > a.ref[href='#eq-1']").hover()
    preview = citing.locator("#bp-preview")
    assert preview.is_visible()
    assert preview.locator(".katex").count() == 1
    assert preview.text_content() == citing.locator("#eq-1 .math").text_content()
    assert citing.locator("#eq-1.cited").count() == 1
    preview.hover()  # it stays, for one may want to scroll in it
    citing.wait_for_timeout(350)
    assert preview.is_visible()
    citing.mouse.move(5, 5)
    citing.wait_for_selector("#bp-preview", state="hidden")
    assert citing.locator(".cited").count() == 0


def test_a_cited_equation_that_is_in_sight_is_only_marked(citing: Page) -> None:
    citing.locator("main > p > a.ref[href='#eq-2']").hover()
    eventually(citing, "document.getElementById('eq-2').matches('.cited')")
    assert not citing.locator("#bp-preview").is_visible()


def test_a_cited_equation_is_shown_to_the_keyboard_and_escape_hides_it(citing: Page) -> None:
    link = citing.locator("main > p > a.ref[href='#eq-1']")
    citing.keyboard.press("Tab")  # from now on the focus is the keyboard's
    link.focus()
    assert citing.locator("#bp-preview").is_visible()
    assert link.get_attribute("aria-describedby") == "bp-preview"
    citing.keyboard.press("Escape")
    assert not citing.locator("#bp-preview").is_visible()
    assert link.get_attribute("aria-describedby") is None


# --- proofs and copies --------------------------------------------------------------------------------------------


def test_the_details_of_a_proof_open_by_keyboard_one_at_a_time(citing: Page) -> None:
    for number in (2, 3):
        citing.locator(f"#eq-{number} summary").focus()
        citing.keyboard.press("Enter")
        detail = citing.locator(f"#eq-{number} .detail")
        assert detail.is_visible()
        assert "exact identity at 3 points" in detail.inner_text()
        eventually(citing, "document.querySelectorAll('.why[open]').length === 1")
        card = detail.bounding_box()
        assert card is not None
        below = {"x": card["x"] + 5, "y": card["y"] + card["height"] - 5}
        hit = "({ x, y }) => Boolean(document.elementFromPoint(x, y).closest('.detail'))"
        assert citing.evaluate(hit, below), "the card is cut off at the edge of its equation"
    assert "substituting, using (1), (2)" in citing.locator("#eq-3 .detail").inner_text()
    citing.keyboard.press("Escape")
    assert citing.locator(".why[open]").count() == 0


def test_the_latex_of_an_equation_is_copied(citing: Page) -> None:
    citing.context.grant_permissions(["clipboard-read", "clipboard-write"])
    citing.locator("#eq-3").hover()
    citing.locator("#eq-3 .copy").click()
    eventually(citing, "document.querySelector('#eq-3 .copy').textContent === 'copied'")
    assert citing.evaluate("navigator.clipboard.readText()") == "a = b + 1"
    assert citing.locator("#bp-status").inner_text() == "LaTeX copied"
    eventually(citing, "document.querySelector('#eq-3 .copy').textContent === 'copy'")


# --- colours, motion and paper ------------------------------------------------------------------------------------

CONTRASTS = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const luminance = (colour) => {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const linear = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((byte) => {
            const part = byte / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const paper = getComputedStyle(document.body).backgroundColor;
    return ["p", "h1", ".contents a", ".number", ".ref", ".shape", ".why summary", ".verdict", "dt", ".note"].map(
        (selector) => {
            const colour = getComputedStyle(document.querySelector(selector)).color;
            const [dark, light] = [luminance(colour), luminance(paper)].sort((a, b) => a - b);
            return [selector, (light + 0.05) / (dark + 0.05)];
        },
    );
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_paper(opened: Opened, small: str, scheme: Any) -> None:
    opened.page.emulate_media(color_scheme=scheme)
    page = opened.show(small)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) == 10
    assert [selector for selector, ratio in contrasts if ratio < 4.5] == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(253, 252, 249)") == (scheme == "light")


@pytest.mark.parametrize(("motion", "behaviour"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_who_wants_no_motion_gets_none(opened: Opened, seed: str, motion: Any, behaviour: str) -> None:
    opened.page.emulate_media(reduced_motion=motion)
    page = opened.show(seed)
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == behaviour


def test_paper_has_no_buttons_and_no_cut_equations(opened: Opened, seed: str) -> None:
    page = opened.show(seed)
    page.emulate_media(media="print")
    for selector in (".contents", ".copy", ".skip", ".permalink"):
        assert not page.locator(selector).first.is_visible(), selector
    assert page.evaluate("getComputedStyle(document.querySelector('.equation')).breakInside") == "avoid"
    assert page.evaluate("getComputedStyle(document.querySelector('.equation')).contentVisibility") == "visible"
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_document_of_fifty_layers_opens_and_jumps_land(opened: Opened) -> None:
    page = opened.show(to_html(derived(bp.mlp(*(8,) * 51), fold=False)), "#eq-400")
    formulas = page.locator("[data-tex]").count()
    assert formulas > 500
    assert page.locator("[data-tex].typeset").count() == formulas
    assert opened.complaints == []
    eventually(page, SETTLED)
    assert shows(page, 400)
    page.goto("about:blank")
    page.goto(opened.path.as_uri())
    follow_link(page, 300)
    assert shows(page, 300)
