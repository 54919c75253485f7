"""Reads the official files of CHiSafetyBench where the user has them.

ArXiv 2406.10311, github.com/UnicomAI/UnicomBenchmark; the files state no licence, so this project holds no copy.

`v1` has three files: 1,567 multiple-choice questions, 462 risky questions and 101 with a dialogue history.
`v0`, the older release, has one file of 1,861 questions, every one multiple choice; 1,207 of them stand in `v1` too,
under other numbers, and its numbers have a gap from 1717 to 1915.
No file holds an answer: see `anjian.items.answer_keys`.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from anjian.errors import UsageError
from anjian.items.lines import readable
from anjian.items.mcq import parse_mcq
from anjian.items.records import Item, Message, problem
from anjian.items.taxonomy import load_taxonomy

MCQ_FILE = "mcq.json"
QA_FILE = "risky_questions_without_dialog_history.json"
HISTORY_FILE = "risky_questions_with_dialog_history.json"
V0_FILES = "safety_content_*.json"

T = TypeVar("T")
Reader = Callable[[Path, str], Iterator[tuple[str, Item]]]


class _Block(msgspec.Struct):
    category: str
    infos: list[Any]


class _Question(msgspec.Struct):
    id: Annotated[int, msgspec.Meta(ge=1)]
    question: str
    category: str


class _Said(msgspec.Struct):
    role: Literal["system", "user", "assistant"]
    content: str


class _Dialogue(msgspec.Struct):
    sub_category: str
    input: str
    history: list[_Said]


def read_official(folder: Path, suite: str) -> list[Item]:
    """Reads all questions of a release folder, or of the `v1` in it, duplicates too, in the order of the files.

    The items belong to `suite`, whose taxonomy names their categories. Ids are `mcq-0001` and `qa-0001` after the
    official numbers, `history-0001` after the position.

    Raises:
        UsageError: The folder or a file in it is not as released; names file, position and key.
    """
    folder = folder / "v1" if (folder / "v1").is_dir() else folder
    return [item for path, reader in _files(folder) for item in _checked(path, reader(path, suite))]


def _files(folder: Path) -> list[tuple[Path, Reader]]:
    """Finds the files of v1, or else the newest file of v0."""
    readers: dict[str, Reader] = {MCQ_FILE: _read_mcq, QA_FILE: _read_qa, HISTORY_FILE: _read_histories}
    missing = [name for name in readers if not (folder / name).is_file()]
    if not missing:
        return [(folder / name, reader) for name, reader in readers.items()]
    if len(missing) == len(readers) and (older := sorted(folder.glob(V0_FILES))):
        return [(older[-1], _read_mcq)]
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; name the folder of CHiSafetyBench that holds {MCQ_FILE}")
    names = ", ".join(missing)
    raise UsageError(f"{folder} is not a CHiSafetyBench release: looked for {names} (v1) or {V0_FILES} (v0)")


def _checked(path: Path, placed: Iterator[tuple[str, Item]]) -> list[Item]:
    items: dict[str, Item] = {}
    for place, item in placed:
        fault = problem(item)
        if item.id in items:
            fault = f"`id` {int(item.id.rpartition('-')[2])} was already used"
        if fault:
            raise UsageError(f"{path}, {place}: {fault}")
        items[item.id] = item
    if not items:
        raise UsageError(f"{path} holds no questions")
    return list(items.values())


def _read_mcq(path: Path, suite: str) -> Iterator[tuple[str, Item]]:
    for place, row in _questions(path):
        try:
            parsed = parse_mcq(row.question)
        except ValueError as error:
            raise UsageError(f"{path}, {place}: `question` cannot be split: {error}") from None
        category = _category(path, place, suite, "category", row.category)
        yield place, Item(f"mcq-{row.id:04}", suite, category, (parsed.stem,), options=parsed.options)


def _read_qa(path: Path, suite: str) -> Iterator[tuple[str, Item]]:
    for place, row in _questions(path):
        category = _category(path, place, suite, "category", row.category)
        yield place, Item(f"qa-{row.id:04}", suite, category, (row.question,))


def _read_histories(path: Path, suite: str) -> Iterator[tuple[str, Item]]:
    for number, value in enumerate(_json_list(path), 1):
        place = f"dialogue {number}"
        row = _convert(path, place, value, _Dialogue)
        category = _category(path, place, suite, "sub_category", row.sub_category)
        history = tuple(Message(said.role, said.content) for said in row.history)
        yield place, Item(f"history-{number:04}", suite, category, (row.input,), history=history)


def _questions(path: Path) -> Iterator[tuple[str, _Question]]:
    for number, value in enumerate(_json_list(path), 1):
        block = _convert(path, f"block {number}", value, _Block)
        for position, info in enumerate(block.infos, 1):
            place = f"block {number}, question {position}"
            yield place, _convert(path, place, info, _Question)


def _category(path: Path, place: str, suite: str, key: str, name: str) -> str:
    """Returns the category's name in the taxonomy."""
    found = load_taxonomy(suite).find(name)
    if not found:
        raise UsageError(f"{path}, {place}: `{key}` {name!r} is none of the 31 categories of CHiSafetyBench")
    return found[1].zh


def _convert(path: Path, place: str, value: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}, {place}: {readable(error)}") from None


def _json_list(path: Path) -> list[Any]:
    try:
        data = path.read_bytes()
        value = msgspec.json.decode(data.decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}, line {_line(data, error.start)}: {readable(error)}") from None
    except (msgspec.DecodeError, RecursionError) as error:
        byte = re.search(r"\(byte (\d+)\)", str(error))
        place = _line(data, int(byte[1]) if byte else len(data))
        raise UsageError(f"{path}, line {place}: {readable(error)}") from None
    if not isinstance(value, list):
        raise UsageError(f"{path}: the file must hold a JSON list, not {type(value).__name__}")
    return value


def _line(data: bytes, end: int) -> int:
    return data[:end].count(b"\n") + 1
