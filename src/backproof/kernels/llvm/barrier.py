"""How the threads of one function wait for each other, as LLVM IR.

The last thread to arrive resets the count and turns the page; the others wait for the page to turn, and let go of the
processor where that takes long: the thread they wait for may need it.
"""

from __future__ import annotations

import sys

YIELD = {"win32": "SwitchToThread"}
"""What lets go of the processor, by platform; elsewhere it is POSIX's sched_yield."""

WAIT = """define internal void @wait(ptr %barrier, i32 %threads) noinline {
entry:
  %turn = getelementptr inbounds i32, ptr %barrier, i64 16
  %old = load atomic i32, ptr %turn acquire, align 4
  %before = atomicrmw add ptr %barrier, i32 1 acq_rel
  %here = add i32 %before, 1
  %last = icmp eq i32 %here, %threads
  br i1 %last, label %release, label %spin
release:
  store atomic i32 0, ptr %barrier monotonic, align 4
  %next = add i32 %old, 1
  store atomic i32 %next, ptr %turn release, align 4
  ret void
spin:
  %tries = phi i32 [0, %entry], [%more, %again], [0, %pause]
  %now = load atomic i32, ptr %turn acquire, align 4
  %same = icmp eq i32 %now, %old
  br i1 %same, label %again, label %done
again:
  %more = add i32 %tries, 1
  %tired = icmp ugt i32 %more, 2000
  br i1 %tired, label %pause, label %spin
pause:
  %ignored = call i32 @YIELD()
  br label %spin
done:
  ret void
}"""


def barrier_definition(platform: str = sys.platform) -> str:
    """``wait(barrier, threads)`` and what it calls.

    Example:
        >>> print(barrier_definition("win32").splitlines()[0])
        declare i32 @SwitchToThread()
    """
    name = YIELD.get(platform, "sched_yield")
    return f"declare i32 @{name}()\n\n" + WAIT.replace("@YIELD", f"@{name}")
