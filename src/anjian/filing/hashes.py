"""The hashes of all files of a filing: what changes after the report is found."""

import csv
import hashlib
import io
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from anjian.files import LOCK, replace
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
            with path.open("rb") as file:
                yield name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def write_hashes(folder: Path) -> None:
    """Writes `hashes.csv`."""
    replace(folder / HASHES, csv_text([HEAD, *hashes_of(folder)]).encode())


def changed(folder: Path) -> Iterator[str]:
    """Yields a line for each file that is missing, has been changed, or came since `hashes.csv` was written.

    Raises:
        UsageError: There is no `hashes.csv`.
    """
    with opened(folder / HASHES) as file:
        rows = csv.DictReader(io.StringIO(file.read().decode("utf-8-sig"), newline=""))
        noted = {row["file"]: row["sha256"] for row in rows}
    now = {name: found for name, _, found in hashes_of(folder)}
    for name in sorted(noted.keys() | now.keys()):
        if name not in now:
            yield f"{name}: missing"
        elif name not in noted:
            yield f"{name}: not in {HASHES}; it came after the report"
        elif noted[name] != now[name]:
            yield f"{name}: changed since the report (SHA-256 {now[name][:12]}…, noted {noted[name][:12]}…)"
