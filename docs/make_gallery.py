"""Makes docs/gallery.md and its pictures by running what it shows: python docs/make_gallery.py

Each example is the text of a program. What stands in the document is that text, what it printed, the equations of its
derivation, and the curves of its training. With ``--quick`` the examples run for two epochs and nothing is written.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import runpy
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import backproof as bp
from backproof.files import atomic_write_bytes

DOCS = Path(__file__).parent
QUICK = 2


@dataclass(frozen=True)
class Example:
    """A program that leaves ``net`` and ``result``.

    Args:
        name: of its picture.
        title: of its section.
        about: what there is to see.
        code: the program.
    """

    name: str
    title: str
    about: str
    code: str


EXAMPLES = (
    Example(
        "digits",
        "The digits",
        "1,797 pictures of 8×8 pixels, ten classes: dropout against overfitting, a cosine schedule, and the weights of "
        "the epoch with the lowest validation loss.",
        """
import numpy as np
from sklearn.datasets import load_digits

import backproof as bp

X, labels = load_digits(return_X_y=True)
X, y = X / 16, np.eye(10)[labels]
net = bp.mlp(64, 64, 10, activation="relu", bias=True, dropout=0.2, loss="cross_entropy")
result = bp.train(net, X, y, optimizer="adam", learning_rate=3e-3, schedule="cosine", batch_size=32, epochs=60,
                  validation=0.2, patience=20, metrics=["accuracy"], progress=False)
best = result.history[result.best_epoch - 1]
print(f"best epoch {result.best_epoch}: accuracy {best.metrics['accuracy']:.1%} on the validation data")
""",
    ),
    Example(
        "sine",
        "A noisy sine",
        "200 points of sin(3x) with noise of 0.1: L-BFGS over the compiled gradient, where each iteration is an epoch.",
        """
import numpy as np

import backproof as bp

rng = np.random.default_rng(0)
x = rng.uniform(-2, 2, (200, 1))
y = np.sin(3 * x) + rng.normal(0, 0.1, x.shape)
net = bp.mlp(1, 24, 1, activation="tanh", output_activation="identity", bias=True, loss="mean_squared_error")
result = bp.train(net, x, y, optimizer="lbfgs", epochs=200, progress=False)
print(f"mean squared error {result.loss:.4f} after {result.steps} iterations; the noise has 0.0100")
""",
    ),
    Example(
        "moons",
        "Two moons",
        "400 points in two half-moons that no line separates: one output, binary cross-entropy, batches of 20.",
        """
from sklearn.datasets import make_moons

import backproof as bp

X, y = make_moons(400, noise=0.15, random_state=0)
net = bp.mlp(2, 16, 1, activation="tanh", bias=True, loss="binary_cross_entropy")
result = bp.train(net, X, y, optimizer="adam", learning_rate=0.01, batch_size=20, epochs=100, validation=0.25,
                  metrics=["accuracy"], progress=False)
last = result.history[-1]
print(f"validation loss {last.validation_loss:.4f}, accuracy {last.metrics['accuracy']:.1%}")
""",
    ),
    Example(
        "diabetes",
        "A regression table",
        "442 patients, ten measurements, and the progression of diabetes a year later: few and noisy data, so weight "
        "decay, early stopping, and a layer normalisation.",
        """
from sklearn.datasets import load_diabetes

import backproof as bp

X, y = load_diabetes(return_X_y=True, scaled=False)
X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
net = bp.mlp(10, 16, 1, activation="silu", output_activation="identity", bias=True, normalization="layer",
             loss="mean_squared_error")
result = bp.train(net, X, y, optimizer="adamw", learning_rate=3e-3, batch_size=32, epochs=200, validation=0.2,
                  patience=30, metrics=["r2", "mae"], progress=False)
best = result.history[result.best_epoch - 1]
print(f"stopped {result.stopped} after {len(result.history)} epochs; best epoch {result.best_epoch}: "
      f"R² {best.metrics['r2']:.2f}, mean absolute error {best.metrics['mae']:.2f} standard deviations")
""",
    ),
)


def main() -> None:
    """Run the examples, and write what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two epochs of each, nothing written")
    quick = parser.parse_args().quick
    sections = [section(example, quick) for example in EXAMPLES]
    if quick:
        print(f"{len(sections)} examples run")
        return
    opening = "# Gallery\n\nMade by running it: `python docs/make_gallery.py`. "
    opening += "Code, output, equations and curves are those of one run.\n"
    atomic_write_bytes(DOCS / "gallery.md", "\n".join([opening, *sections]).encode())


def section(example: Example, quick: bool) -> str:
    """An example, run."""
    code = example.code.strip()
    output, found = ran(re.sub(r"epochs=\d+", f"epochs={QUICK}", code) if quick else code)
    picture = DOCS / "images" / f"gallery-{example.name}.svg"
    figure = found["result"].history.plot(None if quick else picture)
    assert figure.axes
    equations = take_home(found["net"])
    return (
        f"## {example.title}\n\n{example.about}\n\n```python\n{code}\n```\n\n```text\n{output.strip()}\n```\n\n"
        f"![curves of the training](images/{picture.name})\n\nWhat it ran:\n\n```text\n{equations}\n```\n"
    )


def ran(code: str) -> tuple[str, dict[str, Any]]:
    """What a program prints, and its names."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as printed:
        path = Path(folder) / "example.py"
        path.write_text(code + "\n", encoding="utf-8")
        found = runpy.run_path(str(path))
    return printed.getvalue(), found


def take_home(net: Any) -> str:
    """The equations of the summary."""
    text = str(bp.derive(net, view="summary"))
    lines = text[text.index("Forward, from") :].rstrip().splitlines()
    return "\n".join(line.removeprefix("    ") for line in lines if "made by:" not in line).rstrip()


if __name__ == "__main__":
    main()
