"""Files: written whole or not at all, folders locked against other processes, faults in one line."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from anjian.errors import AnjianError, UsageError

LOCK = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder; raises UsageError if one is at work in it."""
    with writing(folder):
        lock = (folder / LOCK).open("ab")
    with lock:
        if not _locked(lock):
            raise UsageError(f"--out {folder} is in use by another anjian; wait for it, or choose another folder")
        yield


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an error of the file system into one line for the user."""
    try:
        yield
    except FileExistsError:
        raise UsageError(f"--out {path} is a file; choose a folder") from None
    except NotADirectoryError:
        raise UsageError(f"--out {path} lies below a file; choose another folder") from None
    except OSError as error:
        mend = "free some space or choose another --out, and run the same command again"
        raise AnjianError(f"cannot write {path}: {error.strerror or error}; {mend}") from None


def _locked(lock: BinaryIO) -> bool:
    """Takes the lock if it is free; the system gives it back when the process ends, however it ends."""
    if sys.platform == "win32":
        import msvcrt

        call, arguments = msvcrt.locking, (lock.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        call, arguments = fcntl.flock, (lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        call(*arguments)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Opens a file to be written whole: readers see the old content until the block ends well, then the new."""
    part = path.with_name(path.name + ".part")
    with writing(path.parent):
        with part.open("wb") as file:
            yield file
        part.replace(path)


def replace(path: Path, content: bytes) -> None:
    """Writes a file whole; see `written`."""
    with written(path) as file:
        file.write(content)
