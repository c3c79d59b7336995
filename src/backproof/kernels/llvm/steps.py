"""One function that trains: gather a batch, run every nest, update the parameters in place, again and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from backproof.errors import UnsupportedError
from backproof.ir.expr import Expr, Name
from backproof.ir.program import Drawn, Equation, Program, resized
from backproof.kernels.llvm.barrier import barrier_definition
from backproof.kernels.llvm.code import Code, Counter, Machine
from backproof.kernels.llvm.drawing import draw
from backproof.kernels.llvm.loops import Waiting
from backproof.kernels.llvm.memory import Buffer, Workspace
from backproof.kernels.llvm.nests import Emitter
from backproof.kernels.llvm.plan import Nest, Task, nests_of, stored, tasks_of, two_dimensional
from backproof.kernels.llvm.scalars import hoisted
from backproof.kernels.llvm.vector_math import VectorMath
from backproof.kernels.llvm.vector_math_lanes import DType


@dataclass(frozen=True, slots=True)
class Gathered:
    """An input whose samples are picked by index: which axis counts them."""

    name: Name
    axis: int


@dataclass(frozen=True, slots=True)
class Update:
    """What happens to a parameter in a step: equations over its own identifiers, and what overwrites what."""

    equations: tuple[Equation, ...]
    moves: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Given:
    """What comes from outside in each step; ``%inputs`` holds three numbers for each that is gathered, then pointers.

    Args:
        gathered: inputs that are picked by index.
        per_step: scalars that have a value for each step.
        drawn: inputs that are random numbers.
    """

    gathered: tuple[Gathered, ...]
    per_step: tuple[str, ...]
    drawn: tuple[Drawn, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A function as text, and where its quantities lie in the workspace."""

    text: str
    buffers: Mapping[str, Buffer]
    size: int
    nests: tuple[Nest, ...]


def write_steps(
    joint: Sequence[Equation],
    program: Program,
    sizes: Mapping[str, int],
    machine: Machine,
    *,
    gathered: Sequence[Gathered],
    updates: Iterable[Update] = (),
    wanted: Iterable[str] = (),
    per_step: Sequence[str] = (),
    drawn: Sequence[Drawn] = (),
    unroll: bool = False,
    threads: int = 1,
) -> Written:
    """The function ``steps(workspace, inputs, order, count, losses, barrier, thread)`` as LLVM IR.

    Args:
        joint: forward and backward equations.
        program: its inputs and parameters have buffers of their own.
        sizes: of the symbolic dimensions; that of the samples is the batch.
        machine: what to write for.
        gathered: the inputs that are picked by index into the given arrays, anew in each step.
        updates: of the parameters.
        wanted: further quantities to write to memory.
        per_step: scalars that have a value for each step.
        drawn: inputs that are random numbers, new in each step.
        unroll: write every loop out and keep the workspace in registers.
        threads: how many threads will run it at once.
    """
    rules = list(updates)
    equations = [Equation(_sized(e.name, sizes), _sized(e.value, sizes)) for e in joint]  # type: ignore[arg-type]
    equations += [Equation(_sized(e.name, sizes), _sized(e.value, sizes)) for u in rules for e in u.equations]  # type: ignore[arg-type]
    tasks = tasks_of(hoisted(equations))
    moves = {new: old for update in rules for new, old in update.moves.items()}
    kept = {program.loss, *wanted, *moves}
    tasks = _needed(tasks, kept)
    nests = nests_of(_free_first(tasks), _held(tasks, moves), moves)
    _check_moves(nests, moves)
    space, maths = Workspace(machine.width), VectorMath(machine.width, _dtype(machine), fma=machine.fused)
    code = Code(machine, unroll=unroll, threads=threads)
    emitter = Emitter(code, space, stored(nests, kept), maths, aliases=moves)
    picked = {source.name.id for source in gathered}
    for name in (*program.inputs, *program.parameters):
        owners = threads if name.id in picked else 1
        space.buffer(name.id, two_dimensional(_sized(name, sizes).shape), owners=owners)
    for id in per_step:
        space.buffer(id, (1, 1))
    given = Given(tuple(gathered), tuple(per_step), tuple(drawn))
    code.open_loop("%count", lambda step: _step(emitter, nests, step, given, program.loss))
    space.close(threads)
    return Written(_function(code, space, emitter, given, unroll), dict(space.buffers), space.size, tuple(nests))


def _sized(expr: Expr, sizes: Mapping[str, int]) -> Expr:
    return resized(expr, sizes)


def _dtype(machine: Machine) -> DType:
    return "float32" if machine.scalar == "float" else "float64"


