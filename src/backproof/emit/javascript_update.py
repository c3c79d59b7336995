"""Update rules in JavaScript: one function for each, over all entries of a parameter in one loop."""

from __future__ import annotations

from backproof.dims import SCALAR, Symbol
from backproof.emit.javascript_functions import JAVASCRIPT_HELPERS
from backproof.emit.javascript_spelling import JAVASCRIPT_SPELLING, Place
from backproof.emit.javascript_writer import RESERVED, JavascriptWriter, Lines, comment, literal
from backproof.emit.spelling import UNICODE_SPELLING, Text, spelt
from backproof.errors import UnsupportedError
from backproof.ir.lowering import Operation, lower, operations
from backproof.ir.program import Equation
from backproof.optimizers import Optimizer
from backproof.rules.elementwise import known_functions

ANY = (Symbol("rows"), Symbol("columns"))
LOOKING_AROUND = frozenset({"matmul", "transpose", "sum", "softmax", "logsumexp", "entry"})
"""Operations that look beyond one entry."""


def optimizer_entry(writer: JavascriptWriter, name: str, rule: Optimizer) -> Lines:
    """The row of ``optimizers``: what the rule remembers of a parameter, and one step of it.

    Raises:
        UnsupportedError: a rule that looks at more than one entry at a time.
    """
    equations = rule.equations(ANY)
    for equation in equations:
        if any(operation.kind in LOOKING_AROUND for operation in operations(lower(equation.value))):
            raise UnsupportedError(
                f"the optimizer {rule.name!r} looks at more than one entry of a parameter at a time, which its "
                "JavaScript cannot do; use another optimizer, or the target numpy"
            )
    words = _RuleWords(writer, rule)
    remembered = [
        f"{words.name(id)}: new Float64Array({'1' if memory.one_number else 'length'}).fill({float(memory.start)!r}),"
        for id, memory in rule.memory.items()
    ]
    before, each, after = list[str](), list[str](), list[str]()
    for equation in equations:
        whole = equation.name.shape == SCALAR
        (before if whole else each).extend(_line(words, equation))
    for id, memory in rule.memory.items():
        following, kept = words.name(f"{id}_next"), words.name(id)
        (after if memory.one_number else each).append(f"{kept}[{'0' if memory.one_number else 'i'}] = {following};")
    each.append(f"theta[i] = {words.name('theta_next')};")
    taken = [f"const {{ {', '.join(map(words.name, rule.memory))} }} = memory;"] if rule.memory else []
    loop = ["for (let i = 0; i < theta.length; i++) {", *("  " + line for line in each), "}"]
    start = ["memory: () => ({}),"]
    if remembered:
        start = ["memory: (length) => ({", *("  " + line for line in remembered), "}),"]
    return [
        f"{literal(name)}: {{",
        *("  " + line for line in start),
        "  step(theta, gradient, memory, rate) {",
        *("    " + line for line in (*taken, *before, *loop, *after)),
        "  },",
        "},",
    ]


def _line(words: _RuleWords, equation: Equation) -> Lines:
    operation = lower(equation.value)
    text = words.entry(operation, Place("i", "0", ANY, [], [], 1))
    formula = spelt(operation, UNICODE_SPELLING, words.comments)
    return [f"// {comment(f'{equation.name.id} = {formula}')}", f"const {words.name(equation.name.id)} = {text};"]


class _RuleWords:
    """The words of a rule: what belongs to each entry stands in an array, the rest is one number."""

    def __init__(self, module: JavascriptWriter, rule: Optimizer) -> None:
        self.size, self.helper, self.fresh, self.array = module.size, module.helper, module.fresh, module.array
        self.call, self.comments = module.call, module.comments
        self._arrays = {"theta", "gradient", *(id for id, m in rule.memory.items() if not m.one_number)}
        self._single = {id for id, memory in rule.memory.items() if memory.one_number}

    @staticmethod
    def name(id: str) -> str:
        """The identifier; the rule's names are identifiers already, which may be JavaScript's own words."""
        return f"{id}_" if id in WORDS or id in JAVASCRIPT_HELPERS or id in known_functions() else id

    def quantity(self, id: str) -> str:
        return id

    def entry(self, operation: Operation, at: Place) -> Text:
        if operation.kind != "read":
            return JAVASCRIPT_SPELLING[operation.kind](self, operation, at)
        id = str(operation.detail)
        place = "[i]" if id in self._arrays else "[0]" if id in self._single else ""
        return Text(self.name(id) + place)


WORDS = RESERVED - {"rate"} | {"length", "step"}
