"""Reads back the tables that plan, run and report wrote as CSV."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from anjian.errors import UsageError
from anjian.items.lines import opened

_KEPT = re.compile("'['\\s]*[=+\\-@＝＋－＠﹦﹢﹣﹫]")


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Reads the rows, those columns of them.

    Raises:
        UsageError: The file is missing, or is not as it was written; names it.
    """
    with opened(path) as file:
        content = file.read()
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        found = [{column: row[column] for column in columns} for row in rows]
        found = [{column: _bare(text) if text else text for column, text in row.items()} for row in found]
    except (UnicodeDecodeError, csv.Error, KeyError):
        found = [{}]
    if any(value is None for row in found for value in row.values()) or {} in found:
        raise UsageError(f"{path} is not as it was written ({', '.join(columns)}, UTF-8); have it written again")
    return found


def _bare(text: str) -> str:
    """A text without the apostrophe that kept spreadsheets from taking it for a formula."""
    return text[1:] if _KEPT.match(text) else text
