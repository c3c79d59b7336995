"""A program of the user's checked: run, judged, mended and run again until nothing more is found."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.checking.findings import Finding, Judged, Repair, Verdict
from backproof.checking.report import Report
from backproof.checking.scripts.conventions import conventions
from backproof.checking.scripts.dimensions import outer_differences
from backproof.checking.scripts.execution import Ending, Limits, Recording, run_recorded
from backproof.checking.scripts.judging import Judge
from backproof.checking.scripts.listing import Listing, edited, overlapping
from backproof.checking.scripts.mended_text import lines_changed, original_line, write_fixed
from backproof.checking.scripts.proposal import Proposal
from backproof.checking.scripts.proposing import proposals
from backproof.checking.scripts.raising import Raised
from backproof.checking.scripts.updates import NATURAL
from backproof.checking.scripts.values import Values
from backproof.errors import DataError
from backproof.files import atomic_write_text
from backproof.ir.program import Program

MOST_RUNS = 24
LARGEST_FILE = 1_000_000


def check_script(
    path: str | os.PathLike[str],
    net: Program | Trace,
    *,
    inputs: Mapping[str, str] | None = None,
    timeout: float = 20.0,
    memory: int = 8 * 2**30,
    fix: bool = False,
) -> Report:
    """Every gradient that a program computes, compared with the derived one, and every fault mended.

    The program is executed, in a process of its own, several times where it has faults. Its values are matched to the
    quantities of the derivation by value, so that names do not matter.

    Args:
        path: a Python file; it is never changed.
        net: the network, or any program with a scalar loss, or its derivation.
        inputs: names of variables by identifier, such as ``{"X": "data"}``, where they cannot be told apart by value.
        timeout: seconds of wall time for each run.
        memory: bytes of address space for each run.
        fix: whether to write the mended program beside it as ``name.fixed.py``; no file is ever overwritten.

    Returns:
        The report: the verdict on every equation, the faults with their repairs, the mended text.

    Raises:
        DataError: the file cannot be read, or is not Python.
        OutputError: the mended program cannot be written.
        UnsupportedError: a system on which processes cannot be limited.
    """
    text = _read(Path(path))
    trace = net if isinstance(net, Trace) else backpropagate(net)
    session = Session(trace, Path(path), text, Limits(timeout, memory), dict(inputs or {}))
    session.run()
    report = session.report()
    if fix and report.mended:
        written = write_fixed(Path(path), report.mended)
        report = replace(report, notes=(*report.notes, f"the mended program is in {written.name}"))
    return report


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DataError(f"{path} is larger than {LARGEST_FILE} bytes; check the part that computes the gradients")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read().replace("\r\n", "\n")
        Listing(text)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (SyntaxError, ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise DataError(f"{path}{where} is not Python: {getattr(error, 'msg', error)}") from error
    return text


@dataclass(slots=True)
class Case:
    """A fault with the changes that could mend it; the one that is being tried, and whether it did."""

    choices: list[Proposal]
    judged: Judged | None = None
    chosen: int = 0
    checked: bool = False
    line: int = 0
    before: str = ""
    after: str = ""

    @property
    def proposal(self) -> Proposal:
        return self.choices[min(self.chosen, len(self.choices) - 1)]


@dataclass(slots=True)
class State:
    """One run with what it says."""

    text: str
    recording: Recording
    listing: Listing
    values: Values
    judge: Judge
    dtype: str
    raised: Raised | None = None


@dataclass(slots=True)
class Session:
    """The runs of one program, until nothing more is found."""

    trace: Trace
    path: Path
    text: str
    limits: Limits
    hints: dict[str, str]
    cases: list[Case] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Judge, mend and run again."""
        state = self._observed(self.text)
        while len(self.states) < MOST_RUNS:
            cases = self._cases(state)
            if not cases:
                break
            after = self._mended(state, cases)
            self.cases += cases
            if after is None:
                break
            state = after
        self.states.append(state)

    def _observed(self, text: str) -> State:
        recording = run_recorded(text, self.path.absolute(), self.limits)
        if not self.path.exists():
            atomic_write_text(self.path, self.text)
            self.notes = ["the program deleted its own file, which was written back"]
        listing = Listing(text)
        values = Values(listing, recording)
        dtype = precision(values)
        judge = Judge(self.trace, values, dtype, self.hints)
        state = State(text, recording, listing, values, judge, dtype)
        if recording.ending.how == "raise":
            state.raised = Raised(self.trace, values, judge, recording.ending)
        self.states.append(state)
        return state

    # --- finding ----------------------------------------------------------------------------------------------------

    def _cases(self, state: State) -> list[Case]:
        """What is wrong in this state and was not given up before."""
        found: list[Case] = []
        given_up = {(c.proposal.kind, c.proposal.id, c.line) for c in self.cases if not c.checked}
        stuck = {c.proposal.id for c in self.cases if not c.checked}
        if state.raised is not None:
            choices = list(state.raised.proposals())[:8]
            choices = choices or [_plain(state.raised)]
            found.append(Case(choices, line=self._original(state, choices[0].line)))
        else:
            pairs = next(iter(outer_differences(state.values)), None)
            if pairs is not None:
                found.append(Case([pairs], line=self._original(state, pairs.line)))
        if state.raised is None or not found[0].choices[0].edits:
            for trouble in state.judge.troubles() if not found or state.raised is not None else ():
                choices = proposals(self.trace, state.values, state.judge, trouble)
                judged = next((j for j in state.judge.judged() if j.id == trouble.id), None)
                found.append(Case(choices, judged, line=self._original(state, choices[0].line)))
        return [
            c
            for c in found
            if (c.proposal.kind, c.proposal.id, c.line) not in given_up and c.proposal.id not in stuck - {""}
        ]

    # --- mending ----------------------------------------------------------------------------------------------------

    def _mended(self, before: State, cases: list[Case]) -> State | None:
        """The state after all cases were mended as far as they can be; None where nothing can be changed."""
        while len(self.states) < MOST_RUNS:
            active = [c for c in cases if c.chosen < len(c.choices) and c.proposal.edits]
            applied: list[Case] = []
            for case in active:
                if not any(overlapping(case.proposal.edits, other.proposal.edits) for other in applied):
                    applied.append(case)
            if not applied:
                return None
            text = edited(before.text, [e for case in applied for e in case.proposal.edits])
            try:
                after = self._observed(text)
            except (SyntaxError, ValueError):
                failed = applied
            else:
                failed = [case for case in applied if not self._holds(case, before, after)]
                failed = applied if _broken(before, after) else failed
                if not failed:
                    self._settle(before, after, applied)
                    gone = before.raised is not None and _progress(before, after)
                    plain = [c for c in cases if gone and c.proposal.kind == "raises"]
                    plain += [c for c in cases if after.raised is None and _right(after.judge, c.proposal.id, True)]
                    cases[:] = [c for c in cases if c in applied or (c not in active and c not in plain)]
                    return after
            for case in failed:
                case.chosen += 1
        return None

    def _holds(self, case: Case, before: State, after: State) -> bool:
        """Whether what the change was to mend is mended."""
        if before.raised is not None and case.proposal.id == "":
            return _progress(before, after)
        if case.proposal.kind in ("broadcast",):
            return next(iter(outer_differences(after.values)), None) is None
        if after.raised is not None and before.raised is None:
            return False
        if after.raised is not None and not _progress(before, after):
            return False
        wanted = case.proposal.ids or (case.proposal.id,)
        return all(_right(after.judge, id, reached=after.raised is None) for id in wanted)

    def _settle(self, before: State, after: State, applied: list[Case]) -> None:
        for case in applied:
            case.checked = True
            case.before, case.after = lines_changed(before.text, case.proposal.edits)

    def _original(self, state: State, line: int) -> int:
        """The line of the original that a line of the mended text comes from."""
        return original_line(self.text, state.text, line)

    # --- the report -------------------------------------------------------------------------------------------------

    def report(self) -> Report:
        """Everything that was found."""
        state = self.states[-1]
        findings = tuple(self._finding(case) for case in self.cases)
        judged = self._judged(state)
        mended = state.text if state.text != self.text else ""
        ending = state.recording.ending
        notes = [*_notes(ending, self.limits), *self.notes]
        if mended and state.raised is None and not any(not c.checked for c in self.cases):
            notes.append(_trains(state))
        return Report(
            verdict=_verdict(judged, findings, self.trace),
            judged=judged,
            findings=findings,
            conventions=conventions(state.judge),
            trace=self.trace,
            subject=self.path.name,
            dtype=state.dtype,
            points=len(state.judge.all),
            source=self.text,
            mended=mended,
            notes=tuple(notes),
        )

    def _finding(self, case: Case) -> Finding:
        proposal = case.proposal if case.checked else case.choices[0]
        equation = self.trace.joint.definitions.get(proposal.id)
        repair = Repair(case.before, case.after, case.line, True) if case.checked else None
        return Finding(
            kind=proposal.kind,
            equation=proposal.id,
            sentence=_renumbered(proposal.sentence, proposal.line, case.line),
            variable=proposal.variable,
            line=case.line or None,
            right=equation.value if equation is not None else None,
            alternatives=_alternatives(case, proposal),
            deviation=case.judged.deviation if case.judged is not None else None,
            repair=repair,
        )

    def _judged(self, state: State) -> tuple[Judged, ...]:
        """The last verdicts, but what had to be mended is wrong."""
        wrong = {c.judged.id: c.judged for c in self.cases if c.judged is not None}
        for case in self.cases:
            for id in case.proposal.ids or ((case.proposal.id,) if case.proposal.id else ()):
                if id not in wrong:
                    now = next(j for j in state.judge.judged() if j.id == id)
                    wrong[id] = replace(now, verdict=Verdict.WRONG, deviation=None)
        found = []
        for judged in state.judge.judged():
            line = None if judged.line is None else self._original(state, judged.line)
            chosen = wrong.get(judged.id)
            if chosen is not None and chosen.verdict is not Verdict.WRONG:
                chosen = replace(chosen, verdict=Verdict.WRONG)
            found.append(chosen or replace(judged, line=line))
        return tuple(found)