# --- the order of things --------------------------------------------------------------------------------------------


def _needed(tasks: Sequence[Task], wanted: Iterable[str]) -> list[Task]:
    """The tasks that something wanted depends on."""
    live, kept = set(wanted), []
    for task in reversed(tasks):
        if task.id in live:
            kept.append(task)
            live |= task.reads
    return kept[::-1]


def _free_first(tasks: Sequence[Task]) -> list[Task]:
    """Numbers that depend on nothing but such numbers, as the powers of Adam's decay do, come first."""
    free = _free(tasks)
    return [*free, *(task for task in tasks if task not in free)]


def _free(tasks: Sequence[Task]) -> list[Task]:
    bound = {task.id for task in tasks}
    found = []
    for task in tasks:
        if task.shape == (1, 1) and task.kind == "map" and bound.isdisjoint(task.reads):
            found.append(task)
            bound.discard(task.id)
    return found


def _held(tasks: Sequence[Task], moves: Mapping[str, str]) -> frozenset[str]:
    """The updates, and what of a parameter's shape only they need: they come after everything that reads parameters."""
    free = {task.id for task in _free(tasks)}
    held = {task.id for task in tasks if task.id in moves and task.id not in free}
    shapes = {task.shape for task in tasks if task.id in held}
    readers: dict[str, set[str]] = {}
    for task in tasks:
        for id in task.reads:
            readers.setdefault(id, set()).add(task.id)
    for task in reversed(tasks):
        only_held = readers.get(task.id) and readers[task.id] <= held
        if only_held and task.shape in shapes and task.id not in moves:
            held.add(task.id)
    return frozenset(held)


def _check_moves(nests: Sequence[Nest], moves: Mapping[str, str]) -> None:
    """Nothing may read a quantity after its place was overwritten."""
    overwritten: set[str] = set()
    for nest in nests:
        here = {moves[id] for id in nest.makes if id in moves}
        factors = nest.tasks[0].reads if nest.tasks[0].kind != "map" else frozenset()
        if not (overwritten.isdisjoint(nest.reads) and here.isdisjoint(factors)):
            raise UnsupportedError("an update overwrites what is still needed; use the backend 'numpy'")
        overwritten |= here


# --- the function ---------------------------------------------------------------------------------------------------


def _step(
    emitter: Emitter,
    nests: Sequence[Nest],
    step: str,
    given: Given,
    loss: str,
) -> None:
    code = emitter.code
    for position, source in enumerate(given.gathered):
        _gather(emitter, position, source, step)
    for id in given.per_step:
        code.alone(lambda id=id: _take_number(emitter, given, id, step))  # type: ignore[misc]
    for stream, drawn in enumerate(given.drawn):
        index = code.plus(code.times(step, len(given.drawn)), stream)
        draw(emitter, emitter.buffer(drawn.name), code.load("%keys", index, vector=False, type="i32"))
    if given.per_step or given.drawn:
        code.barrier()
    emitter.turned.clear()
    waiting = Waiting()
    for nest in nests:
        waiting.emit(emitter, nest)

    def keep_loss() -> None:
        value = code.load(emitter.buffer(loss).base, 0, vector=False)
        code.store(value, "%losses", step, vector=False)

    code.alone(keep_loss)
    code.barrier()


def _take_number(emitter: Emitter, given: Given, id: str, step: str) -> None:
    """The scalar's value in this step, to where the nests read it."""
    code = emitter.code
    value = code.load(f"%number{given.per_step.index(id)}", step, vector=False)
    code.store(value, emitter.buffer(id, (1, 1)).base, 0, vector=False)


def _gather(emitter: Emitter, position: int, source: Gathered, step: str) -> None:
    """One input's samples of this step, copied into the workspace: by each thread into memory of its own.

    To copy all of them again costs less than to read what another core has just written.
    """
    code = emitter.code
    buffer = emitter.buffer(source.name.id)
    samples = buffer.shape[source.axis]
    features = buffer.shape[1 - source.axis]
    first = code.times(step, samples)

    along = (source.axis == 0) == (buffer.layout == "rows")

    def sample(b: Counter) -> None:
        index = code.load("%order", code.plus(first, b), vector=False, type="i64")
        start = code.put(f"mul i64 {index}, %sample{position}")

        def feature(f: Counter) -> None:
            moved = code.put(f"add i64 {start}, {_scaled(code, position, f)}")
            value = code.load(f"%input{position}", moved, vector=False)
            row, column = (b, f) if source.axis == 0 else (f, b)
            code.store(value, buffer.base, buffer.at(code, row, column), vector=False)

        def one_by_one() -> None:
            code.loop(features, feature)

        def at_once() -> None:
            row, column = (b, 0) if source.axis == 0 else (0, b)
            goal = code.address(buffer.base, buffer.at(code, row, column))
            origin = code.address(f"%input{position}", start)
            code.copy(goal, origin, features)

        if along and features > 1 and not code.unroll:
            code.either(f"%dense{position}", at_once, one_by_one)
        else:
            one_by_one()

    code.loop(samples, sample)


