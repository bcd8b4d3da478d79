"""Becomes a command that ends when its parent does: `python -I -S child.py PARENT SIGNAL UID GID CAPABILITIES COMMAND`.

A supervisor that is killed can't stop its children, so each asks the kernel for SIGNAL in that case (Linux only;
elsewhere an abandoned child lives on). UID and GID are whose the command becomes, -1 for no change. CAPABILITIES, a bit
mask, are kept although the user is not root any more. It imports nothing but the standard library, so that it is quick.
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
# What it writes is for its user only.
UMASK = 0o077
# A dump of its memory would hold its secrets. One byte, since with 0 Linux still pipes dumps to a program that is set.
CORE_BYTES = 1


def die_with(parent: int, signal: int) -> None:
    """Asks for `signal` when the parent ends; ends at once if it has already."""
    prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:
        sys.exit(f"process {parent} ended before its child began")


def become(uid: int, gid: int, capabilities: int) -> None:
    """Gives up root for a user, and keeps the given capabilities through the exec that follows."""
    if capabilities:
        prctl(PR_SET_KEEPCAPS, 1)
        # Else access(2), with which initdb looks for the programs beside it, answers as if there were no capabilities.
        prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capabilities:
        # Two 32-bit words each of effective, permitted and inheritable; see capset(2).
        low, high = capabilities & 0xFFFFFFFF, capabilities >> 32
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        data = (ctypes.c_uint32 * 6)(low, low, low, high, high, high)
        if ctypes.CDLL(None, use_errno=True).capset(header, data):
            raise OSError(ctypes.get_errno(), "capset")
        for bit in range(capabilities.bit_length()):
            if capabilities >> bit & 1:
                prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit)


def prctl(option: int, *arguments: int) -> None:
    """Calls prctl(2); OSError if it fails."""
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
    # After the change of user, which would clear it.
    if sys.platform == "linux":
        die_with(parent, death_signal)
    os.execv(sys.argv[6], sys.argv[6:])  # noqa: S606
