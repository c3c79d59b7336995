"""JAX at its strongest: all epochs of a call are one compiled loop, with ``lax.scan`` over the batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from backproof.bench.workloads import Workload
from backproof.ir.arithmetic import Array


class JaxPeer:
    """A jitted ``lax.scan`` over the epoch, under ``vmap`` where there are several networks; JAX's own gradients."""

    def __init__(self, workload: Workload) -> None:
        import jax
        from jax import lax
        from jax import numpy as jnp

        X, y = workload.data()
        self._block = jax.block_until_ready
        self._X = jnp.asarray(X.reshape(workload.steps, workload.batch, -1))
        self._y = jnp.asarray(y.reshape(workload.steps, workload.batch, -1))
        self._start, self._copies = workload.start(), workload.copies
        self.restart()
        gradient, update = jax.value_and_grad(_loss(workload)), _update(workload)

        def step(state: Any, batch: Any) -> Any:
            loss, gradients = gradient(state[0], *batch)
            return update(state, gradients), loss

        def epochs(count: Any, state: Any, X: Any, y: Any) -> Any:
            def one(_: Any, carried: Any) -> Any:
                return lax.scan(step, carried[0], (X, y))

            return lax.fori_loop(0, count, one, (state, jnp.zeros(workload.steps, jnp.float32)))

        several = jax.vmap(epochs, in_axes=(None, 0, None, None)) if workload.copies > 1 else epochs
        self._epochs = jax.jit(several, donate_argnums=1)

    def restart(self) -> None:
        import jax
        from jax import numpy as jnp

        parameters = {id: jnp.array(value) for id, value in self._start.items()}
        mean, square = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
        power = (self._copies,) if self._copies > 1 else ()
        self._state: Any = (parameters, mean, square, jnp.ones(power, jnp.float32), jnp.ones(power, jnp.float32))

    def advance(self, epochs: int) -> None:
        self._state, _ = self._block(self._epochs(epochs, self._state, self._X, self._y))

    def parameters(self) -> dict[str, Array]:
        return {id: np.array(value) for id, value in self._state[0].items()}


def _loss(workload: Workload) -> Any:
    import jax
    from jax import numpy as jnp

    functions = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "identity": lambda x: x}
    layers = len(workload.sizes) - 1

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        for k in range(1, layers + 1):
            x = x @ parameters[f"W_{k}"]
            if workload.bias:
                x = x + parameters[f"b_{k}"]
            if k < layers:
                x = functions[workload.activation](x)
        if workload.classifies:
            return -jnp.sum(y * jax.nn.log_softmax(x)) / workload.batch
        return 0.5 * jnp.mean((functions[workload.output](x) - y) ** 2)

    return loss


def _update(workload: Workload) -> Any:
    """The update of (parameters, m, v, β₁ᵗ, β₂ᵗ) by gradients."""
    import jax
    from jax import numpy as jnp

    rate, map_ = workload.rate, jax.tree.map

    def sgd(state: Any, gradients: Any) -> Any:
        return (map_(lambda p, g: p - rate * g, state[0], gradients), *state[1:])

    def adam(state: Any, gradients: Any) -> Any:
        parameters, mean, square, power_1, power_2 = state
        mean = map_(lambda m, g: 0.9 * m + 0.1 * g, mean, gradients)
        square = map_(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradients)
        power_1, power_2 = 0.9 * power_1, 0.999 * power_2
        parameters = map_(
            lambda p, m, v: p - rate * (m / (1 - power_1)) / (jnp.sqrt(v / (1 - power_2)) + 1e-8),
            parameters,
            mean,
            square,
        )
        return parameters, mean, square, power_1, power_2

    return {"sgd": sgd, "adam": adam}[workload.optimizer]
