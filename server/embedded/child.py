"""Runs as a script, between us and a server: drops rights, ties its life to ours, then execs it.

Usage: child.py PARENT_PID SIGNAL UID GID PROGRAM [ARGUMENT …]   (UID and GID -1: keep)

On Linux the kernel sends SIGNAL when the parent dies, even by kill -9 (prctl(2), PR_SET_PDEATHSIG;
it is cleared when the user changes, so it comes after that). Standard library only: it runs
isolated, and the pid stays the same across the exec.
"""

import os
import sys
from typing import Any

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent_pid, death_signal, uid, gid = map(int, sys.argv[1:5])
    program = sys.argv[5:]
    libc = _libc()  # now: the other user may not reach this Python's library
    os.umask(0o077)
    os.chdir("/")
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if libc is not None and libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit("prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        sys.exit("the parent ended before the server started")
    os.execv(program[0], program)  # noqa: S606 (no shell is meant)


def _libc() -> Any:
    if sys.platform != "linux":
        return None
    import ctypes

    return ctypes.CDLL(None)


if __name__ == "__main__":
    main()
