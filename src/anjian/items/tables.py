"""Reads the rows of published benchmarks: JSON lines, a JSON list, or a table with a heading (CSV, TSV).

What a row holds is declared as a `msgspec.Struct`, whose fields may be renamed to the benchmark's own keys; keys that
it does not name are passed over. Whatever is wrong is one line with file, place and key.
"""

import csv
import re
from ast import literal_eval
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any, TypeVar

import msgspec

from anjian.errors import UsageError
from anjian.items.lines import decode_lines, read_lines, readable, refuse
from anjian.items.records import Item, problem

T = TypeVar("T")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
BINARY = {".parquet": "a Parquet file", ".xlsx": "an Excel file"}


def file_in(path: Path, *names: str) -> Path:
    """Returns a file as it is; of a folder, the first file that it holds under one of the names.

    Raises:
        UsageError: There is no such file or folder, or the folder holds none of them.
    """
    if not path.is_dir():
        if path.is_file():
            return path
        raise UsageError(f"cannot read {path}: there is no such file or folder")
    found = next((path / name for name in names if (path / name).is_file()), None)
    if found is None:
        raise UsageError(f"{path} holds no {' and no '.join(names)}; name the file itself if it is called otherwise")
    return found


def read_rows(path: Path, kind: type[T]) -> Iterator[tuple[str, T]]:
    """Yields each row with its place for people: `line 3` of JSON lines and tables, `row 3` of a JSON list.

    Raises:
        UsageError: The file cannot be read or is empty, or a row is not of this kind.
    """
    rows: Iterator[tuple[str, T]]
    if path.suffix.lower() in BINARY:
        raise UsageError(f"{path} is {BINARY[path.suffix.lower()]}; save it as CSV, JSON or JSON lines")
    if path.suffix.lower() in DELIMITERS:
        rows = _table(path, kind)
    elif next(read_lines(path), (0, b""))[1].startswith(b"["):
        listed = read_json(path, list[Any])
        rows = ((f"row {number}", _converted(path, f"row {number}", row, kind)) for number, row in enumerate(listed, 1))
    else:
        rows = ((f"line {number}", row) for number, row in decode_lines(path, kind))
    first = next(rows, None)
    if first is None:
        raise UsageError(f"{path} holds no rows")
    yield first
    yield from rows


def read_json(path: Path, kind: type[T]) -> T:
    """Reads a file that is one JSON value.

    Raises:
        UsageError: The file cannot be read, is no JSON, or not of this kind; names the line where the JSON breaks.
    """
    data = b"\n".join(_lines(path))
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        byte = re.search(r"\(byte (\d+)\)", str(error))
        before = data[: int(byte[1])].splitlines() if byte else []
        place = f", line {max(1, len(before))}" if byte else ""
        raise UsageError(f"{path}{place}: {readable(error)}") from None


def _lines(path: Path) -> Sequence[bytes]:
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def _table(path: Path, kind: type[T]) -> Iterator[tuple[str, T]]:
    try:
        text = [line.decode() for line in _lines(path)]
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: {readable(error)}") from None
    reader = csv.DictReader((line + "\n" for line in text), delimiter=DELIMITERS[path.suffix.lower()])
    try:
        for row in reader:
            place = f"line {reader.line_num}"
            filled = {key: value for key, value in row.items() if key is not None and value is not None}
            yield place, _converted(path, place, filled, kind)
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: no table ({error})") from None


def _converted(path: Path, place: str, value: object, kind: type[T]) -> T:
    try:
        # A table knows nothing but text: where a number is meant, its digits are one.
        return msgspec.convert(value, kind, strict=path.suffix.lower() not in DELIMITERS)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}, {place}: {readable(error)}") from None


def as_items(path: Path, rows: Iterable[tuple[str, Item]]) -> list[Item]:
    """Collects the items that a file's rows make, each with its place.

    Raises:
        UsageError: Some are no items, or have an id that was used before; names every one of them.
    """
    found: dict[str, Item] = {}
    faults: list[str] = []
    for place, item in rows:
        fault = f"`id` {item.id!r} was already used" if item.id in found else problem(item)
        faults += [f"{place}: {fault}"] if fault else []
        found.setdefault(item.id, item)
    refuse(path, faults)
    return list(found.values())


def literal(text: str) -> dict[str, str]:
    """Reads texts by letter, in order, where they are published as a literal of Python; nothing if they are not.

    Example:
        >>> literal("{'B': '否', 'A': '是'}")
        {'A': '是', 'B': '否'}
    """
    try:
        return dict(sorted(msgspec.convert(literal_eval(text), dict[str, str]).items()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return {}


def lettered(options: Iterable[str]) -> dict[str, str]:
    """Puts options under the letters A, B, C …, as items hold them.

    Example:
        >>> lettered(["是", "否"])
        {'A': '是', 'B': '否'}
    """
    return dict(zip(ascii_uppercase, options, strict=False))
