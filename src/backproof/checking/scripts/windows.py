"""The passes through the network that a recording shows: a forward pass, what follows it, and where the next begins."""

from __future__ import annotations

from dataclasses import dataclass

from backproof.checking.precision import Floats
from backproof.checking.scripts.roles import Placed, Roles, Search, loose
from backproof.checking.scripts.values import Seen, View, views

MOST_WINDOWS = 6


@dataclass(slots=True)
class Window:
    """One pass: the orders of events that belong to it, and the roles that its values play."""

    start: int
    end: int
    roles: Roles

    @property
    def span(self) -> range:
        return range(self.start, self.end + 1)


def windows(search: Search) -> list[Window]:
    """The passes, the first one found by search and the later ones where the same lines are run again."""
    first = search.first()
    end = len(search.values.seen) and search.values.seen[-1].order + 1
    if not search.forward or search.forward[0].name.id not in first.placed:
        return [Window(0, end, first)]
    anchor = first.placed[search.forward[0].name.id].seen
    if anchor is None:
        return [Window(0, end, first)]
    found = [Window(search.values.begun(anchor), end, first)]
    for seen in search.values.seen:
        if seen.node is anchor.node and seen.order > anchor.order and len(found) < MOST_WINDOWS:
            roles = _again(search, first, seen)
            if roles is not None:
                found[-1].end = search.values.begun(seen)
                found.append(Window(found[-1].end, end, roles))
    return found


def _again(search: Search, first: Roles, anchor: Seen) -> Roles | None:
    """The same roles played by the values that the same variables have at a later pass."""
    roles = Roles({}, dict(first.sizes), ())
    for equation in search.forward:
        moment = max([anchor.order, *(p.seen.order for p in roles.placed.values() if p.seen is not None)]) + 1
        for name in search.unknown(equation.value, roles):
            placed = first.placed.get(name.id)
            if placed is None or placed.seen is None:
                return None if equation is search.forward[0] else roles
            now = search.values.latest(placed.seen.text, moment)
            again = _viewed(now, placed) if now is not None else None
            if again is None:
                return None if equation is search.forward[0] else roles
            roles.placed[name.id] = again
        value = search.evaluated(equation.value, roles)
        if value is None:
            return None if equation is search.forward[0] else roles
        hit = _met(search, value, anchor, first=equation is search.forward[0])
        if hit is None:
            return None if equation is search.forward[0] else roles
        roles.placed[equation.name.id] = Placed(hit[1].array, hit[0], hit[1].how)
        roles.met = (*roles.met, equation.name.id)
    return roles


def _met(search: Search, value: Floats, anchor: Seen, first: bool) -> tuple[Seen, View] | None:
    """Where the value stands in this pass; the first equation's value is the anchor itself."""
    for seen, view in search.values.equal(loose(value, search.dtype)):
        if (first and seen is anchor) or (not first and seen.order > anchor.order):
            return seen, view
    return None


def _viewed(seen: Seen, like: Placed) -> Placed | None:
    found = list(views(seen.value, like.array.shape))
    best = next((v for v in found if v.how == like.how), None)
    return Placed(best.array, seen, best.how) if best is not None else None
