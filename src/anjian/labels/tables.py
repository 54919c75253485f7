"""Reads the sheets that people return, whatever became of them on the way: xlsx, CSV, JSON lines.

Columns are found by their headings, in Chinese or English; others may stand between them, rows in any order.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from anjian.errors import UsageError
from anjian.items.lines import UNREADABLE, opened, readable, refuse
from anjian.items.objects import objects
from anjian.labels.sheets import COLUMNS, load_openpyxl

READ = ("number", "id", "question", "reply", "label", "note")
"""Columns that are read back."""
_HEAD_WITHIN = 20
_NO_HEAD = "has no heading with `id` (or `number`) and `label`; put the first line back"
_SEPARATORS = ",;\t"
_LONGEST = 1_000_000
_ID = re.compile("r[0-9a-f]{12}")


class Returned(msgspec.Struct, frozen=True):
    """One row as it came back, its cells without blanks around them; `place` says where it stood."""

    place: str
    number: str = ""
    id: str = ""
    question: str = ""
    reply: str = ""
    label: str = ""
    note: str = ""


def bare(text: str) -> str:
    """A text without what differs between ways of writing it: width, case, blanks, punctuation.

    Example:
        >>> bare("２ 分：安全且有益"), bare("Direct  refusal")
        ('2分安全且有益', 'directrefusal')
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


_HEADS = {bare(text): column for column in READ for text in (*COLUMNS[column][0], str(COLUMNS[column][0])) if text}


def read_returned(path: Path) -> list[Returned]:
    """Reads the rows of a sheet that hold anything, labelled or not.

    Raises:
        UsageError: The file cannot be read, or has no columns that tell rows and labels; names it.
    """
    tables = tables_of(path, _HEADS)
    rows = _of_objects(path) if tables is None else _of_tables(path, tables)
    found = [row for row in rows if row.number or row.id or row.label]
    if not found:
        raise UsageError(f"{path} holds no rows; give a sheet that `anjian label export` wrote, filled in")
    return found


Numbered = Iterable[tuple[int, Sequence[object]]]
"""The rows of a table, each with its number in the file."""


def tables_of(path: Path, heads: Container[str]) -> dict[str, Numbered] | None:
    """The tables of a spreadsheet by the names of its sheets, or that of a CSV file under no name; None of JSON.

    Args:
        path: The file.
        heads: Bare headings, by which the separator of a CSV file is told.

    Raises:
        UsageError: The file cannot be read; names it.
    """
    ending = path.suffix.lower()
    if ending == ".xlsx":
        return _workbook(path)
    if ending in (".csv", ".tsv", ".txt"):
        return {"": _csv(path, heads)}
    if ending in (".jsonl", ".json"):
        return None
    raise UsageError(f"{path} is no table that can be read; save it as .xlsx, .csv or .jsonl")


def _of_tables(path: Path, tables: Mapping[str, Numbered]) -> Iterator[Returned]:
    headed = False
    for name, lines in tables.items():
        head: dict[str, int] = {}
        lost = False
        for count, (number, cells) in enumerate(lines, 1):
            if head:
                values = {key: cell_text(cells[place]) for key, place in head.items() if place < len(cells)}
                yield Returned(f"sheet {name}, row {number}" if name else f"line {number}", **values)
                continue
            head = _head(path, cells) if count <= _HEAD_WITHIN else {}
            headed = headed or bool(head)
            lost = lost or any(_ID.fullmatch(cell_text(cell)) for cell in cells)
        if lost and not head:
            raise UsageError(f"{path}{f', sheet {name}' if name else ''} {_NO_HEAD}")
    if not headed:
        raise UsageError(f"{path} {_NO_HEAD}")


def _head(path: Path, cells: Sequence[object]) -> dict[str, int]:
    """Where the columns stand; none where this is not the heading."""
    found = [(_HEADS[key], place) for place, cell in enumerate(cells) if (key := bare(cell_text(cell))) in _HEADS]
    names = [name for name, _ in found]
    if "label" not in names or not {"id", "number"} & {*names}:
        return {}
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{path} has two columns `{twice}`; rename the one that does not count")
    return dict(found)


def cell_text(value: object) -> str:
    """A cell as text; spreadsheets make numbers of digits."""
    text = "" if value is None else re.sub("[\u200b\u2060\ufeff]", "", str(value)).strip()
    return re.sub(r"^(\d+)\.0$", r"\1", text)


def _workbook(path: Path) -> dict[str, Numbered]:
    load_openpyxl()
    from openpyxl import load_workbook

    with opened(path) as file:
        content = io.BytesIO(file.read())
    try:
        # A formula counts by the value that was saved with it; where none was, it stands for itself, and is no label.
        shown, written = (
            load_workbook(content, read_only=True, data_only=values).worksheets for values in (True, False)
        )
        return {
            sheet.title: list(enumerate(map(_valued, sheet.values, formulas.values), 1))
            for sheet, formulas in zip(shown, written, strict=True)
        }
    except Exception as error:
        words = str(error).splitlines()[:1]
        raise UsageError(f"{path} is no whole spreadsheet ({'; '.join(words)[:80]}); save it again as .xlsx") from None


def _valued(shown: Sequence[object], written: Sequence[object]) -> list[object]:
    return [formula if value is None else value for value, formula in zip(shown, written, strict=True)]


def _csv(path: Path, heads: Container[str]) -> Numbered:
    text = text_of_file(path)
    lines = text.splitlines()[:_HEAD_WITHIN] or [""]
    separator = max(_SEPARATORS, key=lambda one: max(_named(line.split(one), heads) for line in lines))
    csv.field_size_limit(_LONGEST)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: no table ({error}); save it again as CSV") from None


def _named(cells: Sequence[str], heads: Container[str]) -> int:
    """How many cells are headings."""
    return sum(bare(cell) in heads for cell in cells)


def text_of_file(path: Path) -> str:
    """Reads a text; spreadsheets save CSV as UTF-8, UTF-16, or in the system's own encoding."""
    with opened(path) as file:
        content = file.read()
    encodings = ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UsageError(f"{path} is not UTF-8 text; save the file as UTF-8")


def _of_objects(path: Path) -> Iterator[Returned]:
    faults: list[str] = []
    rows: list[Returned] = []
    for place, raw in objects(path):
        try:
            row = msgspec.json.decode(raw, type=dict[str, Any])
        except UNREADABLE as error:
            faults.append(f"{place}: {readable(error)}")
            continue
        found = {_HEADS[key]: cell_text(value) for name, value in row.items() if (key := bare(name)) in _HEADS}
        rows.append(Returned(place, **found))
    refuse(path, faults)
    return iter(rows)
