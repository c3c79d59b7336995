"""One run of a program in a child process: what it computed, how it ended, and nothing of it left afterwards."""

from __future__ import annotations

import json
import os
import selectors
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from backproof.checking.precision import Array
from backproof.errors import UnsupportedError

BUDGET = 192 * 2**20
"""Bytes of values that a run may send."""
LARGEST_HEADER = 65536
KEPT_OUTPUT = 8192
"""Characters of what the program prints that are kept; the rest is read and dropped."""
GRACE_SECONDS = 5.0
"""What the supervisor may take longer than the program to clean up."""
TOKEN = "BACKPROOF_CHECK_RUN"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run of the program may use: seconds of wall time, and bytes of address space."""

    seconds: float = 20.0
    memory: int = 8 * 2**30


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that the program did, in the order in which it did it.

    Args:
        what: ``line`` (a statement begins), ``node`` (an expression was valued) or ``take`` (a target was assigned).
        number: of the node of the syntax tree, in the order of ``ast.walk``.
        frame: tells apart the calls that are going on at the same time.
        value: the array; None for a line, or where it was too large to be sent.
        shape: of the value.
        type: ``array``, ``tensor``, or the name of the Python type.
    """

    what: str
    number: int
    frame: int
    value: Array | None = None
    shape: tuple[int, ...] = ()
    type: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How the run ended.

    Args:
        how: ``finished``, ``enough`` (it only repeated itself), ``raise``, ``exit``, ``timeout``, ``processes``,
            ``signal`` or ``vanished`` (it ended without a word).
        error, message: of what was raised.
        line: of the program's own file where it ended; None where that is not known.
        statement, frame: the number of the statement that was being run, and the call that it was in.
        code: the exit status or the signal.
        left: how many processes had to be ended with it.
    """

    how: str
    error: str = ""
    message: str = ""
    line: int | None = None
    statement: int = -1
    frame: int = 0
    code: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything that one run showed."""

    events: tuple[Event, ...]
    ending: Ending
    output: str = ""
    seconds: float = 0.0


def run_recorded(text: str, path: Path, limits: Limits) -> Recording:
    """Run the program and record the values of its lines.

    Args:
        text: the program, as it is or mended.
        path: where it stands: it is told so, and imports what lies beside it.
        limits: what it may use.

    Raises:
        UnsupportedError: a system on which processes cannot be limited.
    """
    if os.name != "posix":
        raise UnsupportedError("scripts can be run under limits on Linux and macOS only; check a function instead")
    started = time.monotonic()
    token = os.urandom(8).hex()
    values, values_end = os.pipe()
    status, status_end = os.pipe()
    order = {
        "text": text,
        "path": str(path),
        "pipe": values_end,
        "status": status_end,
        "timeout": limits.seconds,
        "memory": limits.memory,
        "budget": BUDGET,
    }
    child = subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).with_name("child.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(values_end, status_end),
        start_new_session=True,
        env={**os.environ, "MPLBACKEND": "Agg", TOKEN: token, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    os.close(values_end)
    os.close(status_end)
    try:
        with suppress(BrokenPipeError), _stream(child.stdin) as stream:
            stream.write(json.dumps(order).encode())
        gathered = _gathered(child, values, status, started + limits.seconds + GRACE_SECONDS)
    finally:
        for descriptor in (values, status):
            os.close(descriptor)
        if child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for used in (child.stdin, child.stdout):
            if used is not None:
                with suppress(OSError):
                    used.close()
        swept = _swept(token)
    events, end = _decoded(gathered.values)
    return Recording(
        tuple(events),
        _ending(end, gathered.status, swept, events),
        gathered.output.decode("utf-8", "replace"),
        time.monotonic() - started,
    )


@dataclass(slots=True)
class _Gathered:
    values: bytearray = field(default_factory=bytearray)
    status: bytearray = field(default_factory=bytearray)
    output: bytearray = field(default_factory=bytearray)


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise BrokenPipeError
    return stream


def _gathered(child: subprocess.Popen[bytes], values: int, status: int, deadline: float) -> _Gathered:
    """Everything that the child says, until the supervisor has said its word or the time is over."""
    gathered = _Gathered()
    output = _stream(child.stdout).fileno()
    room = {values: 2 * BUDGET, status: 65536, output: KEPT_OUTPUT}
    into = {values: gathered.values, status: gathered.status, output: gathered.output}
    with selectors.DefaultSelector() as selector:
        for descriptor in into:
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(0.05):
                data = os.read(key.fd, 2**20)
                into[key.fd].extend(data[: max(0, room[key.fd] - len(into[key.fd]))])
                if not data:
                    selector.unregister(key.fd)
            if child.poll() is not None and not selector.select(0):
                break
    return gathered


def _decoded(data: bytearray) -> tuple[list[Event], dict[str, Any]]:
    """The events and the last word; what a hostile program wrote among them ends the reading."""
    events: list[Event] = []
    end: dict[str, Any] = {}
    for head, raw in _frames(data):
        if "end" in head:
            end = head
            continue
        event = _event(head, raw)
        if event is None:
            break
        events.append(event)
    return events, end


def _frames(data: bytearray) -> Iterator[tuple[dict[str, Any], bytes]]:
    at = 0
    while at + 4 <= len(data):
        (length,) = struct.unpack_from("<I", data, at)
        if length > LARGEST_HEADER or at + 4 + length > len(data):
            return
        try:
            head = json.loads(data[at + 4 : at + 4 + length])
            size = int(head["bytes"])
        except (ValueError, KeyError, TypeError):
            return
        at += 4 + length
        if size < 0 or at + size > len(data):
            return
        yield head, bytes(data[at : at + size])
        at += size


def _event(head: dict[str, Any], raw: bytes) -> Event | None:
    try:
        if "line" in head:
            return Event("line", int(head["line"]), int(head["frame"]))
        what = "node" if "node" in head else "take"
        shape = tuple(int(size) for size in head["shape"])
        value = None
        if not head.get("left_out"):
            dtype = np.dtype(str(head["dtype"]))
            if dtype.kind not in "fiub":
                return None
            value = np.frombuffer(raw, dtype).reshape(shape)
        return Event(what, int(head[what]), int(head["frame"]), value, shape, str(head["type"]))
    except (ValueError, KeyError, TypeError):
        return None


def _ending(end: dict[str, Any], status: bytearray, swept: int, events: list[Event]) -> Ending:
    try:
        watched = json.loads(status) if status else {"how": "vanished"}
        how, code, left = str(watched["how"]), int(watched.get("code", 0)), int(watched.get("left", 0)) + swept
    except (ValueError, KeyError, TypeError):
        how, code, left = "vanished", 0, swept
    last = next((e for e in reversed(events) if e.what == "line"), None)
    statement = last.number if last is not None else -1
    frame = last.frame if last is not None else 0
    if how == "exit" and "end" in end:
        at = end.get("at")
        return Ending(
            str(end["end"]),
            str(end.get("error", "")),
            str(end.get("message", "")),
            at if isinstance(at, int) else None,
            int(end.get("statement", statement)),
            int(end.get("frame", frame)),
            code,
            left,
        )
    return Ending("vanished" if how == "exit" else how, statement=statement, frame=frame, code=code, left=left)


def _swept(token: str) -> int:
    """End what escaped the supervisor, should the program have killed it: the run's token is in its environment."""
    wanted, ended = f"{TOKEN}={token}".encode(), 0
    for _ in range(100):
        found = [pid for pid in _processes() if wanted in _environment(pid)]
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        ended += len(found)
        if not found:
            break
        time.sleep(0.005)
    return ended


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
