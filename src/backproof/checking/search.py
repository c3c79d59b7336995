"""Which fault explains gradients that are wrong: the mutants of the derivation, matched by value at every point.

One gradient must be explained first, the last layer's, for it rests on the fewest equations. An equation is suspect
where the gradients that are right do not rest on it. What a fault leaves unexplained is explained by a second one,
computed from what the first one gives, as the user's program computed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from backproof.checking.edit import Edit
from backproof.checking.fitted import entry_off, fitted
from backproof.checking.kinds import rank_of
from backproof.checking.mutants import Mutant, Mutants, mutant
from backproof.checking.trials import Supposition, Trials

MOST_BEGUN = 12
"""How many first faults, that explain a part, a second one is sought for."""

MOST_PIVOTS = 6
"""How many gradients are tried as the one to be explained first."""

NEAREST_SUSPECTS = 4
"""In how many equations of each pass two faults are sought that only together explain a gradient."""

MOST_TRIED = 12_000
"""Mutants tried in all: after that what was found stands."""

MOST_COMPUTED = 30_000
"""Equations computed in all: in a deep network each mutant changes many."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Faults that together explain the gradients at every point.

    Args:
        faults: one, or two; none where nothing is explained.
        unexplained: the gradients that are still wrong; empty but for a partial explanation.
        suspects: for the first of these, the equations that may be at fault, the nearest first.
    """

    faults: tuple[Mutant, ...]
    unexplained: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()

    @property
    def rank(self) -> tuple[int, int, int]:
        """Fewer gradients unexplained before more, fewer faults before more, common ones before rare ones."""
        return len(self.unexplained), len(self.faults), sum(rank_of(fault.kind) for fault in self.faults)

    @property
    def sentences(self) -> frozenset[str]:
        """What the faults are, in whatever order."""
        return frozenset(fault.sentence for fault in self.faults)


@dataclass
class Search:
    """The search for faults that explain the gradients of some trials: one, or where there is none two."""

    trials: Trials
    mutants: Mutants
    tried: int = 0
    partial: dict[tuple[Mutant, ...], Supposition] = field(default_factory=dict)

    def run(self) -> tuple[Explanation, ...]:
        """All explanations of the best kind there is, the most common first."""
        start = self.trials.nothing()
        wrong = self._unexplained(start)
        if not wrong:
            return ()
        found = self._by_one(start, wrong) or self._anywhere(start, wrong[0])
        found = found or self._by_two(start) or self._together(start, wrong)
        if not found:
            found = [self._part(faults, after) for faults, after in self.partial.items()] or [self._part((), start)]
        best = min(e.rank[:2] for e in found)
        unique = {e.sentences: e for e in sorted(found, key=lambda e: e.rank, reverse=True) if e.rank[:2] == best}
        return tuple(sorted(unique.values(), key=lambda e: e.rank))

    def _part(self, faults: tuple[Mutant, ...], after: Supposition) -> Explanation:
        remaining = self._unexplained(after)
        return Explanation(faults, remaining, tuple(self._suspects(after, remaining[0], nearest=NEAREST_SUSPECTS)))

    @property
    def _is_spent(self) -> bool:
        """Whether enough has been tried."""
        return self.tried > MOST_TRIED or self.trials.computed > MOST_COMPUTED

    def _unexplained(self, supposition: Supposition) -> tuple[str, ...]:
        return tuple(id for id in self.trials.gradients if id not in supposition.explained)

    # --- one fault, two faults --------------------------------------------------------------------------------------

    def _by_one(self, start: Supposition, wrong: tuple[str, ...]) -> list[Explanation]:
        """One fault that explains everything; what explains a part is kept."""
        for pivot in wrong[:MOST_PIVOTS]:
            backward, forward = self._sides(start, pivot)
            found = self._sorted(self._explaining(start, pivot, backward))
            # Where the backward pass explains everything, only the nearest of the forward pass may do so as well.
            found += self._sorted(self._explaining(start, pivot, forward[:NEAREST_SUSPECTS] if found else forward))
            if found or self.partial:
                return found
        return []

    def _anywhere(self, start: Supposition, pivot: str) -> list[Explanation]:
        """One fault in an equation that a right gradient rests on too.

        A fault can leave such a gradient as it is by chance of algebra: the mean of the errors keeps their sum.
        """
        return [] if self.partial else self._sorted(self._explaining(start, pivot, self._others(start, pivot)))

    def _sorted(self, found: Iterable[tuple[Mutant, Supposition]]) -> list[Explanation]:
        whole = []
        for fault, after in found:
            if self._unexplained(after):
                self.partial[(fault,)] = after
            else:
                whole.append(Explanation((fault,)))
        return whole

    def _by_two(self, start: Supposition) -> list[Explanation]:
        """A second fault that explains what a first one leaves."""
        whole = []
        ranked = sorted(
            self.partial.items(), key=lambda item: (len(self._unexplained(item[1])), rank_of(item[0][0].kind))
        )
        for (first,), after in ranked[:MOST_BEGUN]:
            pivot = self._unexplained(after)[0]
            for second, end in self._explaining(after, pivot, self._suspects(after, pivot)):
                if self._unexplained(end):
                    self.partial[(first, second)] = end
                else:
                    whole.append(Explanation((first, second)))
        return whole

    def _together(self, start: Supposition, wrong: tuple[str, ...]) -> list[Explanation]:
        """Two faults that only together explain the first gradient: in one equation, or one behind the other."""
        if self.partial:
            return []
        pivot, whole = wrong[0], []
        backward, forward = self._sides(start, pivot)
        suspects = [*backward[:NEAREST_SUSPECTS], *forward[:NEAREST_SUSPECTS]]
        for place, id in enumerate(suspects):
            for first in self.mutants.of(id):
                assumed = None if self._is_spent else self.trials.assume(start, first.edits)
                if assumed is None:
                    continue
                for second, end in self._explaining(assumed, pivot, suspects[place:]):
                    if self._unexplained(end):
                        self.partial[(first, second)] = end
                    else:
                        whole.append(Explanation((first, second)))
        return whole

    # --- one gradient -----------------------------------------------------------------------------------------------

    def _explaining(
        self, start: Supposition, pivot: str, suspects: Iterable[str]
    ) -> Iterator[tuple[Mutant, Supposition]]:
        """The faults that explain a gradient and take back nothing that is explained already."""
        for id in suspects:
            for fault in self._mutants_of(start, id):
                self.tried += 1
                if self._is_spent:
                    return
                after = self.trials.suppose(start, fault.edits, pivot)
                if after is not None:
                    yield fault, after
            if id in self.trials.anatomy.backward:
                yield from fitted(self.trials, start, id, pivot)
        off = entry_off(self.trials, start, pivot)
        if off is not None:
            yield self._entry(start, pivot, off)

    def _entry(self, start: Supposition, pivot: str, off: tuple[int, ...]) -> tuple[Mutant, Supposition]:
        equation = self.trials.anatomy.equations[pivot]
        entry = ", ".join(str(i) for i in off)
        fault = mutant(self.trials.anatomy, equation, Edit("entry-off", equation.value, value=f"[{entry}]"))
        return fault, Supposition(start.edits, start.values, start.explained | {pivot})

    def _mutants_of(self, start: Supposition, id: str) -> tuple[Mutant, ...]:
        if id not in start.edits:
            return self.mutants.of(id)
        return self.mutants.of_edited(replace(self.trials.anatomy.equations[id], value=start.edits[id]))

    # --- where it can be --------------------------------------------------------------------------------------------

    def _suspects(self, start: Supposition, pivot: str, *, nearest: int | None = None) -> Iterator[str]:
        """The equations that a gradient rests on and none that is right does, the nearest first."""
        seen = 0
        for id in self._upstream(pivot):
            if id not in start.edits and not self._right_below(start, id):
                yield id
                seen += 1
                if seen == nearest:
                    return

    def _sides(self, start: Supposition, pivot: str) -> tuple[list[str], list[str]]:
        """The suspects of the backward and those of the forward pass."""
        suspects = list(self._suspects(start, pivot))
        backward = self.trials.anatomy.backward
        return [id for id in suspects if id in backward], [id for id in suspects if id not in backward]

    def _others(self, start: Supposition, pivot: str) -> Iterator[str]:
        return (id for id in self._upstream(pivot) if self._right_below(start, id))

    def _upstream(self, pivot: str) -> Iterator[str]:
        a = self.trials.anatomy
        return (id for id in a.upstream(pivot) if id in a.backward or id in a.seen_backward)

    def _right_below(self, start: Supposition, id: str) -> bool:
        """Whether a gradient that is explained, and shows it, rests on the equation."""
        shown = start.explained - self.trials.undecided
        return id in shown or any(e.name.id in shown for e in self.trials.anatomy.downstream((id,)))
