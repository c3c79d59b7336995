"""The user's floating-point format: its unit roundoff, where it underflows, and numbers rounded to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.errors import SpecificationError, suggestion

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Precision:
    """A binary floating-point format.

    Args:
        name: as NumPy, PyTorch and JAX call it.
        unit: the unit roundoff u: half of the distance from 1 to the next number.
        smallest: what an operation may lose where its result underflows. Libraries flush subnormal numbers to zero
            in all formats but float16.
        largest: the largest finite number.
    """

    name: str
    unit: float
    smallest: float
    largest: float

    @property
    def is_coarse(self) -> bool:
        """Whether it is one of the formats of 16 bits."""
        return self.unit > 2.0**-20

    def rounded(self, values: npt.ArrayLike) -> Floats:
        """The nearest numbers of the format, as float64.

        Example:
            >>> float(precision_of("bfloat16").rounded(0.1))
            0.10009765625
        """
        array = np.asarray(values, np.float64)
        with np.errstate(over="ignore"):
            match self.name:
                case "float64":
                    return array
                case "bfloat16":
                    return _to_bfloat16(array.astype(np.float32)).astype(np.float64)
                case _:
                    return array.astype(self.name).astype(np.float64)


def _to_bfloat16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """To the nearest even: the upper half of a float32."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    kept = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    rounded = kept.view(np.float32).reshape(values.shape)
    return np.where(np.isfinite(values), rounded, values)


PRECISIONS: Mapping[str, Precision] = {
    p.name: p
    for p in (
        Precision("float16", 2.0**-11, 2.0**-24, 65504.0),
        Precision("bfloat16", 2.0**-8, 2.0**-126, float(np.float32(2.0**127)) * (2 - 2.0**-7)),
        Precision("float32", 2.0**-24, 2.0**-126, float(np.finfo(np.float32).max)),
        Precision("float64", 2.0**-53, 2.0**-1022, float(np.finfo(np.float64).max)),
    )
}
"""The formats that people compute gradients in, the coarsest first but for the order of float16 and bfloat16."""


def precision_of(dtype: object) -> Precision:
    """The format by its name, its NumPy dtype, or PyTorch's.

    Raises:
        SpecificationError: anything that is not one of the four.

    Example:
        >>> precision_of(np.float32).unit == 2.0**-24
        True
    """
    name = str(dtype).removeprefix("torch.")
    if name not in PRECISIONS:
        try:
            name = np.dtype(dtype).name  # type: ignore[call-overload]
        except TypeError:
            name = str(dtype)
    if name in ("longdouble", "float128", "float96"):
        name = "float64"
    if name not in PRECISIONS:
        raise SpecificationError(
            f"gradients are checked in floating point, not in {name}; {suggestion(name, PRECISIONS)}"
        )
    return PRECISIONS[name]
