"""Which code each kind of loop nest becomes, and where threads wait for each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backproof.errors import UnsupportedError
from backproof.kernels.llvm.nests import Emitter
from backproof.kernels.llvm.plan import Nest
from backproof.kernels.llvm.products import product_nest
from backproof.kernels.llvm.reductions import normalise, sum_up
from backproof.kernels.llvm.turning import turn


@dataclass(frozen=True, slots=True)
class Access:
    """What a nest reads and writes.

    Args:
        reads: quantities, by the place where they lie.
        writes: the same.
        alone: whether one thread does it all, always the same one.
    """

    reads: frozenset[str]
    writes: frozenset[str]
    alone: bool

    def must_wait(self, earlier: Access) -> bool:
        """Whether another thread may still have to do what this one builds on, or may need what it overwrites."""
        if self.alone and earlier.alone:
            return False
        return not (earlier.writes.isdisjoint(self.reads | self.writes) and earlier.reads.isdisjoint(self.writes))


def access(nest: Nest, aliases: Mapping[str, str]) -> Access:
    """What a nest reads and writes; a number is always the first thread's."""

    def places(ids: frozenset[str]) -> frozenset[str]:
        return frozenset(aliases.get(id, id) for id in ids)

    return Access(places(nest.reads), places(nest.makes), nest.shape == (1, 1))


@dataclass(slots=True)
class Waiting:
    """Puts a barrier before a nest only where one is needed: a step has some twenty nests, and each wait costs time."""

    unfinished: list[Access] = field(default_factory=list)

    def emit(self, em: Emitter, nest: Nest) -> None:
        """The whole nest, after the threads have waited for what it needs."""
        here = access(nest, em.aliases)
        if any(here.must_wait(earlier) for earlier in self.unfinished):
            em.code.barrier()
            self.unfinished.clear()
        before = em.code.barriers
        _emit(em, nest)
        if em.code.barriers > before:
            self.unfinished.clear()
        self.unfinished.append(here)


def _emit(em: Emitter, nest: Nest) -> None:
    first = nest.tasks[0]
    match first.kind:
        case "product":
            product_nest(em, nest, first)
        case "map":
            em.map_nest(nest.shape, nest.tasks)
        case "sum":
            sum_up(em, first)
        case "softmax" | "logsumexp":
            normalise(em, first)
        case "transpose":
            turn(em, em.buffer(first.of), em.buffer(first.id, first.shape), swap=True)
        case _:
            raise UnsupportedError(f"no loop nest for {first.kind}")
