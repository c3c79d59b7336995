"""The mutants of a derivation: for every equation, what people write in its place, made by editing the equation itself.

Nothing is written by hand for any network: the equations of the derivation at hand are edited, so the catalogue holds
for every program that can be derived, and a mutant knows the equation, the part and the sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from backproof.backprop.trace import Trace
from backproof.checking.anatomy import Anatomy
from backproof.checking.edit import Edit
from backproof.checking.edits import as_numpy, numpy_shape
from backproof.checking.faults_of_forward import forward_edits
from backproof.checking.faults_of_gradients import backward_edits
from backproof.checking.faults_of_structure import structural_edits
from backproof.checking.kinds import rank_of, sentence_of
from backproof.ir.expr import Expr
from backproof.ir.program import Equation


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault of one equation.

    Args:
        kind: the kind of fault, a row of ``checking.kinds``.
        equation: the identifier of the equation.
        right, wrong: its right-hand side, and what was written instead.
        part: the sub-expression of ``right`` that is missing or replaced; None where no one part is.
        sentence: the fault in one sentence, in the names of the derivation.
        also: other equations that the same fault changes, with their right-hand sides.
    """

    kind: str
    equation: str
    right: Expr
    wrong: Expr
    part: Expr | None
    sentence: str
    also: tuple[tuple[str, Expr], ...] = ()

    @property
    def edits(self) -> Mapping[str, Expr]:
        """Every equation that is changed, with what it becomes."""
        return {self.equation: self.wrong, **dict(self.also)}


@dataclass
class Mutants:
    """The mutants of one derivation for given sizes, made equation by equation as they are asked for.

    Args:
        anatomy: of the derivation.
        sizes: of its symbolic dimensions: an edit that NumPy would refuse for them is none.
        learning_rate: of the training step that is checked; None where a gradient is.
    """

    anatomy: Anatomy
    sizes: Mapping[str, int]
    learning_rate: float | None = None
    _made: dict[str, tuple[Mutant, ...]] = field(default_factory=dict)

    def of(self, id: str) -> tuple[Mutant, ...]:
        """The mutants of the equation, the most common first."""
        if id not in self._made and id not in self.anatomy.backward | self.anatomy.seen_backward:
            self._made[id] = ()
        if id not in self._made:
            self._made[id] = self.of_edited(self.anatomy.equations[id])
        return self._made[id]

    def of_edited(self, equation: Equation) -> tuple[Mutant, ...]:
        """The mutants of an equation that has a fault already: a second fault in the same line."""
        made = (mutant(self.anatomy, equation, edit) for edit in self._unique(equation))
        return tuple(sorted(made, key=lambda m: rank_of(m.kind)))

    def _unique(self, equation: Equation) -> Iterator[Edit]:
        """The edits that NumPy computes, each right-hand side once: under its most telling kind, then the commonest."""
        best: dict[object, Edit] = {}
        for edit in sorted(self._of_meaning(equation), key=lambda e: rank_of(e.kind)):
            best.setdefault((edit.wrong, edit.also), edit)
        for edit in sorted(structural_edits(self.anatomy, equation), key=lambda e: rank_of(e.kind)):
            best.setdefault((edit.wrong, edit.also), edit)
        for edit in best.values():
            differs = edit.wrong != equation.value or edit.also
            if differs and numpy_shape(as_numpy(edit.wrong), self.sizes) is not None:
                yield edit

    def _of_meaning(self, equation: Equation) -> Iterator[Edit]:
        """The edits that know what the equation is for."""
        if equation.name.id in self.anatomy.backward:
            return backward_edits(self.anatomy, equation, self.sizes, self.learning_rate)
        return forward_edits(self.anatomy, equation)


def mutants(trace: Trace, sizes: Mapping[str, int], *, learning_rate: float | None = None) -> tuple[Mutant, ...]:
    """Every single fault of the derivation that the catalogue knows.

    Args:
        trace: the derivation.
        sizes: of its symbolic dimensions.
        learning_rate: of a training step, where one is checked.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> found = mutants(backpropagate(bp.mlp(3, 2, 1)), {"n": 4})
        >>> next(m.sentence for m in found if m.equation == "delta_1")
        'Δl_1 lacks the factor l_1 ∘ (1 − l_1), the derivative of sigmoid'
    """
    made = Mutants(Anatomy(trace), sizes, learning_rate)
    return tuple(m for id in made.anatomy.equations for m in made.of(id))


def mutant(a: Anatomy, equation: Equation, edit: Edit) -> Mutant:
    """The edit of an equation, put into words."""
    id = equation.name.id
    sentence = sentence_of(
        edit.kind,
        target=a.target(id),
        part=_text(a, edit.part),
        instead=_text(a, edit.instead),
        function=edit.function,
        value=edit.value,
    )
    return Mutant(edit.kind, id, equation.value, edit.wrong, edit.part, sentence, edit.also)


def _text(a: Anatomy, piece: Expr | str | None) -> str:
    match piece:
        case None:
            return ""
        case str():
            return piece
        case _:
            return a.text(piece)
