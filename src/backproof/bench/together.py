"""Many networks at once: each trains as if it were alone, as many side by side as there are threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from backproof.errors import SpecificationError
from backproof.ir.arithmetic import Array
from backproof.kernels.llvm.run import NativeRun, Order

State = Mapping[str, Array]


class Together:
    """Networks of one derivation on the same data; they may differ in weights, rates and the order of samples.

    A thread puts the state of a network into its own run, trains, and takes the state out again: however many networks
    there are, each processor works in one small piece of memory, and the bits are those of a run alone. Steps that are
    worth several threads themselves gain nothing from company; give one run then.

    Args:
        runs: one for each thread.
        states: of the networks, as ``NativeRun.state`` gives them.
    """

    def __init__(self, runs: Sequence[NativeRun], states: Sequence[State]) -> None:
        if not runs:
            raise SpecificationError("there is no run to train in; give one for each thread")
        self._runs, self._states = tuple(runs), list(states)

    def steps(self, orders: Sequence[Order], batch: int) -> list[Array]:
        """The losses of each network's batches, in its own order; see ``NativeRun.steps``.

        Where this is interrupted or fails, some networks have taken their steps and others have not.

        Args:
            orders: indices of samples for each network.
            batch: samples in a batch.
        """
        if len(orders) != len(self._states):
            raise SpecificationError(f"{len(orders)} orders for {len(self._states)} networks; give one for each")
        waiting, losses = deque(range(len(orders))), dict[int, Array]()

        def work(run: NativeRun) -> None:
            while waiting:
                try:
                    number = waiting.popleft()
                except IndexError:  # another thread was faster
                    return
                run.restore(self._states[number])
                losses[number] = run.steps(orders[number], batch)
                self._states[number] = run.state()

        with ThreadPoolExecutor(len(self._runs)) as pool:
            try:
                threads = [pool.submit(work, run) for run in self._runs]
                for thread in wait(threads, return_when=FIRST_EXCEPTION).done:
                    thread.result()
            except BaseException:
                waiting.clear()
                raise
        return [losses[number] for number in range(len(orders))]

    def states(self) -> list[State]:
        """Of the networks, now."""
        return list(self._states)

    def restore(self, states: Sequence[State]) -> None:
        """Go back to the states of all networks."""
        self._states = list(states)
