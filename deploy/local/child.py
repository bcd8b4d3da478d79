"""Replaces itself by a command that ends with its parent: `python -I -S child.py PARENT SIGNAL UID GID CAPABILITIES
COMMAND`.

A supervisor that is killed can't stop its children. So each child asks the kernel for SIGNAL in that case. This works
only on Linux; elsewhere an abandoned child goes on. The command runs as UID and GID, -1 for no change. It keeps
CAPABILITIES, a bit mask, although it is not root any more. The module imports only the standard library, to start fast.
"""

import ctypes
import os
import resource
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
# Only the user can read the files that the command creates.
UMASK = 0o077
# A core dump would contain secrets. The limit is one byte, because with 0 Linux still pipes dumps to a configured
# program.
CORE_BYTES = 1


def die_with(parent: int, signal: int) -> None:
    """Asks the kernel for `signal` when the parent ends. Exits if the parent has ended already."""
    prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:
        sys.exit(f"process {parent} ended before its child started")


def become(uid: int, gid: int, capabilities: int) -> None:
    """Changes from root to another user, and keeps the given capabilities through the following exec."""
    if capabilities:
        prctl(PR_SET_KEEPCAPS, 1)
        # Without this, access(2) ignores the capabilities. initdb uses access(2) to find the programs beside it.
        prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capabilities:
        # Two 32-bit words for each of effective, permitted and inheritable; see capset(2).
        low, high = capabilities & 0xFFFFFFFF, capabilities >> 32
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        data = (ctypes.c_uint32 * 6)(low, low, low, high, high, high)
        if ctypes.CDLL(None, use_errno=True).capset(header, data):
            raise OSError(ctypes.get_errno(), "capset")
        for bit in range(capabilities.bit_length()):
            if capabilities >> bit & 1:
                prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit)


def prctl(option: int, *arguments: int) -> None:
    """Calls prctl(2). Raises OSError if it fails."""
    values = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    if ctypes.CDLL(None, use_errno=True).prctl(option, *values):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


if __name__ == "__main__":
    parent, death_signal, user, group, kept = (int(a) for a in sys.argv[1:6])
    os.umask(UMASK)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    core = CORE_BYTES if hard == resource.RLIM_INFINITY else min(CORE_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (core, core))
    if user >= 0:
        become(user, group, kept)
    # After the change of user, which would clear the death signal.
    if sys.platform == "linux":
        die_with(parent, death_signal)
    os.execv(sys.argv[6], sys.argv[6:])  # noqa: S606
