"""Whole programs in the styles that people write, right and with one fault each, and the seed's own listing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import backproof as bp
from backproof.checking.findings import Verdict
from backproof.checking.report import Report
from backproof.checking.scripts import check_script, unified_diff, write_fixed
from backproof.errors import DataError

SEED = """\
import numpy as np

X = np.array([0,0,1])
y = np.array([0])

alpha = 0.5  # learning rate - hyperparameter

W_1 = np.random.random(3,2)
W_2 = np.random.random(2,1)

for i in range(1000):

    layer_1 = 1/(1+np.exp(-(np.dot(X,W_1))))
    layer_2 = 1/(1+np.exp(-(np.dot(layer_1,W_2))))

    layer_2_delta = (layer_2 - y)*(layer_2*(1-layer_2))
    layer_1_delta = layer_2_delta.dot(W_2.T)*(layer_1*(1-layer_1))

    W_1 = W_1 - alpha * (layer_1.T).dot(layer_2_delta)
    W_2 = W_2 - alpha * (X.T).dot(layer_1_delta)
"""

FLAT = """\
import numpy as np
np.random.seed(1)
inputs = np.array([[0., 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
labels = np.array([[0.], [1], [1], [0]])
a = 2 * np.random.random((3, 4)) - 1   # first weights
b = 2 * np.random.random((4, 1)) - 1

def nonlin(x, deriv=False):
    if deriv:
        return x * (1 - x)
    return 1 / (1 + np.exp(-x))

for j in range(50):
    h = nonlin(np.dot(inputs, a))
    o = nonlin(np.dot(h, b))
    error = labels - o
    do = error * nonlin(o, deriv=True)
    dh = do.dot(b.T) * nonlin(h, deriv=True)
    b += h.T.dot(do)
    a += inputs.T.dot(dh)
"""

CLASS = """\
import numpy as np

class Net:
    def __init__(self, rng):
        self.W1 = rng.standard_normal((3, 4)) * 0.5
        self.b1 = np.zeros(4)
        self.W2 = rng.standard_normal((4, 2)) * 0.5
        self.b2 = np.zeros(2)

    def forward(self, x):
        self.h = np.tanh(x @ self.W1 + self.b1)
        return self.h @ self.W2 + self.b2

    def backward(self, x, out, target):
        dout = 2 * (out - target) / out.size
        self.dW2 = self.h.T @ dout
        self.db2 = dout.sum(axis=0)
        dz = (dout @ self.W2.T) * (1 - self.h ** 2)
        self.dW1 = x.T @ dz
        self.db1 = dz.sum(axis=0)

    def update(self, lr):
        self.W1 -= lr * self.dW1
        self.b1 -= lr * self.db1
        self.W2 -= lr * self.dW2
        self.b2 -= lr * self.db2

rng = np.random.default_rng(0)
data, goal = rng.standard_normal((6, 3)), rng.standard_normal((6, 2))
net = Net(rng)
for epoch in range(20):
    out = net.forward(data)
    net.backward(data, out, goal)
    net.update(0.1)
"""

COLUMNS = """\
import numpy as np

def forward(X, p):
    A1 = np.tanh(np.dot(p["W1"], X) + p["b1"])
    return A1, 1 / (1 + np.exp(-(np.dot(p["W2"], A1) + p["b2"])))

def backward(p, A1, A2, X, Y):
    m = X.shape[1]
    dZ2 = A2 - Y
    dW2 = np.dot(dZ2, A1.T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = np.dot(p["W2"].T, dZ2) * (1 - np.power(A1, 2))
    dW1 = np.dot(dZ1, X.T) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}

rng = np.random.default_rng(3)
X = rng.standard_normal((3, 8))
Y = (rng.random((1, 8)) > 0.5).astype(float)
p = {"W1": rng.standard_normal((3, 3)), "b1": np.zeros((3, 1))}
p |= {"W2": rng.standard_normal((1, 3)), "b2": np.zeros((1, 1))}
for i in range(10):
    A1, A2 = forward(X, p)
    g = backward(p, A1, A2, X, Y)
    p = {k: p[k] - 0.5 * g[k] for k in p}
"""

LOOP = """\
import numpy as np
rng = np.random.default_rng(7)
X = np.array([[0.2, 0.1], [0., 1.], [1., 0.], [1., 1.]])
Y = np.array([0., 1., 1., 0.])
w1 = rng.normal(size=(2, 3))
w2 = rng.normal(size=3)
def s(a): return 1 / (1 + np.exp(-a))
for e in range(20):
    for x, t in zip(X, Y):
        h = s(x @ w1)
        o = s(h @ w2)
        d = (o - t) * o * (1 - o)
        dh = d * w2 * h * (1 - h)
        w2 -= 0.5 * d * h
        w1 -= 0.5 * np.outer(x, dh)
"""

CLASSES = """\
import numpy as np
np.random.seed(0)
N = 12
X = np.random.randn(N, 2)
y = np.random.randint(0, 3, N)
W1, b1 = np.random.randn(2, 4), np.zeros((1, 4))
W2, b2 = np.random.randn(4, 3), np.zeros((1, 3))
for i in range(20):
    a1 = np.tanh(X.dot(W1) + b1)
    e = np.exp(a1.dot(W2) + b2)
    probs = e / np.sum(e, axis=1, keepdims=True)
    delta3 = probs.copy()
    delta3[range(N), y] -= 1
    delta3 /= N
    dW2 = (a1.T).dot(delta3)
    db2 = np.sum(delta3, axis=0, keepdims=True)
    delta2 = delta3.dot(W2.T) * (1 - np.power(a1, 2))
    dW1 = np.dot(X.T, delta2)
    db1 = np.sum(delta2, axis=0)
    W1 += -0.1 * dW1
    b1 += -0.1 * db1
    W2 += -0.1 * dW2
    b2 += -0.1 * db2
"""

STYLES = {
    "flat": (FLAT, bp.mlp(3, 4, 1)),
    "class": (
        CLASS,
        bp.mlp(3, 4, 2, activation="tanh", output_activation="identity", bias=True, loss="mean_squared_error"),
    ),
    "columns": (COLUMNS, bp.mlp(3, 3, 1, activation=["tanh", "sigmoid"], bias=True, loss="binary_cross_entropy")),
    "loop": (LOOP, bp.mlp(2, 3, 1)),
    "classes": (CLASSES, bp.mlp(2, 4, 3, activation="tanh", bias=True, loss="cross_entropy")),
}


def checked(tmp_path: Path, style: str, old: str = "", new: str = "") -> Report:
    text, net = STYLES[style]
    assert old in text
    path = tmp_path / "program.py"
    path.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    return check_script(path, net)


@pytest.mark.parametrize("style", STYLES)
def test_right_programs_get_no_complaint(tmp_path: Path, style: str) -> None:
    report = checked(tmp_path, style)
    assert report.findings == ()
    assert report.verdict is Verdict.RIGHT
    assert report.mended == ""


def test_conventions_are_named(tmp_path: Path) -> None:
    assert "error-reversed" in {c.kind for c in checked(tmp_path, "flat").conventions}
    assert {"column-samples", "one-over-n"} <= {c.kind for c in checked(tmp_path, "columns").conventions}
    assert "class-numbers" in {c.kind for c in checked(tmp_path, "classes").conventions}


@pytest.mark.parametrize(
    ("style", "old", "new", "kind", "line"),
    [
        ("flat", "do.dot(b.T) * nonlin(h, deriv=True)", "do.dot(b.T)", "derivative-missing", 18),
        ("flat", "do.dot(b.T)", "error.dot(b.T)", "wrong-delta", 18),
        ("flat", "error = labels - o", "error = o - labels", "error-reversed", 16),
        ("flat", "    dh = do.dot(b.T) * nonlin(h, deriv=True)\n    b += h.T.dot(do)\n",
         "    b += h.T.dot(do)\n    dh = do.dot(b.T) * nonlin(h, deriv=True)\n", "weights-before-step", 18),
        ("class", "(1 - self.h ** 2)", "(1 - self.h)", "power-missing", 18),
        ("class", "self.db1 = dz.sum(axis=0)", "self.db1 = dz.sum()", "bias-axis", 20),
        ("class", "self.W2 -= lr * self.dW2", "self.W2 += lr * self.dW2", "sign", 25),
        ("class", "dout @ self.W2.T", "dout @ self.W2", "shapes-disagree", 18),
        ("columns", "dW1 = np.dot(dZ1, X.T) / m", "dW1 = np.dot(X, dZ1.T) / m", "transposed", 13),
        ("loop", "d * w2 * h * (1 - h)", "d * w2 * h", "factor-missing", 13),
        ("loop", "np.outer(x, dh)", "np.outer(dh, x)", "shapes-disagree", 15),
        ("classes", "    delta3 /= N\n", "", "sum-for-mean", 14),
        ("classes", "delta3.dot(W2.T)", "probs.dot(W2.T)", "wrong-delta", 17),
        ("classes", "delta3[range(N), y] -= 1", "delta3[range(N), y] -= 2", "stray-factor", 13),
        ("flat", "np.exp(-x)", "np.exp(x)", "sign", 11),
    ],
)  # fmt: skip
def test_one_fault_is_found_and_mended(tmp_path: Path, style: str, old: str, new: str, kind: str, line: int) -> None:
    report = checked(tmp_path, style, old, new)
    assert report.verdict is Verdict.WRONG
    found = report.findings[0]
    assert found.repair is not None, found.sentence
    assert found.repair.checked
    assert (found.kind, found.line) == (kind, line), found.sentence
    again = tmp_path / "again.py"
    again.write_text(report.mended, encoding="utf-8")
    assert check_script(again, STYLES[style][1]).ok


AUTOGRAD = """\
import torch
torch.manual_seed(0)

class Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, grad_out):
        x, w = ctx.saved_tensors
        grad_w = x.t() @ grad_out
        return grad_out @ w.t(), grad_w

x, t = torch.randn(5, 3, dtype=torch.float64), torch.rand(5, 1, dtype=torch.float64)
w1 = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
w2 = torch.randn(4, 1, dtype=torch.float64, requires_grad=True)
for i in range(5):
    h = torch.sigmoid(Affine.apply(x, w1))
    p = torch.sigmoid(Affine.apply(h, w2))
    (0.5 * ((p - t) ** 2).sum()).backward()
    with torch.no_grad():
        w1 -= 0.1 * w1.grad
        w2 -= 0.1 * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
"""


def test_a_backward_of_torch(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "program.py"
    path.write_text(AUTOGRAD, encoding="utf-8")
    assert check_script(path, bp.mlp(3, 4, 1)).ok
    path.write_text(AUTOGRAD.replace("x.t() @ grad_out", "2 * x.t() @ grad_out"), encoding="utf-8")
    report = check_script(path, bp.mlp(3, 4, 1))
    assert report.verdict is Verdict.WRONG
    assert report.findings[0].line == 13
    assert report.findings[0].repair is not None


def test_the_seeds_listing(tmp_path: Path) -> None:
    path = tmp_path / "seed.py"
    path.write_text(SEED, encoding="utf-8")
    report = check_script(path, bp.mlp(3, 2, 1), fix=True)
    assert [(f.kind, f.line) for f in report.findings] == [
        ("shape-tuple", 8),
        ("shape-tuple", 9),
        ("one-dimensional", 3),
        ("gradients-swapped", 19),
    ]
    assert all(f.repair is not None and f.repair.checked for f in report.findings)
    assert "# learning rate - hyperparameter" in report.mended
    assert path.read_text(encoding="utf-8") == SEED
    fixed = tmp_path / "seed.fixed.py"
    assert fixed.read_text(encoding="utf-8") == report.mended
    trained = "print(0.5 * float(((layer_2 - y) ** 2).sum()) < 0.01)\n"
    fixed.write_text(report.mended + trained, encoding="utf-8")
    ran = subprocess.run([sys.executable, str(fixed)], capture_output=True, text=True, check=True)
    assert ran.stdout == "True\n"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    first = write_fixed(tmp_path / "a.py", "1\n")
    second = write_fixed(tmp_path / "a.py", "2\n")
    assert (first.name, second.name) == ("a.fixed.py", "a.fixed2.py")
    assert first.read_text(encoding="utf-8") == "1\n"


def test_a_diff_of_the_mended_text(tmp_path: Path) -> None:
    report = checked(tmp_path, "flat", "do.dot(b.T)", "error.dot(b.T)")
    diff = unified_diff(report.source, report.mended, "program.py")
    assert "-    dh = error.dot(b.T) * nonlin(h, deriv=True)\n+    dh = do.dot(b.T) * nonlin(h, deriv=True)\n" in diff
    ast.parse(report.mended)


@pytest.mark.parametrize("text", ["def f(:\n", "x = '\x00'\n"])
def test_what_is_not_python_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="is not Python"):
        check_script(path, bp.mlp(2, 1))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        check_script(tmp_path / "none.py", bp.mlp(2, 1))


def test_a_program_without_the_network_is_not_called_right(tmp_path: Path) -> None:
    path = tmp_path / "other.py"
    path.write_text("print('nothing to see')\n", encoding="utf-8")
    report = check_script(path, bp.mlp(2, 1))
    assert report.verdict is Verdict.NOT_INFORMATIVE
    assert report.findings == ()
