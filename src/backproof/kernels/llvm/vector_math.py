"""Element-wise functions as vector code: the text of LLVM functions from lanes to lanes.

Straight-line code without tables, branches or calls: polynomials by multiply-add, and operations on the bits of
exponents. Every lane is computed alike, so the bits of a result do not depend on the width. What they promise,
subnormal arguments and results included (docs/accuracy.md has what benchmarks/ulp.py measured):

* at most 4 ulp from the true value (met so far: 3.15 in float32, of all floats for most functions; 3.52 in float64);
* NaN for NaN, the limits at ±∞, exact at 0 (sigmoid(0) = ½, erfc(0) = 1) with the sign of −0 kept by odd functions;
* sin and cos: for |x| up to `vector_math_circular.GREATEST`, NaN beyond.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from backproof.errors import SpecificationError, suggestion
from backproof.kernels.llvm import vector_math_circular as circular
from backproof.kernels.llvm import vector_math_error_function as error_function
from backproof.kernels.llvm import vector_math_exponential as exponential
from backproof.kernels.llvm import vector_math_logarithm as logarithm
from backproof.kernels.llvm.vector_math_lanes import Body, DType, LaneType, Value


def sign(body: Body) -> Value:
    """−1, 0 or 1; +0 for both zeros, NaN for NaN."""
    return body.select(body.x > 0.0, 1.0, body.select(body.x < 0.0, -1.0, body.x + 0.0))


FUNCTIONS: Final[Mapping[str, Callable[[Body], Value]]] = {
    "exp": exponential.exp,
    "expm1": exponential.expm1,
    "sigmoid": exponential.sigmoid,
    "tanh": exponential.tanh,
    "softplus": exponential.softplus,
    "log": logarithm.log,
    "log1p": logarithm.log1p,
    "erf": error_function.erf,
    "erfc": error_function.erfc,
    "sin": circular.sin,
    "cos": circular.cos,
    "abs": lambda body: body.absolute(body.x),
    "sign": sign,
    "relu": lambda body: body.at_least(0.0, body.x),
    "negative_part": lambda body: body.at_most(0.0, body.x),
    "sqrt": lambda body: body.square_root(body.x),
}
"""What is computed, by the name that the derivative tables know it by."""

INTRINSICS: Final[Mapping[str, int]] = {"fma": 3, "fabs": 1, "sqrt": 1}
"""LLVM's own functions that the bodies call, and how many arguments each takes."""


class VectorMath:
    """Vector code for the element-wise functions, at one width and dtype.

    Args:
        width: floats side by side; 1 makes functions of a scalar.
        dtype: ``"float32"`` or ``"float64"``.
        fma: the machine multiplies and adds in one instruction. Where it does not, LLVM would call a slow function
            for every lane: then say False.

    Raises:
        SpecificationError: a width below 1 or an unknown dtype.

    Example:
        >>> math = VectorMath(8, "float32")
        >>> math.name("relu")
        '@bp.relu.v8f32'
        >>> print(math.definitions(["relu"]))
        define internal <8 x float> @bp.relu.v8f32(<8 x float> %x) alwaysinline nounwind memory(none) {
          %v1 = fcmp ogt <8 x float> splat (float 0x0000000000000000), %x
          %v2 = select <8 x i1> %v1, <8 x float> splat (float 0x0000000000000000), <8 x float> %x
          ret <8 x float> %v2
        }
    """

    def __init__(self, width: int, dtype: DType, *, fma: bool = True) -> None:
        self.lanes = LaneType(dtype, width)
        self.fma = fma

    def name(self, function: str) -> str:
        """The LLVM name of a function.

        Raises:
            SpecificationError: there is no vector code for the function.
        """
        if function not in FUNCTIONS:
            raise SpecificationError(f"no vector code for the function {function!r}; {suggestion(function, FUNCTIONS)}")
        return f"@bp.{function}.{self.lanes.suffix}"

    def definitions(self, functions: Iterable[str]) -> str:
        """The definitions of these functions, each once; they call nothing but what `declarations` declares."""
        return "\n\n".join(self._definition(function) for function in dict.fromkeys(functions))

    def declarations(self) -> tuple[str, ...]:
        """The declarations, a line each, that the definitions need once in a module."""
        name = self.lanes.name("float")
        return tuple(
            f"declare {name} @llvm.{function}.{self.lanes.suffix}({', '.join([name] * arguments)})"
            for function, arguments in INTRINSICS.items()
        )

    def _definition(self, function: str) -> str:
        name = self.name(function)
        body = Body(self.lanes, fused=self.fma)
        body.returns(FUNCTIONS[function](body))
        lanes = self.lanes.name("float")
        attributes = "alwaysinline nounwind memory(none)"
        return f"define internal {lanes} {name}({lanes} %x) {attributes} {{\n{body.text}\n}}"