def _alternatives(case: Case, proposal: Proposal) -> tuple[str, ...]:
    """Other faults that the same values would show; for a line that raised there is only what let it go on."""
    if not proposal.id:
        return ()
    told = (c.sentence for c in case.choices if c.edits and c.id == proposal.id and c.kind != proposal.kind)
    return tuple(dict.fromkeys(told))[:3]


def precision(values: Values) -> str:
    """The floating-point type that most of the program's arrays have."""
    counts = {"float64": 0, "float32": 0, "float16": 0}
    for seen in values.seen:
        if seen.value.dtype.name in counts and seen.value.size > 1:
            counts[seen.value.dtype.name] += 1
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else "float64"


def _broken(before: State, after: State) -> bool:
    """Whether something was right that is so no more."""
    if after.raised is not None:
        return False
    now = after.judge.main.outcomes
    was = (o for o in before.judge.main.outcomes.values() if o.right and o.id != before.judge.trace.program.loss)
    return any(not (now[o.id].right or now[o.id].zero) for o in was)


def _right(judge: Judge, id: str, reached: bool) -> bool:
    for followed in judge.all:
        outcome = followed.outcomes.get(id)
        if outcome is None or (not outcome.right and not outcome.zero):
            return not reached and outcome is not None and outcome.suspect is None
    parameter = judge.follower.gradient_of.get(id)
    effect = judge.effects.get(parameter or "")
    effects = [effect] if parameter is not None else list(judge.effects.values())
    return all(e is None or abs(e - 1) <= NATURAL for e in effects) if id.startswith(("delta", "grad")) else True


