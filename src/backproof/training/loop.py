"""``train``: one network, from start to end."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy.typing as npt

from backproof.backprop.trace import Trace
from backproof.ir.program import Program
from backproof.optimizers import Optimizer
from backproof.training.beginning import begin
from backproof.training.checkpoints import Checkpoints
from backproof.training.events import Callback
from backproof.training.interrupts import Interruptible, listening
from backproof.training.progress import reporter
from backproof.training.result import TrainingResult
from backproof.training.schedules import Plateau, Schedule
from backproof.training.stream import Stream


def train(
    net: Program | Trace,
    X: Any = None,
    y: Any = None,
    params: Mapping[str, Any] | None = None,
    optimizer: str | Optimizer = "sgd",
    learning_rate: float = 0.01,
    batch_size: int | None = None,
    epochs: int = 1,
    shuffle: bool = True,
    seed: int = 0,
    backend: str = "auto",
    dtype: npt.DTypeLike = "float64",
    progress: bool | str = True,
    *,
    schedule: str | Schedule | Plateau = "constant",
    clip_norm: float | None = None,
    clip_value: float | None = None,
    weights: Any = None,
    class_weight: str | Mapping[int, float] | None = None,
    validation: float | tuple[Any, Any] | Stream | None = None,
    patience: int | None = None,
    metrics: Sequence[str] = (),
    callbacks: Sequence[Callback] = (),
    norms: bool = False,
    initialization: str | None = None,
    checkpoint: Checkpoints | str | os.PathLike[str] | None = None,
    resume: bool | Literal["auto"] = False,
) -> TrainingResult:
    """θ ← θ − η ∂L/∂θ, again and again; Ctrl-C keeps the best parameters so far.

    Args:
        net: a network or any program, derived or not.
        X: the inputs, ``(n, d)`` for samples in rows; a mapping by identifier where a program has others than X and y.
            Mapped arrays and paths of ``.npy`` and Parquet files are streamed where they are large: see ``Stream``.
        y: the targets, ``(n, units)``; ``(n,)`` where there is one unit. Of a Parquet file the name of their column.
        params: initial parameters, copied. Without them weights are drawn by the activation that follows them, Glorot
            uniform for sigmoid, tanh, softmax and identity, He normal for ReLU and its kin, and biases are zero.
        optimizer: ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"adam"``, ``"adamw"``, ``"rmsprop"`` or ``"lion"``,
            perhaps with parameters as in ``"adam(beta_1=0.95)"``, or a rule of your own, made by ``bp.optimizer``.
        learning_rate: η.
        batch_size: samples per update; all where None. The last batch of an epoch may be smaller.
        epochs: passes over the data.
        shuffle: whether each epoch draws its mini-batches in a new order.
        seed: for initial parameters, order and dropout; the same seed gives the same result.
        backend: ``"numpy"``, ``"llvm"`` (machine code), or ``"auto"``: machine code where so many steps are to be made
            that it pays to compile, by a model that knows sizes and no clock: the same call gives the same bits.
        dtype: ``"float64"`` or ``"float32"``.
        progress: a bar where standard error is a terminal; ``"plain"`` for lines anywhere, False for nothing.
        schedule: how η changes: ``"constant"``, ``"cosine"``, ``"step(every=30, factor=0.1)"``, ``"exponential"``,
            ``"one_cycle"``, ``"plateau(patience=10)"``, ``"warmup(steps=100) + cosine"``.
        clip_norm: gradients are scaled together so that √(Σ g²) is at most this.
        clip_value: every entry of a gradient is brought into [−clip_value, clip_value], before ``clip_norm``.
        weights: of the samples in the loss, for a network made with ``weighted=True``; all 1 where None.
        class_weight: for each class the weight of its samples, times their own; ``"balanced"`` where each class is to
            count alike.
        validation: held-out data ``(X, y)``, a ``Stream``, or the share of the data to hold out, drawn by the seed.
        patience: epochs without a lower validation loss after which to stop, with the best parameters.
        metrics: ``"accuracy"``, ``"r2"``, ``"mae"``, ``"rmse"``, of the validation data after each epoch.
        callbacks: called after each epoch with an ``Event``, whose ``stop()`` ends the training. Their time is not
            counted, and an exception in one ends the training with the weights kept in the error.
        initialization: how weights are drawn where ``params`` is None: ``"glorot_uniform"``, ``"he_normal"``,
            ``"lecun_normal"``, their uniform or normal kin, ``"orthogonal"``, or ``"uniform"`` from 0 to 1.
        norms: whether the history has norms of gradients and updates, measured now and then.
        checkpoint: a folder, or ``Checkpoints(folder, ...)``, where the training is kept every so often.
        resume: whether to go on from the newest checkpoint there, to the bits of a run that was never stopped, with the
            same data and options; ``epochs`` may be more where the schedule is not stretched over them. ``"auto"`` for
            going on where there is a checkpoint. Callbacks are told of the last epoch again, and of none before.

    Returns:
        The parameters, the loss of all data with them, and one record per epoch.

    Raises:
        SpecificationError, ShapeError, DataError: options or data that cannot be used.
        UnsupportedError: something that the backend cannot do yet.
        DivergenceError: a quantity became NaN or infinite; has the last finite parameters.
        CallbackError: a callback failed; has the parameters.
        OutputError: the folder for checkpoints cannot be made. What cannot be written later is a warning, and a note in
            the result.

    Example:
        >>> import backproof as bp
        >>> net = bp.mlp(1, 1, activation="identity", loss="mean_squared_error")
        >>> result = bp.train(net, [1, 2, 3], [2, 4, 6], learning_rate=0.1, epochs=100, progress=False)
        >>> result.params["W_1"].round(6).tolist(), result.stopped
        ([[2.0]], 'finished')
    """
    training = begin(
        net,
        X,
        y,
        params,
        optimizer=optimizer,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        shuffle=shuffle,
        seed=seed,
        backend=backend,
        dtype=dtype,
        schedule=schedule,
        clip_norm=clip_norm,
        clip_value=clip_value,
        weights=weights,
        class_weight=class_weight,
        validation=validation,
        patience=patience,
        metrics=metrics,
        callbacks=callbacks,
        norms=norms,
        initialization=initialization,
        checkpoint=checkpoint,
        resume=resume,
    )
    run = training.run
    with reporter(progress, training.epochs, run.batches.per_epoch, run.made) as shown, listening() as heard:
        return training.go(Interruptible(shown, heard))
