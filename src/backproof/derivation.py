"""The public face of a derivation: read it, prove it, put numbers in it, turn it into source, run it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from backproof.backprop.spell_out import scalar_view
from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.emit import source
from backproof.errors import SpecificationError, suggestion
from backproof.files import atomic_write_text
from backproof.ir.arguments import checked_arguments, checked_values, positive_number
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.program import Program
from backproof.kernels import Kernel, compile_trace
from backproof.notation import Notation
from backproof.optimizers import Optimizer, optimizer_named
from backproof.page import Page, build_page, shown_structure
from backproof.proof import METHODS, Certificate, StepProof, prove, prove_view
from backproof.render.data import to_data
from backproof.render.dialects import UNICODE
from backproof.render.document import Badge, Certified, Document
from backproof.render.html import to_html
from backproof.render.jupyter import mimebundle
from backproof.render.latex import to_latex
from backproof.render.layout import typeset_equation
from backproof.render.markdown import to_markdown
from backproof.render.outline import Numbers, View, outline
from backproof.render.text import to_text
from backproof.rules.examples import example_values
from backproof.version import __version__

VIEWS: tuple[View, ...] = get_args(View)
FORMATS: Mapping[str, str] = {
    ".txt": "text",
    ".tex": "latex",
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".json": "json",
    ".py": "source",
    ".js": "javascript",
    ".mjs": "javascript",
}
"""What a file holds, by its suffix."""


def derive(
    net: Program | Trace, *, wrt: Iterable[str] | None = None, notation: Notation | None = None, view: View = "scalar"
) -> Derivation:
    """∂L/∂θ for every parameter θ, derived step by step.

    Args:
        net: a network made by ``bp.mlp``, or any program with a scalar loss.
        wrt: identifiers to differentiate by, inputs among them; all parameters where not given.
        notation: the signs to write it in; the seed's where not given.
        view: how it is read first: ``"scalar"`` weight by weight, ``"matrix"``, or ``"summary"``.

    Returns:
        The derivation; print it, or take ``.html()``, ``.latex()``, ``.markdown()``, ``.prove()``, ``.compile()``.

    Raises:
        SpecificationError: an identifier that the program does not have.

    Example:
        >>> import backproof as bp
        >>> d = bp.derive(bp.mlp(3, 2, 1))
        >>> print(d.equations["delta_1"])
        Δl_1 = (Δl_2 . W_2ᵀ) ∘ l_1 ∘ (1 − l_1)
    """
    trace = net if isinstance(net, Trace) else backpropagate(net, wrt=wrt)
    return Derivation(trace, notation or Notation()).view(view)


@dataclass(frozen=True)
class Derivation:
    """A derivation to read, to prove and to run. Made by ``bp.derive``."""

    trace: Trace
    notation: Notation = field(default_factory=Notation)
    reading: View = "scalar"
    certificate: Certificate | None = None
    numbers: Numbers | None = None
    rule: Optimizer | None = None

    # --- how it is read -----------------------------------------------------------------------------------------

    def view(self, name: str) -> Derivation:
        """The same derivation, read another way: ``"scalar"``, ``"matrix"`` or ``"summary"``.

        Raises:
            SpecificationError: there is no such view.
        """
        if name not in VIEWS:
            raise SpecificationError(f"unknown view {name!r}; {suggestion(name, VIEWS)}")
        return replace(self, reading=name)

    def proved(self, *, points: int = 3, seed: int = 0) -> Derivation:
        """The same derivation with its certificate, which its documents show."""
        return self if self.certificate is not None else replace(self, certificate=self.prove(points=points, seed=seed))

    def with_numbers(
        self, values: Mapping[str, Any] | None = None, *, seed: int = 0, learning_rate: float | None = 0.5
    ) -> Derivation:
        """The same derivation with every equation's value, for given or seeded random inputs and parameters.

        Args:
            values: arrays by identifier; what is missing is drawn, in numbers of two decimals.
            seed: for what is drawn.
            learning_rate: η of the one update shown at the end; None for no update.

        Raises:
            SpecificationError, ShapeError, DataError: values that do not fit.
        """
        program = self.trace.source
        names = (*program.inputs, *program.parameters)
        given = checked_values(names, dict(values or {}), np.dtype(float), "value")
        return replace(self, numbers=Numbers(example_values(program, seed, given), learning_rate))

    def with_optimizer(self, optimizer: str | Optimizer) -> Derivation:
        """The same derivation with the equations of an update rule after its gradients.

        Args:
            optimizer: a name, perhaps with parameters as in ``"adam(beta_1=0.95)"``, or a rule of your own.

        Raises:
            SpecificationError: an unknown name.

        Example:
            >>> import backproof as bp
            >>> "θ ← θ − η × v" in bp.derive(bp.mlp(3, 2, 1)).with_optimizer("momentum").text()
            True
        """
        return replace(self, rule=optimizer_named(optimizer))

    def document(self) -> Document:
        """The derivation as a document, from which every format is made."""
        certificate = self.certificate
        steps = () if certificate is None else certificate.steps
        shown = self.view_proofs if certificate is not None and self.reading == "scalar" else steps
        return outline(
            self.trace,
            view=self.reading,
            notation=self.notation,
            badges=_badges(shown),
            trace_badges=_badges(steps),
            certified=None if certificate is None else Certified(certificate.ok, certificate.summary()),
            numbers=self.numbers,
            rule=self.rule,
            facts={"made by": f"Backproof {__version__}"},
        )

    @cached_property
    def view_proofs(self) -> tuple[StepProof, ...]:
        """A proof of every displayed equation of the scalar view."""
        return prove_view(scalar_view(self.trace))

    def text(self, *, width: int = 80, ascii: bool = False, color: bool = False) -> str:
        """The derivation as text of at most ``width`` columns."""
        return to_text(self.document(), width=width, ascii=ascii, color=color)

    def latex(self, *, standalone: bool = True) -> str:
        """The derivation in LaTeX: a whole document, or a fragment to be included in one."""
        return to_latex(self.document(), standalone=standalone)

    def html(self) -> str:
        """The derivation as one HTML file that needs no network, each equation with its proof."""
        return to_html(self.proved().document())

    def markdown(self) -> str:
        """The derivation in GitHub's Markdown, formulas in LaTeX."""
        return to_markdown(self.document())

    def json(self) -> str:
        """The steps of the view as JSON: number, equation as text and LaTeX, shape, reason, uses, proof."""
        return json.dumps(to_data(self.document()), ensure_ascii=False, indent=2)

    def save(self, path: str | Path) -> None:
        """Write the derivation whole or not at all; the suffix says in which format.

        Raises:
            SpecificationError: a suffix that stands for no format.
            OutputError: the file cannot be written.
        """
        form = format_of(path)
        text = self.source("javascript") if form == "javascript" else getattr(self, form)()
        atomic_write_text(Path(path), text)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return mimebundle(self.document())

    def __str__(self) -> str:
        return self.text()

    # --- what it is good for ------------------------------------------------------------------------------------

    @cached_property
    def equations(self) -> Mapping[str, str]:
        """Every equation of the program and of its gradients as text, by identifier."""
        joint = self.trace.joint.equations
        return {e.name.id: typeset_equation(e.name, e.value, UNICODE, self._signs) for e in joint}

    @property
    def _signs(self) -> Notation:
        structure = self.trace.source.structure
        return self.notation if structure is None else replace(self.notation, samples=structure.samples)

    def prove(self, *, points: int = 3, seed: int = 0) -> Certificate:
        """Every step proved: exactly, modulo a prime, and in numbers against fifty digits.

        Args:
            points: independent points of the identity test; the chance of error is at most (degree/p)^points.
            seed: for the points.

        Example:
            >>> import backproof as bp
            >>> bp.derive(bp.mlp(3, 2, 1)).prove().ok
            True
        """
        return prove(self.trace, points=points, seed=seed)

    def evaluate(self, **values: Any) -> Mapping[str, npt.NDArray[Any]]:
        """Every named quantity, forward and backward, from the inputs and parameters.

        Args:
            values: an array for each input and parameter.

        Returns:
            The values by identifier: ``l_1``, ``y_hat``, ``L``, ``delta_2``, ``grad_W_2``, …

        Raises:
            SpecificationError, ShapeError, DataError: values that are missing or do not fit.

        Example:
            >>> import backproof as bp
            >>> d = bp.derive(bp.mlp(1, 1, activation="identity"))
            >>> d.evaluate(X=[[2]], y=[[1]], W_1=[[3]])["grad_W_1"]
            array([[10.]])
        """
        program = self.trace.program
        parameters = {name.id for name in program.parameters}
        given = {id: value for id, value in values.items() if id in parameters}
        inputs = {id: value for id, value in values.items() if id not in parameters}
        checked = checked_arguments(program, given, inputs, np.dtype(float))
        evaluator = Evaluator(NumpyArithmetic(), checked.sizes)
        with np.errstate(all="ignore"):
            return evaluate_program(self.trace.joint, {**checked.inputs, **checked.parameters}, evaluator)

    def source(self, target: str = "numpy", **options: Any) -> str:
        """The derivation as a program in another language; see ``backproof.emit`` for the options.

        Example:
            >>> import backproof as bp
            >>> "W_1 = W_1 - learning_rate * grad_W_1" in bp.derive(bp.mlp(3, 2, 1)).source("numpy")
            True
        """
        return source(self.trace, target, **options)

    def page(
        self,
        *,
        optimizer: str = "sgd",
        learning_rate: float = 0.5,
        seed: int = 0,
        params: Mapping[str, Any] | None = None,
        data: str | Path | None = None,
    ) -> Page:
        """The derivation as a page on which the network learns and every equation shows its numbers.

        Args:
            optimizer: with which the page begins; it has the others of ``bp.train`` too.
            learning_rate: η at the beginning.
            seed: for the initial parameters, which are those of ``bp.train`` with this seed.
            params: initial parameters in their place.
            data: a CSV file: the inputs of an example, then its targets or its class.

        Returns:
            The page; ``.save(path)`` writes it, ``.html`` is its text, and notebooks show it.

        Raises:
            UnsupportedError: a program that is no network, or has what the page cannot show yet.
            DataError: a table that does not fit.

        Example:
            >>> import backproof as bp
            >>> bp.derive(bp.mlp(3, 2, 1)).page().html[:15]
            '<!DOCTYPE html>'
        """
        shown_structure(self.trace)
        proved = self.proved()
        certificate = proved.certificate
        return build_page(
            self.trace,
            {name: proved.view(name).document() for name in VIEWS},
            certified=() if certificate is None else certificate.summary(),
            optimizer=optimizer,
            learning_rate=positive_number("the learning rate", learning_rate),
            seed=seed,
            params=params,
            data=data,
        )

    def compile(self, backend: str = "auto", dtype: npt.DTypeLike = "float64") -> Kernel:
        """A callable ``(params, X, y) -> (loss, gradients)``.

        Args:
            backend: ``"numpy"``, ``"llvm"`` (machine code), or ``"auto"``: NumPy at first, machine code once so many
                calls came that it pays. Calls are counted, so that the same program gives the same bits.
            dtype: ``"float64"`` or ``"float32"``.

        Raises:
            SpecificationError: an unknown backend or dtype.

        Example:
            >>> import backproof as bp
            >>> step = bp.derive(bp.mlp(1, 1, activation="identity")).compile()
            >>> step({"W_1": [[3]]}, [[2]], [[1]])
            (12.5, {'W_1': array([[10.]])})
        """
        return compile_trace(self.trace, backend, dtype)


def format_of(path: str | Path) -> str:
    """What a file of this name holds.

    Raises:
        SpecificationError: a suffix that stands for no format.

    Example:
        >>> format_of("gradients.tex")
        'latex'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise SpecificationError(f"cannot tell a format from the suffix {suffix!r} of {path}; use one of {known}")
    return FORMATS[suffix]


def _badges(proofs: Iterable[StepProof]) -> dict[int, Badge]:
    return {proof.number: _badge(proof) for proof in proofs if proof.number is not None}


def _badge(proof: StepProof) -> Badge:
    if not proof.holds:
        return Badge(False, "does not hold", "; ".join(proof.complaints))
    chance = "" if proof.bound is None or proof.bound == 0 else f"; chance of error at most {proof.bound:.1e}"
    return Badge(True, "proved", f"{METHODS[proof.method]}{chance}")