def _progress(before: State, after: State) -> bool:
    """Whether the program came further than where it raised."""
    if after.raised is None:
        return after.recording.ending.how in ("finished", "enough", "timeout", "exit")
    was, now = before.recording.ending, after.recording.ending
    if (was.line, was.error, was.message) == (now.line, now.error, now.message):
        return False
    runs_before = len(before.values.runs)
    same_line = was.line == now.line
    return len(after.values.runs) > runs_before or (same_line and len(after.values.runs) == runs_before)


def _plain(raised: Raised) -> Proposal:
    return Proposal("raises", raised.sentence, (), raised.line)


def _renumbered(sentence: str, line: int, original: int) -> str:
    return sentence if line == original else sentence.replace(f"line {line}", f"line {original}")


def _verdict(judged: tuple[Judged, ...], findings: tuple[Finding, ...], trace: Trace) -> Verdict:
    if findings or any(j.verdict is Verdict.WRONG for j in judged):
        return Verdict.WRONG
    gradients = set(trace.gradients.values())
    told = {j.verdict for j in judged if j.id in gradients}
    return Verdict.RIGHT if told == {Verdict.RIGHT} else Verdict.NOT_INFORMATIVE


def _notes(ending: Ending, limits: Limits) -> list[str]:
    """How the last run ended, where that is not simply its end."""
    left = [f"{ending.left} processes that it had started were ended with it"] if ending.left > 1 else []
    line = f" on line {ending.line}" if ending.line else ""
    match ending.how:
        case "enough":
            return ["the program was stopped when it only repeated what had been recorded", *left]
        case "timeout":
            return [f"the program was stopped after {limits.seconds:g} s; what it did until then was checked", *left]
        case "exit":
            return [f"the program left with exit status {ending.message or '0'}{line}", *left]
        case "processes":
            return ["the program was stopped because it started more than 100 processes", *left]
        case "signal":
            return [f"the program was ended by signal {abs(ending.code)}", *left]
        case "vanished":
            return ["the program ended without a word: it left by os._exit or ended its supervisor", *left]
        case _:
            return left


def _trains(state: State) -> str:
    """That the mended program runs, and what its loss does."""
    windows = state.judge.all
    losses = [f.outcomes[state.judge.trace.program.loss].known for f in (windows[0], windows[-1])]
    values = [float(np.asarray(k.value)) for k in losses if k is not None]
    if len(values) == 2 and len(windows) > 1 and np.isfinite(values).all():
        goes = f"from {values[0]:.6g} to {values[1]:.6g} in {len(windows)} passes"
        return f"the mended program was run: its loss goes {goes}"
    return "the mended program was run to its end"
