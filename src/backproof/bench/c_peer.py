"""A loop by hand in C: one file for the network, compiled by the system's compiler, called once for all its steps."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from backproof.bench.workloads import Workload
from backproof.errors import UnsupportedError
from backproof.ir.arithmetic import Array

FLAGS = ("-O3", "-march=native", "-fno-math-errno")
"""Without the last, no square root would be vector code."""
SECONDS = 60
"""That a compiler may take."""


def c_compiler() -> str | None:
    """The compiler's path: ``CC``, or the first of cc, gcc and clang."""
    named = os.environ.get("CC", "").strip()
    return next((path for name in ([named] if named else ["cc", "gcc", "clang"]) if (path := shutil.which(name))), None)


class CPeer:
    """Plain loops over the batches of all epochs; weights and what the optimiser remembers are flat arrays."""

    def __init__(self, workload: Workload) -> None:
        self._function = _compiled(c_source(workload))
        self._X, self._y = workload.data()
        self._steps, self._beginning = workload.steps, workload.start()
        size = sum(value.size for value in self._beginning.values())
        self._state = np.zeros((3, size), np.float32)
        self._powers = np.ones(2, np.float32)
        self.restart()

    def restart(self) -> None:
        self._state[0] = np.concatenate([value.ravel() for value in self._beginning.values()])
        self._state[1:], self._powers[:] = 0, 1

    def advance(self, epochs: int) -> None:
        arrays = (self._X, self._y, *self._state, self._powers)
        self._function(epochs, self._steps, *(array.ctypes.data for array in arrays))

    def parameters(self) -> dict[str, Array]:
        ends = np.cumsum([value.size for value in self._beginning.values()])[:-1]
        parts = np.split(self._state[0].copy(), ends)
        return {id: part.reshape(value.shape) for (id, value), part in zip(self._beginning.items(), parts, strict=True)}


