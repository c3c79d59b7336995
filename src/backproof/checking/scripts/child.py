"""The child process that runs a user's program: a supervisor that outlives it, and the worker that is it.

Run by path with ``python -P child.py``; needs no backproof. The supervisor adopts whatever the program leaves behind
(it is a subreaper where Linux has them), so that nothing outlives the check.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
MOST_PROCESSES = 100
POLL_SECONDS = 0.01


def main() -> None:
    """Read the order from standard input, run it, and leave with a status that the parent understands."""
    order = json.loads(sys.stdin.buffer.read())
    pipe, status = int(order["pipe"]), int(order["status"])
    _control(PR_SET_CHILD_SUBREAPER, 1)
    _control(PR_SET_PDEATHSIG, signal.SIGKILL)
    worker = os.fork()
    if worker == 0:
        os.close(status)
        _work(order, pipe)
        os._exit(0)
    os.close(pipe)
    os.close(1)
    os.close(2)
    ended = _watched(worker, time.monotonic() + order["timeout"])
    with suppress(OSError):
        os.write(status, json.dumps(ended).encode())
    os._exit(0)


def _control(option: int, value: int) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _work(order: dict[str, Any], pipe: int) -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, int(order["timeout"]) + 2)
    _limit(resource.RLIMIT_AS, order["memory"])
    path = order["path"]
    sys.argv = [path]
    spec = spec_from_file_location("_backproof_recording", Path(__file__).with_name("recording.py"))
    if spec is None or spec.loader is None:
        os._exit(3)
    recording = module_from_spec(spec)
    sys.modules[spec.name] = recording
    spec.loader.exec_module(recording)
    sys.path.insert(0, str(Path(path).parent))
    recording.run(order["text"], path, pipe, order["budget"])
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


def _limit(kind: int, value: int) -> None:
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, value))


def _watched(worker: int, deadline: float) -> dict[str, Any]:
    """How the worker ended; afterwards nothing that it started is left."""
    ended: dict[str, Any] = {"how": "timeout"}
    while time.monotonic() < deadline:
        pid, state = os.waitpid(worker, os.WNOHANG)
        if pid == worker:
            signalled = os.WIFSIGNALED(state)
            ended = {"how": "signal" if signalled else "exit", "code": os.waitstatus_to_exitcode(state)}
            break
        if len(descendants(os.getpid())) > MOST_PROCESSES:
            ended = {"how": "processes"}
            break
        time.sleep(POLL_SECONDS)
    ended["left"] = sweep(os.getpid())
    return ended


def sweep(root: int) -> int:
    """Kill everything below the process; gives how many there were besides the worker."""
    seen: set[int] = set()
    for _ in range(1000):
        found = descendants(root)
        seen |= found
        for stop in (signal.SIGSTOP, signal.SIGKILL):
            # Stopped first: what is stopped cannot fork faster than it is killed.
            for pid in found:
                with suppress(OSError):
                    os.kill(pid, stop)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not found:
            break
        time.sleep(0.002)
    return len(seen)


def descendants(root: int) -> set[int]:
    """The processes below one, by what /proc says of their parents."""
    parent: dict[int, int] = {}
    try:
        entries = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return set()
    for pid in entries:
        with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/stat", "rb") as stream:
            parent[pid] = int(stream.read().rpartition(b")")[2].split()[1])
    found: set[int] = set()
    frontier = {root}
    while frontier:
        frontier = {pid for pid, above in parent.items() if above in frontier} - found
        found |= frontier
    return found


if __name__ == "__main__":
    main()
