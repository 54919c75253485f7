"""Answer keys for the multiple-choice questions, which are released without one.

A user's key is a file of one object a line; the id is the item's or the official number:

    {"id": "mcq-0001", "answer": "A"}
    {"id": 2, "answer": "B"}
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.items.mcq import without_blanks
from anjian.items.records import Item, read_lines, readable

BUNDLED_KEY = "chisafetybench_v1.jsonl"


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    id: str | int
    answer: str


class _BundledLine(msgspec.Struct):
    sha256: str
    answer: str
    flag: str | None = None


def load_answers(path: Path, items: Sequence[Item]) -> list[Item]:
    """Returns the items, those with a line in the key file with its answer.

    Raises:
        UsageError: A line has another key, an id of no multiple-choice item, a letter of no option, or an id used
            before, or the file is empty; names file and line.
    """
    choices = {item.id: item for item in items if item.options}
    answers: dict[str, str] = {}
    first_line: dict[str, int] = {}
    for number, text in read_lines(path):
        line = _decode(path, number, text)
        item = choices.get(str(line.id)) or choices.get(f"mcq-{str(line.id).lstrip('0').zfill(4)}")
        if item is None:
            fault = f"`id` {line.id!r} is no multiple-choice question of these items"
        elif item.id in answers:
            fault = f"`id` {line.id!r} was already used in line {first_line[item.id]}"
        elif line.answer not in item.options:
            fault = f"`answer` {line.answer!r} is none of the letters {', '.join(item.options)} of {item.id}"
        else:
            answers[item.id], first_line[item.id] = line.answer, number
            continue
        raise UsageError(f"{path}, line {number}: {fault}")
    if not answers:
        raise UsageError(f'{path} holds no answers; write one {{"id": …, "answer": …}} a line')
    return [_with_answer(item, answers.get(item.id, item.answer)) for item in items]


def apply_bundled_key(items: Sequence[Item], include_ambiguous: bool = False) -> list[Item]:
    """Returns the items; those without answer get the bundled one, found by the question's hash, so in any release.

    Questions that the key flags as ambiguous stay without answer unless `include_ambiguous`.
    """
    source = files("anjian.items").joinpath("keys", BUNDLED_KEY)
    if not source.is_file():
        return list(items)
    lines = [msgspec.json.decode(line, type=_BundledLine) for line in source.read_bytes().splitlines() if line.strip()]
    answers = {line.sha256: line.answer for line in lines if include_ambiguous or line.flag is None}
    return [
        item
        if item.answer or not item.options
        else _with_answer(item, answers.get(question_hash(item.turns[0], item.options)))
        for item in items
    ]


def question_hash(stem: str, options: Mapping[str, str]) -> str:
    """Returns the SHA-256, in hex, of stem and options, one a line, after NFKC and without whitespace."""
    parts = [stem, *(f"{letter}.{text}" for letter, text in options.items())]
    return hashlib.sha256("\n".join(map(without_blanks, parts)).encode()).hexdigest()


def _decode(path: Path, number: int, text: bytes) -> _Line:
    try:
        return msgspec.json.decode(text, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        unknown = re.search(r"unknown field `(.*)`", str(error))
        fault = f"unknown key `{unknown[1]}`; allowed are id, answer" if unknown else readable(error)
        raise UsageError(f"{path}, line {number}: {fault}") from None


def _with_answer(item: Item, answer: str | None) -> Item:
    return msgspec.structs.replace(item, answer=answer)
