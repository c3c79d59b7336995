"""Programs as text: declarations and equations, one a line, that end in a scalar loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from backproof.dims import SCALAR, Dim, Shape, Symbol, as_dim, shape_text
from backproof.errors import FormulaError, ShapeError, SpecificationError, suggestion
from backproof.ir.expr import Expr, Name, Size
from backproof.ir.program import Equation, Program, fresh
from backproof.ir.traverse import names as names_in
from backproof.parsing.building import Scope
from backproof.parsing.formulas import check_length
from backproof.parsing.grammar import Parser
from backproof.parsing.names import check_name
from backproof.parsing.tokens import Source, Token, tokenize

LONGEST_PROGRAM = 20_000
DECLARATIONS = ("input", "parameter")

ShapeLike = str | int | Symbol | Sequence[int | str | Symbol]
Statement = Sequence[Token]


def parse(
    text: str,
    *,
    shapes: Mapping[str, ShapeLike] | None = None,
    parameters: Iterable[str] = (),
    loss: str | None = None,
) -> Program:
    """The program of named equations ``name = formula`` that end in a scalar loss.

    Equations stand on lines of their own or between semicolons; ``#`` starts a comment. A formula knows numbers,
    names, ``+ - * /`` (element by element), ``@`` (the matrix product), ``^`` or ``**`` with a constant exponent,
    ``.T`` or ``'`` (the transpose), comparisons, ``where(c, a, b)``, ``sum``, ``mean``, ``softmax``, ``logsumexp``
    (each with ``axis=0`` or ``axis=1``), ``max``, ``min``, ``norm``, and every element-wise function, those of
    ``bp.activation`` included. The symbol of a dimension stands for its size: ``sum(r^2)/n``.

    Args:
        text: the equations, and declarations such as ``input X: n, d`` and ``parameter w: d``.
        shapes: the shape of each quantity that no equation defines and the text does not declare: ``"n, d"`` a
            matrix, ``"d"`` a column (d×1), ``""`` or ``"scalar"`` a scalar; or a tuple of dimensions.
        parameters: those of them whose gradients are wanted; the others are inputs.
        loss: the equation to differentiate; without it, the last.

    Returns:
        The program. A part of an equation that is very deep becomes an equation of its own (t_1, t_2, …).

    Raises:
        FormulaError: the grammar refuses the text; the message says what, where and what to do.
        SpecificationError: a shape or name that means nothing, or no parameter.
        ShapeError: shapes that do not fit, or a loss that is no scalar.
        UnsupportedError: a function that means something, but is not there yet.

    Example:
        >>> ridge = parse(
        ...     "L = sum((X @ w - y)^2) + 0.1*sum(w^2)",
        ...     shapes={"X": "n, d", "w": "d", "y": "n"},
        ...     parameters=["w"],
        ... )
        >>> [name.id for name in ridge.inputs], [name.id for name in ridge.parameters], ridge.loss
        (['X', 'y'], ['w'], 'L')
    """
    check_length(text, LONGEST_PROGRAM, "program")
    reader = _Reader(Source(text))
    wanted = [parameters] if isinstance(parameters, str) else list(parameters)
    for id, shape in (shapes or {}).items():
        reader.declare(check_name(id), _shape(id, shape), parameter=id in wanted)
    reader.read()
    return reader.program(wanted, loss)


class _Reader:
    """The statements of a program, read in order."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.inputs: dict[str, Name] = {}
        self.parameters: dict[str, Name] = {}
        self.sizes: dict[str, Size] = {}
        self.equations: list[Equation] = []
        self.known: dict[str, Name] = {}
        self.later: list[str] = []

    def declare(self, id: str, shape: Shape, *, parameter: bool) -> None:
        """Take a quantity that is given from outside."""
        if id in self.known:
            raise SpecificationError(f"{id!r} is declared twice; give each quantity its own name")
        self.known[id] = Name(id, shape)
        (self.parameters if parameter else self.inputs)[id] = self.known[id]
        for dim in shape:
            if isinstance(dim, Symbol):
                self.sizes[dim.name] = Size(dim)

    def read(self) -> None:
        """Read all statements: the declarations first, wherever they stand."""
        statements = _statements(tokenize(self.source, separators=True))
        equations = [statement for statement in statements if not self._declaration(statement)]
        for id in self.known.keys() & self.sizes.keys():
            raise SpecificationError(f"{id!r} is both a quantity and a dimension; rename one of them")
        if not equations:
            raise FormulaError(
                "the program has no equation; write one such as L = sum((y - X @ w)^2)",
                formula=self.source.text,
                column=1,
            )
        self.later = [s[0].text for s in equations if _is_equation(s)]
        for statement in equations:
            self._equation(statement, last=statement is equations[-1])

    def _declaration(self, statement: Statement) -> bool:
        """Take the statement where it is a declaration, ``input X: n, d``."""
        word = statement[0]
        if word.kind != "name" or word.text not in DECLARATIONS or statement[1].kind != "name":
            return False
        name, colon = statement[1], statement[2]
        if colon.text != ":":
            message = f"write the shape after a colon, such as {word.text} {name.text}: n, d"
            raise self.source.error(message, colon.position)
        written = self.source.text[colon.end : statement[-1].position].partition("#")[0]
        try:
            shape = _shape(name.text, written)
            self.declare(check_name(name.text), shape, parameter=word.text == "parameter")
        except SpecificationError as error:
            raise self.source.error(str(error), name.position) from None
        return True

    def _equation(self, statement: Statement, *, last: bool) -> None:
        if _is_equation(statement):
            target, tokens = statement[0], statement[2:]
            id = self._new_name(target)
        elif last:
            # A formula alone is the loss.
            tokens = statement
            id = fresh("L", {*self.known, *self.sizes})
        else:
            raise self.source.error("an equation needs a name on its left, such as z = X @ w", statement[0].position)
        if tokens[0].kind in ("separator", "end"):
            raise self.source.error(f"the equation for {id} has no right-hand side", tokens[0].position)
        scope = Scope(
            names={**self.sizes, **self.known},
            defining=id,
            later=frozenset(self.later),
            intermediate=self._intermediate,
        )
        value = Parser(self.source, tokens, scope).whole().expr
        self._define(id, value)
        if id in self.later:
            self.later.remove(id)

    def _new_name(self, target: Token) -> str:
        id = target.text
        taken = "defined by an equation" if any(e.name.id == id for e in self.equations) else "given"
        if id in self.known:
            message = f"{id!r} is already {taken}; give each quantity its own name"
            raise self.source.error(message, target.position)
        if id in self.sizes:
            raise self.source.error(f"{id!r} is a dimension; call the quantity something else", target.position)
        try:
            return check_name(id)
        except SpecificationError as error:
            raise self.source.error(str(error), target.position) from None

    def _intermediate(self, value: Expr) -> Name:
        """A name for a part that is too deep to read, with its equation."""
        count = sum(1 for id in self.known if id.startswith("t_"))
        return self._define(
            fresh(f"t_{count + 1}", {*self.known, *self.sizes, *self.later}), value, "intermediate result"
        )

    def _define(self, id: str, value: Expr, label: str = "") -> Name:
        name = Name(id, value.shape)
        self.known[id] = name
        self.equations.append(Equation(name, value, label=label))
        return name

    def program(self, wanted: Sequence[str], loss: str | None) -> Program:
        """What was read, as a program."""
        for id in wanted:
            if id not in self.parameters and id not in self.inputs:
                raise SpecificationError(
                    f"the parameter {id!r} has no shape; add it to shapes=, or declare it: parameter {id}: d"
                )
            if id in self.inputs:
                self.parameters[id] = self.inputs.pop(id)
        if not self.parameters:
            raise SpecificationError(
                "there is nothing to differentiate by; name the parameters with parameters=[...], "
                "or declare them: parameter w: d"
            )
        used = frozenset().union(*(names_in(equation.value) for equation in self.equations))
        for id in self.parameters:
            if id not in used:
                raise SpecificationError(f"the parameter {id!r} is used in no equation; check its name")
        final = self._loss(loss)
        return Program(tuple(self.inputs.values()), tuple(self.parameters.values()), tuple(self.equations), final)

    def _loss(self, wanted: str | None) -> str:
        defined = {equation.name.id: equation.name for equation in self.equations}
        if wanted is not None and wanted not in defined:
            raise SpecificationError(f"no equation defines the loss {wanted!r}; {suggestion(wanted, defined)}")
        loss = self.equations[-1].name if wanted is None else defined[wanted]
        if loss.shape != SCALAR:
            raise ShapeError(
                f"the loss {loss.id} must be a scalar, but is {shape_text(loss.shape)}; "
                "sum or average it, or name another equation with loss="
            )
        return loss.id


