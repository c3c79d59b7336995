"""The seed in plain NumPy: its network, and the right-hand side of each displayed equation as the page prints it.

Nothing here comes from the program: the formulas were transcribed from the page by a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
STEP = 1e-30
"""The imaginary step of derivatives: nothing cancels, so it can be as small as it likes."""


def sigma(z: Any) -> Any:
    """The logistic function as (31) writes it."""
    return 1 / (1 + np.exp(-z))


class Point:
    """Some values of X, y, W_1 and W_2, and what follows from them.

    The page's entries are methods that count from 1: ``x(3)`` is x³, ``w1(2, 1)`` is w_1^{21}, ``D1(2)`` is Δl_1^2.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.X, self.y, self.W_1, self.W_2 = (rng.normal(0, 1.5, shape) for shape in ((1, 3), (1, 1), (3, 2), (2, 1)))
        values = self.network()
        self.l_1, self.y_hat = values["l_1"], values["y_hat"]
        # The page's listing, whose two updates are swapped but whose deltas are right.
        self.delta_2 = (self.y_hat - self.y) * (self.y_hat * (1 - self.y_hat))
        self.delta_1 = self.delta_2.dot(self.W_2.T) * (self.l_1 * (1 - self.l_1))

    def network(self, moved: str = "", row: int = 1, column: int = 1) -> dict[str, Array]:
        """The forward values, where one entry of one quantity is moved by an imaginary step."""
        values: dict[str, Array] = {}

        def put(id: str, value: Array) -> Array:
            if id == moved:
                value = value.astype(complex)
                value[row - 1, column - 1] += 1j * STEP
            values[id] = value
            return value

        X, y, W_1, W_2 = (put(id, getattr(self, id)) for id in ("X", "y", "W_1", "W_2"))
        l_1 = put("l_1", sigma(X @ W_1))
        y_hat = put("y_hat", sigma(l_1 @ W_2))
        put("L", 0.5 * (y - y_hat) ** 2)
        return values

    def partial(self, of: str, unit: int, wrt: str, row: int, column: int) -> float:
        """∂of[1, unit]/∂wrt[row, column] by complex step, for any two quantities of the network."""
        return float(self.network(wrt, row, column)[of][0, unit - 1].imag / STEP)

    def gradient(self, wrt: str) -> Array:
        """∂L/∂wrt, entry by entry."""
        rows, columns = getattr(self, wrt).shape
        return np.array([[self.partial("L", 1, wrt, i + 1, j + 1) for j in range(columns)] for i in range(rows)])

    def x(self, i: int) -> float:
        return float(self.X[0, i - 1])

    def w1(self, i: int, j: int) -> float:
        return float(self.W_1[i - 1, j - 1])

    def w2(self, i: int) -> float:
        return float(self.W_2[i - 1, 0])

    def l1(self, j: int) -> float:
        return float(self.l_1[0, j - 1])

    def D1(self, j: int) -> float:
        return float(self.delta_1[0, j - 1])

    @property
    def D2(self) -> float:
        return float(self.delta_2[0, 0])

    @property
    def p(self) -> float:
        """ŷ as a number."""
        return float(self.y_hat[0, 0])

    @property
    def t(self) -> float:
        """y as a number."""
        return float(self.y[0, 0])

    def sum_into(self, j: int) -> float:
        """x¹ w_1^{1j} + x² w_1^{2j} + x³ w_1^{3j}, the exponent of (33) and (34)."""
        return self.x(1) * self.w1(1, j) + self.x(2) * self.w1(2, j) + self.x(3) * self.w1(3, j)

    def through(self, j: int) -> float:
        """∂L/∂ŷ ∂ŷ/∂l_1^j ∂l_1^j/∂w_1^{1j}, the right-hand side of (51) and (63)."""
        return (
            self.partial("L", 1, "y_hat", 1, 1)
            * self.partial("y_hat", 1, "l_1", 1, j)
            * self.partial("l_1", j, "W_1", 1, j)
        )


