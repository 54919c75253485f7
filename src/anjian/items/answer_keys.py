"""Answer keys for the multiple-choice questions, which are released without one.

A user's key is a file of one object a line; the id is the item's or the official number:

    {"id": "mcq-0001", "answer": "A"}
    {"id": 2, "answer": "B"}
"""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

from anjian.errors import UsageError
from anjian.items.columns import by_key, letter
from anjian.items.lines import UNREADABLE, readable, refuse
from anjian.items.mcq import without_blanks
from anjian.items.objects import objects
from anjian.items.records import Item

FLAG: Final = "key_flag"
"""In an item's `meta`: why its answer is arguable, `ambiguous`, `several` or `none`."""


class _Line(msgspec.Struct):
    id: str | int
    answer: str


class _BundledLine(msgspec.Struct):
    sha256: str
    answer: str
    flag: str | None = None


def load_answers(path: Path, items: Sequence[Item]) -> list[Item]:
    """Returns the items, those with a line in the key file with its answer.

    The file may hold a list, too; letters may be small, and columns that only describe are passed over.

    Raises:
        UsageError: Lines have another key, an id of no multiple-choice item, a letter of no option, or an id used
            before, or the file is empty; names file and line of every fault.
    """
    choices = {item.id: item for item in items if item.options}
    answers: dict[str, str] = {}
    first: dict[str, str] = {}
    faults: list[str] = []
    for place, raw in objects(path):
        line = _decode(raw)
        if isinstance(line, str):
            faults.append(f"{place}: {line}")
            continue
        right = letter(line.answer)
        item = choices.get(str(line.id)) or choices.get(f"mcq-{str(line.id).lstrip('0').zfill(4)}")
        if item is None:
            fault = f"`id` {line.id!r} is no multiple-choice question of these items"
        elif item.id in answers:
            fault = f"`id` {line.id!r} was already used in {first[item.id]}"
        elif right not in item.options:
            fault = f"`answer` {line.answer!r} is none of the letters {', '.join(item.options)} of {item.id}"
        else:
            answers[item.id], first[item.id] = right, place
            continue
        faults.append(f"{place}: {fault}")
    refuse(path, faults)
    if not answers:
        raise UsageError(f'{path} holds no answers; write one {{"id": …, "answer": …}} a line')
    return [_with_answer(item, answers.get(item.id, item.answer)) for item in items]


def apply_bundled_key(items: Sequence[Item], name: str) -> list[Item]:
    """Returns the items; those without answer get that of the bundled key `name`, found by the question's hash.

    The hash is the same in every release of a question. Where the key flags a question, `FLAG` says so in the item.
    """
    source = files("anjian.items").joinpath("keys", f"{name}.jsonl")
    if not source.is_file():
        return list(items)
    lines = [msgspec.json.decode(line, type=_BundledLine) for line in source.read_bytes().splitlines() if line.strip()]
    keyed = {line.sha256: line for line in lines}
    return [item if item.answer or not item.options else _keyed(item, keyed) for item in items]


def question_hash(stem: str, options: Mapping[str, str]) -> str:
    """Returns the SHA-256, in hex, of stem and options, one a line, after NFKC and without whitespace."""
    parts = [stem, *(f"{letter}.{text}" for letter, text in options.items())]
    return hashlib.sha256("\n".join(map(without_blanks, parts)).encode()).hexdigest()


def _decode(raw: bytes | msgspec.Raw) -> _Line | str:
    """The line, or what is wrong with it; columns that only describe are passed over."""
    try:
        right, wrong = by_key(msgspec.json.decode(raw, type=dict[str, Any]), _Line.__struct_fields__)
        return next(iter(wrong.values()), None) or msgspec.convert(right, _Line)
    except UNREADABLE as error:
        return readable(error)


def _keyed(item: Item, lines: Mapping[str, _BundledLine]) -> Item:
    line = lines.get(question_hash(item.turns[0], item.options))
    if line is None:
        return item
    meta = item.meta | {FLAG: line.flag} if line.flag else item.meta
    return msgspec.structs.replace(item, answer=line.answer, meta=meta)


def _with_answer(item: Item, answer: str | None) -> Item:
    return msgspec.structs.replace(item, answer=answer)
