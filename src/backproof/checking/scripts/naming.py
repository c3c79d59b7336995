"""What a change of a line says of the fault: its kind, and the sentence in the user's variables and line numbers."""

from __future__ import annotations

import ast
import re

from backproof.backprop.trace import Trace
from backproof.checking.kinds import sentence_of
from backproof.checking.scripts.mending import Fault, Mend
from backproof.ir.expr import Elementwise, Softmax
from backproof.ir.traverse import walk


def kind_of(trace: Trace, fault: Fault, mend: Mend) -> str:
    """The kind of fault that the change takes away."""
    change, part = mend.change, mend.change.part
    bias = fault.id in {g for p, g in trace.gradients.items() if p.startswith("b")}
    delta = fault.id.startswith("delta")
    match change.how:
        case "multiplied":
            return (
                "derivative-missing" if delta and part is not None and part.role == "derivative" else "factor-missing"
            )
        case "replaced":
            return _replaced(trace, fault, mend)
        case "dropped":
            if part is not None and _number(part.text):
                return "stray-factor"
            return "bias-times-input" if bias else "factor-doubled"
        case "negated":
            return "sign"
        case "exchanged":
            return "error-reversed" if "-" in change.old and "@" not in change.old else "factors-swapped"
        case "transposed" | "untransposed":
            whole = mend.node is fault.node and change.old in (change.new.removesuffix(".T"), f"{change.new}.T")
            return "transposed" if whole and _covers(mend) else "transpose-missing"
        case "operator":
            return _operator(change.old, change.new)
        case "scaled":
            return "stray-factor"
        case "axis":
            return "bias-axis" if bias else "wrong-axis"
        case "reduced":
            return "bias-unsummed" if bias else "wrong-axis"
        case "unreduced":
            return "wrong-axis"
        case "reduction":
            return "bias-averaged" if change.old.find("mean") >= 0 else "stray-factor"
        case "added":
            return "penalty-missing" if fault.id in trace.gradients.values() else "term-missing"
        case "power":
            return "power-missing"
        case "reshaped":
            return "broadcast"
        case _:
            return "not-followed"


def _covers(mend: Mend) -> bool:
    edit = mend.change.edits[0]
    return edit.end - edit.start >= len(ast.unparse(mend.node)) - 4


def _number(text: str) -> bool:
    return re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", text.strip("() ")) is not None


def _operator(old: str, new: str) -> str:
    if "<" in old or ">" in old:
        return "mask-reversed"
    if "@" in new or "dot" in new or "outer" in new:
        return "elementwise-product"
    return "term-sign" if new.count("-") != old.count("-") else "not-followed"


def _replaced(trace: Trace, fault: Fault, mend: Mend) -> str:
    part = mend.change.part
    if part is None:
        return "wrong-operand"
    if part.role == "derivative":
        return "derivative-of-wrong-variable" if _derivative_like(mend.change.old) else "wrong-operand"
    if part.role == "product" and fault.id.startswith("delta"):
        return "output-error"
    if part.role != "quantity":
        return "derivative-of-wrong-variable" if part.role == "factor" and "1 -" in part.text else "wrong-operand"
    parameters = {name.id for name in trace.program.parameters}
    if part.id in parameters:
        return "wrong-weight"
    if part.id.startswith("delta"):
        return "wrong-delta"
    return "wrong-activation" if part.id in trace.program.definitions else "wrong-operand"


def _derivative_like(text: str) -> bool:
    return "(" in text or "1 -" in text or "1-" in text


def function_of(trace: Trace, id: str) -> str:
    """The activation whose derivative a Δ carries."""
    for equation in trace.program.equations:
        if equation.delta == id:
            for node in walk(equation.value):
                match node:
                    case Elementwise(fn):
                        return fn.name
                    case Softmax():
                        return "softmax"
                    case _:
                        pass
    return "the activation"


def told(trace: Trace, fault: Fault, mend: Mend, kind: str, target: str, value: str = "") -> str:
    """The finding in one sentence."""
    change = mend.change
    if kind == "not-followed":
        part = f"{target} = {change.new}"
    else:
        part = change.part.text if change.part is not None else change.new
    told_by = sentence_of(
        kind,
        target=f"`{target}`",
        part=f"`{_short(part)}`",
        instead=f"`{_short(change.old)}`",
        function=function_of(trace, fault.id),
        value=value or "a constant number of",
    )
    return f"line {mend.line}: {told_by}"


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= 80 else f"{plain[:77]}..."