FORMULAS: Mapping[str, Callable[[Point], Any]] = {
    # input and output
    "30": lambda s: sigma(s.X @ s.W_1),
    "31": lambda s: 1 / (1 + np.exp(-s.X @ s.W_1)),
    "32": lambda s: [[s.l1(1), s.l1(2)]],
    "33": lambda s: 1 / (1 + np.exp(-s.sum_into(1))),
    "34": lambda s: 1 / (1 + np.exp(-s.sum_into(2))),
    "35": lambda s: sigma(s.l_1 @ s.W_2),
    "36": lambda s: 1 / (1 + np.exp(-s.l_1 @ s.W_2)),
    "37": lambda s: 1 / (1 + np.exp(-(s.l1(1) * s.w2(1) + s.l1(2) * s.w2(2)))),
    # the gradient by W_2
    "40": lambda s: [[s.partial("L", 1, "W_2", 1, 1)], [s.partial("L", 1, "W_2", 2, 1)]],
    "41": lambda s: s.partial("L", 1, "y_hat", 1, 1) * s.partial("y_hat", 1, "W_2", 1, 1),
    "42": lambda s: 1 / 2 * 2 * (s.t - s.p) ** 1 * (-1),
    "43": lambda s: sigma(s.l_1 @ s.W_2)[0, 0] * (1 - sigma(s.l_1 @ s.W_2)[0, 0]) * s.l1(1),
    "44": lambda s: s.p * (1 - s.p) * s.l1(1),
    "45": lambda s: (s.p - s.t) * s.p * (1 - s.p) * s.l1(1),
    "46": lambda s: (s.p - s.t) * s.p * (1 - s.p),
    "47": lambda s: s.D2 * s.l1(1),
    "48": lambda s: s.D2 * s.l1(2),
    "49": lambda s: [[s.D2 * s.l1(1)], [s.D2 * s.l1(2)]],
    "49.1": lambda s: s.l_1.T @ s.delta_2,
    # the gradient by W_1, first unit
    "50": lambda s: [[s.partial("L", 1, "W_1", i, j) for j in (1, 2)] for i in (1, 2, 3)],
    "51": lambda s: s.through(1),
    "52": lambda s: -(s.t - s.p),
    "53": lambda s: sigma(s.l_1 @ s.W_2)[0, 0] * (1 - sigma(s.l_1 @ s.W_2)[0, 0]) * s.w2(1),
    "54": lambda s: s.p * (1 - s.p) * s.w2(1),
    "55": lambda s: (1 / (1 + np.exp(-s.sum_into(1)))) * (1 - (1 / (1 + np.exp(-s.sum_into(1))))) * s.x(1),
    "56": lambda s: s.l1(1) * (1 - s.l1(1)) * s.x(1),
    "57": lambda s: (s.p - s.t) * s.p * (1 - s.p) * s.w2(1) * s.l1(1) * (1 - s.l1(1)) * s.x(1),
    "58": lambda s: s.D2 * s.w2(1) * s.l1(1) * (1 - s.l1(1)) * s.x(1),
    "59": lambda s: s.D2 * s.w2(1) * s.l1(1) * (1 - s.l1(1)),
    "60": lambda s: s.D1(1) * s.x(1),
    "61": lambda s: s.D1(1) * s.x(2),
    "62": lambda s: s.D1(1) * s.x(3),
    # the gradient by W_1, second unit
    "63": lambda s: s.through(2),
    "64": lambda s: -(s.t - s.p),
    "65": lambda s: sigma(s.l_1 @ s.W_2)[0, 0] * (1 - sigma(s.l_1 @ s.W_2)[0, 0]) * s.w2(2),
    "66": lambda s: s.p * (1 - s.p) * s.w2(2),
    "67": lambda s: (1 / (1 + np.exp(-s.sum_into(2)))) * (1 - (1 / (1 + np.exp(-s.sum_into(2))))) * s.x(1),
    "68": lambda s: s.l1(2) * (1 - s.l1(2)) * s.x(1),
    "69": lambda s: (s.p - s.t) * s.p * (1 - s.p) * s.w2(2) * s.l1(2) * (1 - s.l1(2)) * s.x(1),
    "70": lambda s: s.D2 * s.w2(2) * s.l1(2) * (1 - s.l1(2)) * s.x(1),
    "71": lambda s: s.D2 * s.w2(2) * s.l1(2) * (1 - s.l1(2)),
    "72": lambda s: s.D1(2) * s.x(1),
    "73": lambda s: s.D1(2) * s.x(2),
    "74": lambda s: s.D1(2) * s.x(3),  # printed (73) a second time
    # the matrix again
    "75": lambda s: [
        [s.D1(1) * s.x(1), s.D1(2) * s.x(1)],
        [s.D1(1) * s.x(2), s.D1(2) * s.x(2)],
        [s.D1(1) * s.x(3), s.D1(2) * s.x(3)],
    ],
    "76": lambda s: [[s.D1(1), s.D1(2)]],
    "77": lambda s: np.array([[s.x(1)], [s.x(2)], [s.x(3)]]) @ np.array([[s.D1(1), s.D1(2)]]),
    "78": lambda s: s.X.T @ s.delta_1,
    "79": lambda s: (s.delta_2 @ s.W_2.T) * s.l_1 * (1 - s.l_1),
}
"""By the number of the equation: its right-hand side."""
