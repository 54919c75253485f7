"""Files: written whole or not at all, folders locked against other processes, faults in one line."""

import contextlib
import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from anjian.errors import AnjianError, UsageError

LOCK = ".lock"
LONGEST_NAME = 120
"""Bytes of a name that are kept; file systems take 255, and what is made of the name needs some."""
_PLAIN = re.compile(r"(?:https?://[\w.-]+(?::\d+)?/v1#)?\w(?:[\w.-]*\w)?(?:/\w(?:[\w.-]*\w)?)*")
"""Names that stay different when each run of other characters becomes one hyphen."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder; raises UsageError if one is at work in it."""
    refuse_links(folder / LOCK)
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
    except IsADirectoryError as error:
        named = error.filename2 or error.filename
        raise UsageError(f"{named} is a folder where a file is to be; remove it, or choose another --out") from None
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
        part.unlink(missing_ok=True)  # It may be a link, laid there to have another file overwritten.
        with part.open("xb") as file:
            yield file
        part.replace(path)


def replace(path: Path, content: bytes) -> None:
    """Writes a file whole; see `written`."""
    with written(path) as file:
        file.write(content)


def file_name(name: str) -> str:
    """What a file or folder is called after a name; different names are called differently.

    Example:
        >>> file_name("http://127.0.0.1:8000/v1#mine"), file_name("我的模型")
        ('http-127.0.0.1-8000-v1-mine', '我的模型')
    """
    called = re.sub(r"[^\w.-]+", "-", name).strip("-")
    if _PLAIN.fullmatch(name) and len(called.encode()) <= LONGEST_NAME:
        return called
    while len(called.encode()) > LONGEST_NAME:
        called = called[:-1]
    return f"{called}-{digest(name)}".lstrip("-")


def sole_name(name: str) -> str:
    """As `file_name`, but different, too, where only case or a slash tells names apart: not all file systems keep case.

    Example:
        >>> sole_name("rules-v1"), sole_name("hf/a/b"), sole_name("hf/a-b")
        ('rules-v1', 'hf-a-b-d1c75570', 'hf-a-b-d7e9779a')
    """
    called, end = file_name(name), f"-{digest(name)}"
    return called if called == name.casefold() or called.endswith(end) else called + end


def digest(name: str) -> str:
    """A few letters that tell a name from others."""
    return hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=4).hexdigest()


def refuse_links(*paths: Path) -> None:
    """Raises UsageError for a path that is a symbolic link: what is written there would go elsewhere."""
    if link := next((path for path in paths if path.is_symlink()), None):
        raise UsageError(f"{link} is a symbolic link; remove it, or choose another --out")
