"""Sums along one side or both, softmax and the logarithm of a sum of exponentials."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backproof.errors import UnsupportedError
from backproof.kernels.llvm.code import Counter
from backproof.kernels.llvm.memory import Buffer
from backproof.kernels.llvm.nests import Emitter, Place
from backproof.kernels.llvm.plan import Task
from backproof.kernels.llvm.tiles import Piece, vectors_cut

WRITTEN_OUT = 4
"""Vectors of a line up to which there is no loop over them: with more, compiling would take longer than it saves."""
AT_ONCE = 4
"""Vectors of a line that are added up side by side, down all lines: more than one place of each is read at once."""


def sum_up(em: Emitter, task: Task) -> None:
    target = em.target(task.over)
    constants = em.scalars([task])
    value = task.value
    if value is None:
        raise UnsupportedError("a sum needs something to add up")

    def at(place: Place) -> str:
        return em.code.first(place.lanes, em.evaluate(value, target, place, dict(constants)))

    if task.axis is None:
        em.code.alone(lambda: _total(em, task, target, at))
    elif (task.axis == 1) == (target.layout == "rows"):
        _along_lines(em, task, target, at)
    else:
        _across_lines(em, task, target, at)


def _line_sum(em: Emitter, target: Buffer, line: Counter, start: str, at: Callable[[Place], str]) -> str:
    code = em.code
    return _folded(em, target, start, lambda sum, minor, lanes: code.binary("fadd", sum, at(Place(line, minor, lanes))))


def _total(em: Emitter, task: Task, target: Buffer, at: Callable[[Place], str]) -> None:
    code = em.code
    sums = code.accumulate(
        target.major, [code.nothing], code.machine.vector, lambda line, s: [_line_sum(em, target, line, s[0], at)]
    )
    result = em.buffer(task.id, (1, 1))
    code.store(code.total(sums[0]), result.base, 0, vector=False)


def _along_lines(em: Emitter, task: Task, target: Buffer, at: Callable[[Place], str]) -> None:
    code, result = em.code, em.buffer(task.id, task.shape)

    def line(major: Counter) -> None:
        total = code.total(_line_sum(em, target, major, code.nothing, at))
        code.store(total, result.base, major, vector=False)

    code.shared(target.major, line)


def _across_lines(em: Emitter, task: Task, target: Buffer, at: Callable[[Place], str]) -> None:
    code, result, width = em.code, em.buffer(task.id, task.shape), em.space.width
    wide = target.minor >= AT_ONCE * width * code.threads
    vectors, tail = vectors_cut(target.minor, width, AT_ONCE if wide else 1), target.minor % width

    def piece(strip: Piece) -> None:
        first = code.times(strip.number, vectors.step * width)
        lanes = [tail if tail and strip.rest and q == strip.size - 1 else width for q in range(strip.size)]
        places = [(code.plus(first, q * width), real) for q, real in enumerate(lanes)]

        def line(major: Counter, sums: Sequence[str]) -> list[str]:
            return [
                code.binary("fadd", total, at(Place(major, minor, real)))
                for total, (minor, real) in zip(sums, places, strict=True)
            ]

        sums = code.accumulate(target.major, [code.nothing] * strip.size, code.machine.vector, line)
        for total, (minor, _) in zip(sums, places, strict=True):
            code.store(total, result.base, minor, vector=True)

    start, last = code.share(vectors.tiles, code.threads, "%thread")
    vectors.each(code, start, last, piece)


def normalise(em: Emitter, task: Task) -> None:
    """exp(x − max) and its sum along the axis: softmax, or the logarithm of the sum."""
    source = em.buffer(task.of)
    result = em.buffer(task.id, task.shape)
    along = (task.axis == 1) == (source.layout == "rows")
    if along:
        em.code.shared(source.major, lambda line: _normalise_line(em, task, source, result, line))
    else:
        em.chunks(source, lambda minor, lanes: _normalise_across(em, task, source, result, minor, lanes), shared=True)


def _exp(em: Emitter, x: str) -> str:
    em.functions.add("exp")
    v = em.code.machine.vector
    return em.code.put(f"call {v} {em.maths.name('exp')}({v} {x})")


def _log(em: Emitter, x: str) -> str:
    em.functions.add("log")
    v = em.code.machine.vector
    return em.code.put(f"call {v} {em.maths.name('log')}({v} {x})")


def _larger(em: Emitter, a: str, b: str) -> str:
    v = em.code.machine.vector
    return em.code.call(f"llvm.maximum.{em.code.machine.suffix}", v, [(v, a), (v, b)])


def _normalise_line(em: Emitter, task: Task, source: Buffer, result: Buffer, line: Counter) -> None:
    """Three walks along a line: its maximum, the sum of the powers, which softmax keeps, and their quotients."""
    code, m, width = em.code, em.code.machine, em.space.width
    start, goal = code.times(line, source.stride), code.times(line, result.stride)
    lowest = code.constant(float("-inf"))

    def loaded(minor: Counter, lanes: int) -> str:
        value = code.load(source.base, code.plus(start, minor), vector=True)
        return value if lanes == width else em.chosen(code.mask(lanes), value, lowest)

    top = _folded(em, source, lowest, lambda top, minor, lanes: _larger(em, top, loaded(minor, lanes)))
    if width > 1:
        name = f"llvm.vector.reduce.fmaximum.{m.suffix}"
        top = code.splat(code.call(name, m.scalar, [(m.vector, top)]))

    def added(total: str, minor: Counter, lanes: int) -> str:
        power = code.first(lanes, _exp(em, code.binary("fsub", loaded(minor, lanes), top)))
        if task.kind == "softmax":
            code.store(power, result.base, code.plus(goal, minor), vector=True)
        return code.binary("fadd", total, power)

    total = code.splat(code.total(_folded(em, source, code.nothing, added)))

    def divide(minor: Counter, lanes: int) -> None:
        place = code.plus(goal, minor)
        power = code.load(result.base, place, vector=True)
        code.store(code.first(lanes, code.binary("fdiv", power, total)), result.base, place, vector=True)

    if task.kind == "softmax":
        em.chunks(source, divide)
        return
    value = code.binary("fadd", top, _log(em, total))
    scalar = value if width == 1 else code.put(f"extractelement {m.vector} {value}, i32 0")
    code.store(scalar, result.base, line, vector=False)


def _folded(em: Emitter, target: Buffer, start: str, body: Callable[[str, Counter, int], str]) -> str:
    """A value carried along the vectors of a line, the last perhaps in part."""
    code, width = em.code, em.space.width
    whole, rest = divmod(target.minor, width)
    value = start
    if whole <= WRITTEN_OUT:
        for k in range(whole):
            value = body(value, k * width, width)
    else:
        (value,) = code.accumulate(
            whole, [value], code.machine.vector, lambda k, carried: [body(carried[0], code.times(k, width), width)]
        )
    return body(value, whole * width, rest) if rest else value


def _normalise_across(em: Emitter, task: Task, source: Buffer, result: Buffer, minor: Counter, lanes: int) -> None:
    code, v = em.code, em.code.machine.vector

    def at(line: Counter) -> str:
        return code.load(source.base, code.plus(code.times(line, source.stride), minor), vector=True)

    top = code.accumulate(
        source.major, [code.constant(float("-inf"))], v, lambda line, s: [_larger(em, s[0], at(line))]
    )[0]

    def power(line: Counter) -> str:
        return _exp(em, code.binary("fsub", at(line), top))

    total = code.accumulate(source.major, [code.nothing], v, lambda line, s: [code.binary("fadd", s[0], power(line))])[
        0
    ]
    if task.kind == "softmax":

        def line(major: Counter) -> None:
            value = code.first(lanes, code.binary("fdiv", power(major), total))
            code.store(value, result.base, code.plus(code.times(major, result.stride), minor), vector=True)

        code.loop(source.major, line)
        return
    code.store(code.first(lanes, code.binary("fadd", top, _log(em, total))), result.base, minor, vector=True)
