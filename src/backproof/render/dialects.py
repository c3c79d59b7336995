"""Dialects: the spelling of every sign in LaTeX, Unicode text and ASCII; one table each."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from backproof.render.symbols import ACCENTS, GREEK, ascii_text, latex_text, plain_text
from backproof.render.widths import columns, latex_width


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dialect:
    """How one target language writes formulas.

    Args:
        name: what the dialect is called in options and messages.
        stacked: fractions are stacked and exponents raised, so that their parts need no parentheses.
        plus: the binary sign, spaces included; so ``minus``, ``times``, ``greater``.
        negative: the sign before a number or term.
        hadamard: the sign of the element-wise product for each choice of the notation; so ``matmul``.
        letter: a base, such as ``x``, ``lambda`` or ``my_weight``.
        accented: an accent over a spelt base.
        scripted: a spelt base with the parts of its subscript, and with indices below and above, where there are any.
        adjoint: the Δ before the layer's quantity; None where the dialect has no such sign and writes δ_1 instead.
        fraction: a over b, where ``stacked``; elsewhere a / b.
        fenced: a text in parentheses, brackets or bars, by the name of the fence.
        raised: x to a power that is not handled by root or fraction.
        root: the square root.
        transposed: x with the sign of transposition.
        partial: ∂a/∂b.
        exponential: e to the x.
        summed: the sign of a sum with what it runs over: ``""``, ``"rows"``, ``"columns"``; then the body.
        summed_over: the sign of a sum over an index from 1 to a size; then the body.
        cases: one thing where a condition holds, another otherwise.
        matrix: rows of entries, in one line.
        repeated: a quantity repeated to a shape, where that must be visible.
        scientific: a mantissa (empty for 1) times a power of ten.
        dots: what stands for entries left out: beside, below and diagonally.
        applied: a function of an argument, by the function's name, with what it runs along, or nothing.
        text: arbitrary text made harmless, as the dialect has it within text.
        measure: the width of a spelt text, in letters.
    """

    name: str
    stacked: bool
    plus: str
    minus: str
    negative: str
    times: str
    greater: str
    pi: str
    hadamard: Mapping[str, str]
    matmul: Mapping[str, str]
    letter: Callable[[str], str]
    accented: Callable[[str, str], str]
    scripted: Callable[[str, tuple[str, ...], str, str], str]
    adjoint: str | None
    fraction: Callable[[str, str], str]
    fenced: Callable[[str, str], str]
    raised: Callable[[str, str], str]
    root: Callable[[str], str]
    transposed: Callable[[str], str]
    partial: Callable[[str, str], str]
    exponential: Callable[[str], str]
    summed: Callable[[str, str], str]
    summed_over: Callable[[str, str, str], str]
    cases: Callable[[str, str, str], str]
    matrix: Callable[[list[list[str]]], str]
    repeated: Callable[[str, str], str]
    scientific: Callable[[str, str], str]
    dots: tuple[str, str, str]
    applied: Callable[..., str]
    text: Callable[[str], str]
    measure: Callable[[str], float]

    def __repr__(self) -> str:
        return self.name.upper()


# --- function names -----------------------------------------------------------------------------------------------

FUNCTION_WORDS: Mapping[str, str] = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "silu": "SiLU",
    "gelu": "GELU",
    "identity": "id",
    "huber": "Huber",
    "log_cosh": "logcosh",
}
"""Names that people write otherwise than identifiers do; the same in every dialect."""

TEXT_FUNCTIONS: Mapping[str, str] = {**FUNCTION_WORDS, "sigmoid": "σ", "normal_pdf": "φ", "normal_cdf": "Φ"}

LATEX_COMMANDS = ("tanh", "log", "sin", "cos", "tan", "sinh", "cosh", "min")
LATEX_FUNCTIONS: Mapping[str, str] = {
    **{word: rf"\operatorname{{{spelling}}}" for word, spelling in FUNCTION_WORDS.items()},
    **{word: rf"\{word}" for word in LATEX_COMMANDS},
    "sigmoid": r"\sigma",
    "normal_pdf": r"\varphi",
    "normal_cdf": r"\Phi",
}

# --- LaTeX --------------------------------------------------------------------------------------------------------

TALL = (r"\frac", r"\sum", r"\begin", r"\sqrt", r"\left")
"""Commands that make a formula taller than plain parentheses."""

LATEX_FENCES: Mapping[str, tuple[str, str]] = {"(": ("(", ")"), "[": ("[", "]"), "|": ("|", "|")}


def _is_word(text: str) -> bool:
    return text.isascii() and text.replace("_", "").isalnum()


def _latex_letter(base: str) -> str:
    if len(base) == 1 and base.isascii() and base.isalpha():
        return base
    if base in GREEK:
        return f"\\{base}"
    if _is_word(base):
        return rf"\mathrm{{{base.replace('_', chr(92) + '_')}}}"
    return rf"\text{{{latex_text(base)}}}"


def _latex_script(mark: str, script: str) -> str:
    if not script:
        return ""
    return mark + (script if len(script) == 1 else f"{{{script}}}")


def _latex_scripted(base: str, sub: tuple[str, ...], below: str, above: str) -> str:
    own = ",".join(part if part.isdigit() or part in ("k-1", "k+1") else _latex_letter(part) for part in sub)
    lowered = ";".join(part for part in (own, below) if part)
    return base + _latex_script("_", lowered) + _latex_script("^", above)


def _latex_fenced(fence: str, body: str) -> str:
    opening, closing = LATEX_FENCES[fence]
    if any(command in body for command in TALL):
        return rf"\left{opening} {body} \right{closing}"
    return f"{opening}{body}{closing}"


def _latex_summed(over: str, body: str) -> str:
    return rf"\sum_{{\text{{{over}}}}} {body}" if over else rf"\sum {body}"


def _latex_applied(name: str, argument: str, along: str = "") -> str:
    function = LATEX_FUNCTIONS.get(name)
    if function is None:
        spelt = latex_text(name) if _is_word(name) else rf"\text{{{latex_text(name)}}}"
        function = rf"\operatorname{{{spelt}}}"
    subscript = rf"_{{\text{{{along}}}}}" if along else ""
    fenced = _latex_fenced("(", argument)
    # TeX would set tall parentheses apart from the function.
    closer = r"\!" if fenced.startswith(r"\left") else ""
    return function + subscript + closer + fenced


def _latex_exponential(x: str) -> str:
    # Sums and fractions are too small to read in an exponent.
    return rf"\exp\!{_latex_fenced('(', x)}" if any(command in x for command in TALL) else f"e^{{{x}}}"


def _latex_matrix(rows: list[list[str]]) -> str:
    lines = [" & ".join(row) for row in rows]
    gap = "6pt" if any(r"\frac" in line for line in lines) else "2pt"
    newline = rf" \\[{gap}] "
    return rf"\begin{{bmatrix}} {newline.join(lines)} \end{{bmatrix}}"


LATEX = Dialect(
    name="latex",
    stacked=True,
    plus=" + ",
    minus=" - ",
    negative="-",
    times=r" \times ",
    greater=" > ",
    pi=r"\pi",
    hadamard={"∘": r" \circ ", "×": r" \times ", "⊙": r" \odot "},
    matmul={".": r" \mathbin{.} ", "·": r" \cdot ", "juxtaposition": r" \, "},
    letter=_latex_letter,
    accented=lambda accent, base: rf"\{accent}{{{base}}}",
    scripted=_latex_scripted,
    adjoint=r"\Delta ",
    fraction=lambda a, b: rf"\frac{{{a}}}{{{b}}}",
    fenced=_latex_fenced,
    raised=lambda x, exponent: f"{x}{_latex_script('^', exponent)}",
    root=lambda x: rf"\sqrt{{{x}}}",
    transposed=lambda x: rf"{x}^\top",
    partial=lambda a, b: rf"\frac{{\partial {a}}}{{\partial {b}}}",
    exponential=_latex_exponential,
    summed=_latex_summed,
    summed_over=lambda index, size, body: rf"\sum_{{{index}=1}}^{{{size}}} {body}",
    cases=lambda condition, a, b: (
        rf"\begin{{cases}} {a} & \text{{if }} {condition} \\ {b} & \text{{otherwise}} \end{{cases}}"
    ),
    matrix=_latex_matrix,
    repeated=lambda x, shape: rf"\operatorname{{rep}}_{{{shape}}}{_latex_fenced('(', x)}",
    scientific=lambda mantissa, exponent: rf"{mantissa} \times 10^{{{exponent}}}" if mantissa else f"10^{{{exponent}}}",
    dots=(r"\cdots", r"\vdots", r"\ddots"),
    applied=_latex_applied,
    text=latex_text,
    measure=latex_width,
)

# --- Unicode text -------------------------------------------------------------------------------------------------

TEXT_FENCES: Mapping[str, str] = {"(": "({})", "[": "[{}]", "|": "|{}|"}
SUPERSCRIPT_DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _text_script(script: str) -> str:
    return script if len(script) == 1 else f"{{{script}}}"


def _text_scripted(base: str, sub: tuple[str, ...], below: str, above: str) -> str:
    own = "_".join(f"{{{part}}}" if part in ("k-1", "k+1") else part for part in sub)
    lowered = _text_script(f"{own};{below}" if own else below) if below else own
    return base + (f"_{lowered}" if lowered else "") + (f"^{_text_script(above)}" if above else "")


def _text_applied(function: str, argument: str, along: str) -> str:
    return f"{function}_{along}({argument})" if along else f"{function}({argument})"


def _text_matrix(rows: list[list[str]]) -> str:
    return "[" + "; ".join(", ".join(row) for row in rows) + "]"


def _unicode_accented(accent: str, base: str) -> str:
    return unicodedata.normalize("NFC", base + ACCENTS[accent])


def _unicode_raised(x: str, exponent: str) -> str:
    if exponent.removeprefix("-").isdigit():
        return x + exponent.translate(SUPERSCRIPT_DIGITS)
    return f"{x}^({exponent})"


UNICODE = Dialect(
    name="unicode",
    stacked=False,
    plus=" + ",
    minus=" − ",
    negative="−",
    times=" × ",
    greater=" > ",
    pi="π",
    hadamard={"∘": " ∘ ", "×": " × ", "⊙": " ⊙ "},
    matmul={".": " . ", "·": " · ", "juxtaposition": " "},
    letter=lambda base: GREEK.get(base) or plain_text(base),
    accented=_unicode_accented,
    scripted=_text_scripted,
    adjoint="Δ",
    fraction=lambda a, b: f"{a}/{b}",
    fenced=lambda fence, body: TEXT_FENCES[fence].format(body),
    raised=_unicode_raised,
    root=lambda x: f"√({x})",
    transposed=lambda x: f"{x}ᵀ",
    partial=lambda a, b: f"∂{a}/∂{b}",
    exponential=lambda x: f"exp({x})",
    summed=lambda over, body: f"Σ_{over} {body}" if over else f"Σ {body}",
    summed_over=lambda index, size, body: f"Σ_{{{index}=1..{size}}} {body}",
    cases=lambda condition, a, b: f"{{{a} if {condition}; {b} otherwise}}",
    matrix=_text_matrix,
    repeated=lambda x, shape: f"rep_{{{shape}}}({x})",
    scientific=lambda mantissa, exponent: f"{mantissa or 1}e{exponent}",
    dots=("⋯", "⋮", "⋱"),
    applied=lambda name, argument, along="": _text_applied(
        TEXT_FUNCTIONS.get(name) or plain_text(name), argument, along
    ),
    text=plain_text,
    measure=columns,
)

# --- ASCII --------------------------------------------------------------------------------------------------------

ASCII = Dialect(
    name="ascii",
    stacked=False,
    plus=" + ",
    minus=" - ",
    negative="-",
    times=" * ",
    greater=" > ",
    pi="pi",
    hadamard={"∘": " * ", "×": " * ", "⊙": " * "},
    matmul={".": " . ", "·": " . ", "juxtaposition": " "},
    letter=ascii_text,
    accented=lambda accent, base: f"{base}_{accent}",
    scripted=_text_scripted,
    adjoint=None,
    fraction=lambda a, b: f"{a}/{b}",
    fenced=lambda fence, body: TEXT_FENCES[fence].format(body),
    raised=lambda x, exponent: f"{x}**{exponent if exponent.isdigit() else f'({exponent})'}",
    root=lambda x: f"sqrt({x})",
    transposed=lambda x: f"{x}^T",
    partial=lambda a, b: f"d{a}/d{b}",
    exponential=lambda x: f"exp({x})",
    summed=lambda over, body: f"sum_{over} {body}" if over else f"sum {body}",
    summed_over=lambda index, size, body: f"sum_{{{index}=1..{size}}} {body}",
    cases=lambda condition, a, b: f"{{{a} if {condition}; {b} otherwise}}",
    matrix=_text_matrix,
    repeated=lambda x, shape: f"rep_{{{shape}}}({x})",
    scientific=lambda mantissa, exponent: f"{mantissa or 1}e{exponent}",
    dots=("...", ":", "..."),
    applied=lambda name, argument, along="": _text_applied(
        FUNCTION_WORDS.get(name) or ascii_text(name), argument, along
    ),
    text=ascii_text,
    measure=columns,
)

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (LATEX, UNICODE, ASCII)}
"""Every dialect by name."""
