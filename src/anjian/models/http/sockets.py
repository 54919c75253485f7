"""Open files: a connection is one, and a process may have only so many."""

import contextlib
import errno
import resource
from pathlib import Path

OTHER_FILES = 64
"""Kept for ledgers, reports and whatever opens files without telling."""
MOST = 65536
TOO_MANY = {errno.EMFILE, errno.ENFILE}


def room_for(connections: int) -> int:
    """How many of so many connections can be open at once; the process's limit is raised for them where it may be."""
    used = _open_files() + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(connections + used, MOST)
    if _finite(soft) < wanted:
        with contextlib.suppress(ValueError, OSError):  # Some systems allow less than the hard limit that they name.
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, _finite(hard)), hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(connections, _finite(soft) - used))


def _finite(limit: int) -> int:
    return MOST if limit == resource.RLIM_INFINITY else limit


def _open_files() -> int:
    folder = Path("/dev/fd")
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else OTHER_FILES