@cache
def _compiled(source: str) -> Callable[..., None]:
    """The function; its library stays loaded when its file is gone."""
    compiler = c_compiler()
    if compiler is None:
        raise UnsupportedError("no C compiler found; install one, or name it in CC")
    with TemporaryDirectory(prefix="backproof-bench-", ignore_cleanup_errors=True) as folder:
        text, library = Path(folder, "train.c"), Path(folder, "train.so")
        text.write_text(source, encoding="ascii")
        command = [compiler, *FLAGS, "-shared", "-fPIC", "-o", str(library), str(text), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode:
            raise UnsupportedError(f"{compiler} refused the loop: {' '.join(done.stderr.split())[:200]}")
        function = ctypes.CDLL(str(library)).train
    function.argtypes = [ctypes.c_long, ctypes.c_long, *[ctypes.c_void_p] * 6]
    function.restype = None
    loaded: Callable[..., None] = function
    return loaded


def c_source(workload: Workload) -> str:
    """The program, for one network."""
    widths, layers = workload.sizes, range(1, len(workload.sizes))
    places = _places(workload)
    scratch = [f"static float a{k}[B * {n}], d{k}[B * {n}];" for k, n in enumerate(widths) if k]
    products = max(a * b for a, b in pairwise(widths))
    forward = [
        f"        forward({_input(k)}, P + {places[f'W_{k}']}, {_bias(places, 'P', k)}, a{k}, {m}, {n});\n"
        f"        {_activation(workload, k)}_layer(a{k}, {n});"
        for k, (m, n) in enumerate(pairwise(widths), 1)
    ]
    backward = [
        line for k in reversed(layers) for line in _backward_lines(workload, places, k, widths[k - 1], widths[k])
    ]
    total = sum(value.size for value in workload.start().values())
    return "\n".join(
        [
            *HEAD.format(batch=workload.batch, total=total, products=products, rate=workload.rate).splitlines(),
            *scratch,
            LOOPS,
            UPDATES[workload.optimizer],
            "void train(long epochs, long steps, const float *X, const float *y,",
            "           float *P, float *M, float *V, float *q) {",
            "    for (long step = 0; step < epochs * steps; step++) {",
            f"        const float *x = X + step % steps * B * {widths[0]};",
            f"        const float *t = y + step % steps * B * {widths[-1]};",
            *forward,
            f"        difference(a{layers[-1]}, t, d{layers[-1]}, {widths[-1]}, {_scale(workload)});",
            *backward,
            "        update(P, M, V, q);",
            "    }",
            "}",
            "",
        ]
    )


def _places(workload: Workload) -> dict[str, int]:
    """Where each parameter begins in the flat array."""
    places, end = {}, 0
    for id, value in workload.start().items():
        places[id], end = end, end + value.size
    return places


def _input(k: int) -> str:
    return "x" if k == 1 else f"a{k - 1}"


def _bias(places: dict[str, int], array: str, k: int) -> str:
    return f"{array} + {places[f'b_{k}']}" if f"b_{k}" in places else "0"


def _activation(workload: Workload, k: int) -> str:
    return workload.output if k == len(workload.sizes) - 1 else workload.activation


def _scale(workload: Workload) -> str:
    """By which the difference of prediction and target is divided: what the loss is a mean over."""
    return str(workload.batch * (1 if workload.classifies else workload.sizes[-1]))


def _backward_lines(workload: Workload, places: dict[str, int], k: int, m: int, n: int) -> list[str]:
    activation = _activation(workload, k)
    slope = [] if activation in ("identity", "softmax") else [f"        {activation}_slope(a{k}, d{k}, {n});"]
    weights = f"        outer({_input(k)}, d{k}, G + {places[f'W_{k}']}, {_bias(places, 'G', k)}, {m}, {n});"
    back = [f"        back(d{k}, P + {places[f'W_{k}']}, d{k - 1}, {m}, {n});"] if k > 1 else []
    return [*slope, weights, *back]


HEAD = """\
#include <math.h>
#include <string.h>

enum {{ B = {batch}, TOTAL = {total} }};
static const float rate = {rate}f;
static float G[TOTAL], T[{products}];"""

LOOPS = """
static inline void forward(const float *restrict x, const float *restrict w, const float *restrict b, float *restrict a,
                           int m, int n) {
    for (int i = 0; i < B; i++) {
        for (int j = 0; j < n; j++) a[i * n + j] = b ? b[j] : 0;
        for (int k = 0; k < m; k++)
            for (int j = 0; j < n; j++) a[i * n + j] += x[i * m + k] * w[k * n + j];
    }
}

static inline void outer(const float *restrict x, const float *restrict d, float *restrict g, float *restrict gb,
                         int m, int n) {
    memset(g, 0, sizeof(float) * m * n);
    for (int i = 0; i < B; i++)
        for (int k = 0; k < m; k++)
            for (int j = 0; j < n; j++) g[k * n + j] += x[i * m + k] * d[i * n + j];
    if (gb) {
        memset(gb, 0, sizeof(float) * n);
        for (int i = 0; i < B; i++)
            for (int j = 0; j < n; j++) gb[j] += d[i * n + j];
    }
}

/* With the weights transposed first, the inner loop runs along memory. */
static inline void back(const float *restrict d, const float *restrict w, float *restrict e, int m, int n) {
    for (int k = 0; k < m; k++)
        for (int j = 0; j < n; j++) T[j * m + k] = w[k * n + j];
    memset(e, 0, sizeof(float) * B * m);
    for (int i = 0; i < B; i++)
        for (int j = 0; j < n; j++)
            for (int k = 0; k < m; k++) e[i * m + k] += d[i * n + j] * T[j * m + k];
}

static inline void identity_layer(float *a, int n) { (void)a; (void)n; }
static inline void relu_layer(float *a, int n) { for (int i = 0; i < B * n; i++) a[i] = a[i] > 0 ? a[i] : 0; }
static inline void tanh_layer(float *a, int n) { for (int i = 0; i < B * n; i++) a[i] = tanhf(a[i]); }
static inline void sigmoid_layer(float *a, int n) { for (int i = 0; i < B * n; i++) a[i] = 1 / (1 + expf(-a[i])); }
static inline void softmax_layer(float *a, int n) {
    for (int i = 0; i < B; i++) {
        float most = a[i * n], sum = 0;
        for (int j = 1; j < n; j++) most = a[i * n + j] > most ? a[i * n + j] : most;
        for (int j = 0; j < n; j++) sum += a[i * n + j] = expf(a[i * n + j] - most);
        for (int j = 0; j < n; j++) a[i * n + j] /= sum;
    }
}
static inline void relu_slope(const float *restrict a, float *restrict d, int n) {
    for (int i = 0; i < B * n; i++) d[i] = a[i] > 0 ? d[i] : 0;
}
static inline void tanh_slope(const float *restrict a, float *restrict d, int n) {
    for (int i = 0; i < B * n; i++) d[i] *= 1 - a[i] * a[i];
}
static inline void sigmoid_slope(const float *restrict a, float *restrict d, int n) {
    for (int i = 0; i < B * n; i++) d[i] *= a[i] * (1 - a[i]);
}
static inline void difference(const float *restrict a, const float *restrict y, float *restrict d, int n, float scale) {
    for (int i = 0; i < B * n; i++) d[i] = (a[i] - y[i]) / scale;
}
"""

UPDATES = {
    "sgd": """\
static inline void update(float *restrict P, float *M, float *V, float *q) {
    (void)M; (void)V; (void)q;
    for (int i = 0; i < TOTAL; i++) P[i] -= rate * G[i];
}
""",
    "adam": """\
static inline void update(float *restrict P, float *restrict M, float *restrict V, float *restrict q) {
    q[0] *= 0.9f;
    q[1] *= 0.999f;
    const float first = 1 - q[0], second = 1 - q[1];
    for (int i = 0; i < TOTAL; i++) {
        M[i] = 0.9f * M[i] + 0.1f * G[i];
        V[i] = 0.999f * V[i] + 0.001f * G[i] * G[i];
        P[i] -= rate * (M[i] / first) / (sqrtf(V[i] / second) + 1e-8f);
    }
}
""",
}