def _scaled(code: Code, position: int, feature: Counter) -> str:
    return code.put(f"mul i64 {feature}, %feature{position}")


def _function(code: Code, space: Workspace, emitter: Emitter, given: Given, unroll: bool) -> str:
    """The whole module: declarations, vector functions, the function."""
    scalar = code.machine.scalar
    head: list[str] = []
    for buffer in space.buffers.values():
        if unroll:
            head.append(f"  {buffer.base} = alloca [{max(buffer.size, 1)} x {scalar}], align 64")
            continue
        start = f"{buffer.offset}"
        if buffer.base in space.own:
            start = f"{buffer.base}s"
            head += [
                f"  {buffer.base}n = mul i64 %thread, {space.own[buffer.base]}",
                f"  {start} = add i64 {buffer.base}n, {buffer.offset}",
            ]
        head.append(f"  {buffer.base} = getelementptr inbounds {scalar}, ptr %workspace, i64 {start}")
    for k in range(len(given.gathered)):
        head += [
            f"  %pa{k} = getelementptr inbounds i64, ptr %inputs, i64 {3 * k}",
            f"  %pb{k} = getelementptr inbounds i64, ptr %inputs, i64 {3 * k + 1}",
            f"  %pc{k} = getelementptr inbounds i64, ptr %inputs, i64 {3 * k + 2}",
            f"  %la{k} = load i64, ptr %pa{k}",
            f"  %sample{k} = load i64, ptr %pb{k}",
            f"  %feature{k} = load i64, ptr %pc{k}",
            f"  %input{k} = inttoptr i64 %la{k} to ptr",
            f"  %dense{k} = icmp eq i64 %feature{k}, 1",
        ]
    pointers = [f"number{k}" for k in range(len(given.per_step))] + ["keys"] * bool(given.drawn)
    for k, pointer in enumerate(pointers, start=3 * len(given.gathered)):
        head += [
            f"  %p{pointer} = getelementptr inbounds i64, ptr %inputs, i64 {k}",
            f"  %l{pointer} = load i64, ptr %p{pointer}",
            f"  %{pointer} = inttoptr i64 %l{pointer} to ptr",
        ]
    enter, leave = _copies(code, space) if unroll else ([], [])
    functions = emitter.maths.definitions(sorted(emitter.functions))
    declared = sorted({*code.intrinsics, *emitter.maths.declarations()})
    return "\n".join(
        [
            *declared,
            functions,
            *([barrier_definition()] if code.threads > 1 else []),
            "define void @steps(ptr %workspace, ptr noalias %inputs, ptr noalias %order, i64 %count,"
            " ptr noalias %losses, ptr %barrier, i64 %thread) {",
            "entry:",
            *head,
            *enter,
            *code.lines,
            *leave,
            "  ret void",
            "}",
        ]
    )


def _copies(code: Code, space: Workspace) -> tuple[list[str], list[str]]:
    """The workspace into registers at the beginning and back at the end."""
    m = code.machine
    enter, leave = [], []
    for number, buffer in enumerate(space.buffers.values()):
        for offset in range(0, buffer.size, m.width):
            tag = f"{number}_{offset}"
            enter += [
                f"  %ea{tag} = getelementptr inbounds {m.scalar}, ptr %workspace, i64 {buffer.offset + offset}",
                f"  %ev{tag} = load {m.vector}, ptr %ea{tag}, align {m.bytes}",
                f"  %eb{tag} = getelementptr inbounds {m.scalar}, ptr {buffer.base}, i64 {offset}",
                f"  store {m.vector} %ev{tag}, ptr %eb{tag}, align {m.bytes}",
            ]
            leave += [
                f"  %xa{tag} = getelementptr inbounds {m.scalar}, ptr {buffer.base}, i64 {offset}",
                f"  %xv{tag} = load {m.vector}, ptr %xa{tag}, align {m.bytes}",
                f"  %xb{tag} = getelementptr inbounds {m.scalar}, ptr %workspace, i64 {buffer.offset + offset}",
                f"  store {m.vector} %xv{tag}, ptr %xb{tag}, align {m.bytes}",
            ]
    return enter, leave
