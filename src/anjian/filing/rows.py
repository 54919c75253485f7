"""Tables of the user's, of questions or of keywords: xlsx, CSV in any common encoding, JSON lines."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from anjian.errors import UsageError
from anjian.items.lines import UNREADABLE, readable
from anjian.items.objects import objects
from anjian.labels.tables import bare, cell_text, tables_of
from anjian.text import one_line

_HEAD_WITHIN = 20
_SHOWN = 12


class Row(NamedTuple):
    """One row: where it stands, the name of its sheet, and its cells by what they hold."""

    place: str
    sheet: str
    cells: dict[str, str]


def read_rows(path: Path, heads: Mapping[str, str], needed: Collection[str]) -> list[Row]:
    """Reads the rows of all tables of a file that hold anything.

    Args:
        path: The file.
        heads: What a column is called, to what it holds; however it is written.
        needed: What has to be there.

    Raises:
        UsageError: The file cannot be read, or columns are missing; names those that it has.
    """
    called = {bare(name): field for name, field in heads.items()}
    tables = tables_of(path, called)
    rows = list(_of_objects(path, called, needed) if tables is None else _of_tables(path, tables, called, needed))
    if not rows:
        raise UsageError(f"{path} holds no rows")
    return rows


def _of_tables(
    path: Path, tables: Mapping[str, Any], called: Mapping[str, str], needed: Collection[str]
) -> Iterator[Row]:
    headed = False
    seen: list[str] = []
    for sheet, lines in tables.items():
        head: dict[int, str] = {}
        for count, (number, cells) in enumerate(lines, 1):
            texts = [cell_text(cell) for cell in cells]
            if not head:
                found = {place: called[bare(text)] for place, text in enumerate(texts) if bare(text) in called}
                head = found if count <= _HEAD_WITHIN and {*needed} <= {*found.values()} else {}
                headed = headed or bool(head)
                seen = seen or [text for text in texts if text]
                continue
            row = {field: texts[place] for place, field in head.items() if place < len(texts) and texts[place]}
            if row:
                yield Row(f"sheet {sheet}, row {number}" if sheet else f"line {number}", sheet, row)
    if not headed:
        raise UsageError(f"{path} {_lacking(needed, called, seen)}")


def _of_objects(path: Path, called: Mapping[str, str], needed: Collection[str]) -> Iterator[Row]:
    for place, raw in objects(path):
        try:
            row = msgspec.json.decode(raw, type=dict[str, Any])
        except UNREADABLE as error:
            raise UsageError(f"{path}, {place}: {readable(error)}") from None
        found = {called[bare(name)]: _of_value(value) for name, value in row.items() if bare(name) in called}
        if not {*needed} <= {*found}:
            raise UsageError(f"{path}, {place} {_lacking(needed, called, list(row))}")
        yield Row(place, "", {field: text for field, text in found.items() if text})


def _of_value(value: object) -> str:
    """A value as a cell holds it; of a list of turns there may be one."""
    return cell_text(value[0] if isinstance(value, list) and len(value) == 1 else value)


def _lacking(needed: Collection[str], called: Mapping[str, str], seen: list[str]) -> str:
    known = {field: [name for name, what in called.items() if what == field] for field in needed}
    wanted = "; ".join(f"`{field}` (such as {' or '.join(names[:3])})" for field, names in known.items())
    has = ", ".join(one_line(name, 20) for name in seen[:_SHOWN]) or "no headings"
    return f'needs the columns {wanted}, and has {has}; name yours in filing.toml, as in columns = {{ text = "问题" }}'
