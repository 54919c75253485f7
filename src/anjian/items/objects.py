"""The JSON objects of a file: one a line, all in one list, or each on many lines."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.items.lines import UNREADABLE, no_json, read_lines, readable

LISTS = ("items", "data", "questions")
"""Keys of an object that is no item but holds a list of them."""
Numbered = list[tuple[int, bytes]]

# Only where objects end is asked of it; what they hold is read later, and strictly.
_SCANNER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_BETWEEN = re.compile(r"[\s,]*")


def objects(path: Path) -> Iterator[tuple[str, bytes | msgspec.Raw]]:
    """Yields the JSON of each object, unread, with its place for people: `line 3`, or `item 3` of a list.

    Raises:
        UsageError: The file cannot be read, holds something else, or JSON whose end cannot be found; names the line.
    """
    lines = read_lines(path)
    head = list(islice(lines, 2))
    if not head:
        return
    if all(faults := [no_json(line) for _, line in head]):  # A broken line among good ones is one fault of many.
        raise UsageError(f"{path} {faults[0]}")
    first, every = head[0][1], chain(head, lines)
    if first.startswith(b"["):
        yield from _listed(path, [*every])
    elif first.startswith(b"{") and (not first.endswith((b"}", b"},")) or _listing(first)):
        yield from _on_many_lines(path, [*every])
    else:
        for number, text in every:
            yield f"line {number}", text.removesuffix(b",")


def repeated(part: bytes | msgspec.Raw) -> list[str]:
    """The keys that an object holds twice, at any depth: of such a key, readers of JSON see only one value."""
    found: list[str] = []

    def look(pairs: list[tuple[str, object]]) -> None:
        if len(dict(pairs)) < len(pairs):
            found.extend(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)

    # Only keys are asked of it; what stands under them has been read, strictly.
    json.loads(bytes(part), object_pairs_hook=look, strict=False, parse_int=str, parse_float=str, parse_constant=str)
    return found


def _listed(path: Path, lines: Numbered) -> Iterator[tuple[str, msgspec.Raw]]:
    content = b"\n".join(text for _, text in lines)
    try:
        parts = msgspec.json.decode(content, type=list[msgspec.Raw])
    except UNREADABLE as error:
        byte = re.search(r"\(byte (\d+)\)", str(error))
        before = content.count(b"\n", 0, int(byte[1]) if byte else len(content))
        raise UsageError(f"{path}, line {lines[before][0]}: {readable(error)}") from None
    for number, part in enumerate(parts, 1):
        yield f"item {number}", part


def _on_many_lines(path: Path, lines: Numbered) -> Iterator[tuple[str, bytes | msgspec.Raw]]:
    """One object after another, as pretty-printers write them."""
    content = b"\n".join(text for _, text in lines)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}, line {lines[content.count(10, 0, error.start)][0]}: {readable(error)}") from None
    start = before = 0
    while start < len(text):
        try:
            _, end = _SCANNER.raw_decode(text, start)
        except json.JSONDecodeError as error:
            number = lines[min(before + text.count("\n", start, error.pos), len(lines) - 1)][0]
            raise UsageError(f"{path}, line {number}: broken JSON ({error.msg})") from None
        except RecursionError as error:
            raise UsageError(f"{path}, line {lines[before][0]}: {readable(error)}") from None
        part = text[start:end].encode()
        if start == 0 and (inner := _listing(part)):
            yield from _listed(path, [(lines[0][0], inner)])
        else:
            yield f"line {lines[before][0]}", part
        found = _BETWEEN.match(text, end)
        after = found.end() if found else end
        before += text.count("\n", start, after)
        start = after


def _listing(part: bytes) -> bytes:
    """The list of items that an object holds which is none itself; empty if there is no such list."""
    try:
        row = msgspec.json.decode(part, type=dict[str, msgspec.Raw])
    except UNREADABLE:
        return b""
    lists = [] if "turns" in row else [bytes(row[key]) for key in LISTS if key in row]
    return lists[0] if len(lists) == 1 and lists[0].startswith(b"[") else b""
