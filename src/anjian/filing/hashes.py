"""The hashes of all files of a filing: what changes after the report is found."""

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from anjian.files import LOCK, replace
from anjian.filing.csvs import read_csv
from anjian.items.lines import opened
from anjian.reports.text import csv_text

HASHES: Final = "hashes.csv"
HEAD: Final = ("file", "bytes", "sha256")
_PASSING: Final = (LOCK, "-wal", "-shm", ".part")
"""How files end that come and go while a command is at work."""


def hashes_of(folder: Path, left_out: Collection[str] = (HASHES,)) -> Iterator[tuple[str, int, str]]:
    """Yields path, size and SHA-256 of every file below a folder, in the order of paths."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in left_out and not name.endswith(_PASSING):
            digest, size = hashlib.sha256(), 0
            with opened(path) as file:
                while part := file.read(1 << 20):
                    digest.update(part)
                    size += len(part)
            yield name, size, digest.hexdigest()


def write_hashes(folder: Path) -> None:
    """Writes `hashes.csv`."""
    replace(folder / HASHES, csv_text([HEAD, *hashes_of(folder)]).encode())


def changed(folder: Path) -> Iterator[str]:
    """Yields a line for each file that is missing, has been changed, or came since `hashes.csv` was written.

    Raises:
        UsageError: There is no `hashes.csv`.
    """
    noted = {row["file"]: row["sha256"] for row in read_csv(folder / HASHES, HEAD)}
    now = {name: found for name, _, found in hashes_of(folder)}
    for name in sorted(noted.keys() | now.keys()):
        if name not in now:
            yield f"{name}: missing"
        elif name not in noted:
            yield f"{name}: not in {HASHES}; it came after the report"
        elif noted[name] != now[name]:
            yield f"{name}: changed since the report (SHA-256 {now[name][:12]}…, noted {noted[name][:12]}…)"