def _statements(tokens: Sequence[Token]) -> list[Statement]:
    """The tokens of each statement, each with the separator or end after it as its last."""
    statements: list[Statement] = []
    start = 0
    for position, token in enumerate(tokens):
        if token.kind in ("separator", "end"):
            if position > start:
                closing = Token("end", token.text, token.position, 0)
                statements.append([*tokens[start:position], closing, closing])
            start = position + 1
    return statements


def _is_equation(statement: Statement) -> bool:
    return statement[0].kind == "name" and statement[1].text == "="


def _shape(id: str, written: ShapeLike) -> Shape:
    """A shape from what people write: "n, d", "d", "", 3, (4, "d")."""
    if isinstance(written, str):
        parts: Sequence[int | str | Symbol] = _dims_written(written)
    elif isinstance(written, int | Symbol):
        parts = [written]
    else:
        parts = list(written)
    if len(parts) > 2:
        raise SpecificationError(
            f"the shape of {id} has {len(parts)} dimensions; a quantity is a scalar, a column or a matrix"
        )
    try:
        dims: list[Dim] = [as_dim(part) for part in parts]
    except SpecificationError as error:
        raise SpecificationError(f"the shape of {id}: {error}") from None
    if not dims:
        return SCALAR
    return (dims[0], dims[1] if len(dims) == 2 else 1)


def _dims_written(text: str) -> list[int | str]:
    stripped = text.strip().strip("()").strip()
    if stripped in ("", "scalar"):
        return []
    parts = stripped.replace("×", ",").removesuffix(",").split(",")
    return [int(part) if part.strip().isdecimal() and len(part) < 12 else part.strip() for part in parts]
