"""The value of a small NumPy expression over recorded values: how a corrected line is tried without running it.

Only a list of known functions is computed, on copies of the recorded arrays; nothing of the program is executed here.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

DEEPEST_CALL = 4
LARGEST_RESULT = 8_000_000


class UnknownError(Exception):
    """The expression's value cannot be told, or computing it raises."""


def _reshaped(x: Any, *shape: Any, **options: Any) -> Any:
    return np.reshape(x, shape[0] if len(shape) == 1 else shape)


def _sized(function: Callable[..., Any]) -> Callable[..., Any]:
    def made(shape: Any, *rest: Any, **options: Any) -> Any:
        if np.prod(np.asarray(shape, float)) > LARGEST_RESULT:
            raise UnknownError
        return function(shape)

    return made


NAMES = [
    "dot",
    "matmul",
    "outer",
    "multiply",
    "subtract",
    "add",
    "divide",
    "sum",
    "mean",
    "exp",
    "log",
    "log1p",
    "tanh",
    "maximum",
    "minimum",
    "abs",
    "square",
    "sqrt",
    "transpose",
    "where",
    "power",
    "negative",
    "sign",
    "ones_like",
    "zeros_like",
    "max",
    "atleast_2d",
    "expand_dims",
    "squeeze",
    "ravel",
    "array",
    "asarray",
    "concatenate",
    "hstack",
    "vstack",
    "clip",
    "diag",
    "identity",
    "diagflat",
    "eye",
    "einsum",
    "shape",
]
"""Functions of NumPy that are computed as they are."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in NAMES},
    "zeros": _sized(np.zeros),
    "ones": _sized(np.ones),
    "reshape": _reshaped,
    "mm": np.matmul,
    "float": float,
    "len": len,
}
METHODS: Mapping[str, Callable[..., Any]] = {
    "dot": np.dot,
    "sum": np.sum,
    "mean": np.mean,
    "transpose": np.transpose,
    "reshape": _reshaped,
    "flatten": np.ravel,
    "ravel": np.ravel,
    "copy": np.array,
    "max": np.max,
    "t": np.transpose,
    "mm": np.matmul,
    "view": _reshaped,
    "unsqueeze": np.expand_dims,
}
CONSTRUCTIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
}
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
KEYWORDS = {"axis": "axis", "keepdims": "keepdims", "dim": "axis", "keepdim": "keepdims"}


class Interpreter:
    """Values expressions.

    Args:
        recorded: the value of each expression of the line at hand, and of each variable, by its normal spelling.
        fresh: values that replace recorded ones; what is made of them is computed anew.
        functions: the program's own functions, by name.
    """

    def __init__(
        self,
        recorded: Mapping[str, Any],
        fresh: Mapping[str, Any] | None = None,
        functions: Mapping[str, ast.FunctionDef] | None = None,
        depth: int = 0,
    ) -> None:
        self.recorded, self.fresh = recorded, dict(fresh or {})
        self.functions = functions or {}
        self.depth = depth

    def __call__(self, node: ast.expr) -> Any:
        """The value of the expression.

        Raises:
            UnknownError: it cannot be told.
        """
        try:
            with np.errstate(all="ignore"):
                return self._value(node)
        except UnknownError:
            raise
        except Exception as error:
            raise UnknownError(str(error)) from error

    def _value(self, node: ast.expr) -> Any:
        text = ast.unparse(node)
        if text in self.fresh:
            return self.fresh[text]
        if text in self.recorded and not self.touched(node):
            return self.recorded[text]
        return self._computed(node)

    def touched(self, node: ast.expr) -> bool:
        """Whether the expression reads something whose value is replaced."""
        return bool(self.fresh) and any(
            ast.unparse(n) in self.fresh
            for n in ast.walk(node)
            if isinstance(n, ast.Name | ast.Attribute | ast.Subscript)
        )

    def _computed(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value) if isinstance(value, int | float | bool) or value is None:
                return value
            case ast.BinOp(left, op, right):
                a, b = self._value(left), self._value(right)
                if _outgrows(a, b):
                    raise UnknownError
                return CONSTRUCTIONS[type(op)](a, b)
            case ast.UnaryOp(ast.USub(), operand):
                return -self._value(operand)
            case ast.UnaryOp(ast.Not(), operand):
                return not self._value(operand)
            case ast.Attribute(value, "T"):
                return np.transpose(self._value(value))
            case ast.Attribute(value, "shape"):
                return np.shape(self._value(value))
            case ast.Attribute(value, "size"):
                return np.size(self._value(value))
            case ast.Compare(left, [op], [right]):
                return COMPARISONS[type(op)](self._value(left), self._value(right))
            case ast.Tuple(elts) | ast.List(elts):
                items = [self._value(element) for element in elts]
                return tuple(items) if isinstance(node, ast.Tuple) else items
            case ast.Subscript(value, index):
                return self._value(value)[self._index(index)]
            case ast.IfExp(test, body, orelse):
                return self._value(body if self._value(test) else orelse)
            case ast.Call():
                return self._called(node)
            case _:
                raise UnknownError(ast.unparse(node))

    def index(self, node: ast.expr) -> Any:
        """What stands between the brackets.

        Raises:
            UnknownError: it cannot be told.
        """
        try:
            return self._index(node)
        except UnknownError:
            raise
        except Exception as error:
            raise UnknownError(str(error)) from error

    def _index(self, node: ast.expr) -> Any:
        match node:
            case ast.Slice(lower, upper, step):
                return slice(*(None if part is None else self._value(part) for part in (lower, upper, step)))
            case ast.Tuple(elts):
                return tuple(self._index(element) for element in elts)
            case ast.Attribute(attr="newaxis"):
                return None
            case ast.Constant(value=None):
                return None
            case _:
                return self._value(node)

    def _called(self, node: ast.Call) -> Any:
        options = {KEYWORDS.get(k.arg or "", k.arg or ""): self._value(k.value) for k in node.keywords}
        arguments = [self._value(a) for a in node.args]
        match node.func:
            case ast.Name(name) if name in self.functions:
                return self._interpreted(self.functions[name], arguments, options)
            case ast.Attribute(ast.Name("self"), name) if name in self.functions:
                return self._interpreted(self.functions[name], [None, *arguments], options)
            case ast.Attribute(ast.Name(module), name) if module in ("np", "numpy", "torch") and name in FUNCTIONS:
                return FUNCTIONS[name](*arguments, **options)
            case ast.Name("range"):
                return np.arange(*[int(a) for a in arguments])
            case ast.Name(name) if name in FUNCTIONS:
                return FUNCTIONS[name](*arguments, **options)
            case ast.Attribute(value, name) if name in METHODS:
                return METHODS[name](self._value(value), *arguments, **options)
            case _:
                raise UnknownError(ast.unparse(node))

    def _interpreted(self, function: ast.FunctionDef, arguments: list[Any], options: Mapping[str, Any]) -> Any:
        """A short function of the program: assignments to names, conditions that can be told, and a return."""
        if self.depth >= DEEPEST_CALL:
            raise UnknownError
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        defaults = function.args.defaults
        given = dict(zip(names[len(names) - len(defaults) :], [self._value(d) for d in defaults], strict=True))
        given |= {**dict(zip(names, arguments, strict=False)), **options}
        globals_ = {k: v for k, v in self.recorded.items() if k not in names}
        inner = Interpreter(globals_, given, self.functions, self.depth + 1)
        found, value = inner._run(function.body)
        if not found:
            raise UnknownError
        return value

    def _run(self, body: list[ast.stmt]) -> tuple[bool, Any]:
        for statement in body:
            match statement:
                case ast.Return(ast.expr() as value):
                    return True, self._value(value)
                case ast.Assign([ast.Name(name)], value):
                    self.fresh[name] = self._value(value)
                case ast.If(test, then, otherwise):
                    found, result = self._run(then if self._value(test) else otherwise)
                    if found:
                        return True, result
                case ast.Expr(ast.Constant()) | ast.Pass():
                    pass
                case _:
                    raise UnknownError
        return False, None


def _outgrows(a: Any, b: Any) -> bool:
    try:
        return int(np.prod(np.broadcast_shapes(np.shape(a), np.shape(b)))) > LARGEST_RESULT
    except ValueError:
        return False
