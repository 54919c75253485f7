"""Reads sets of mathematical problems as they are published, recognised by what stands in them.

| set | form |
|---|---|
| GSM8K (arXiv 2110.14168) | JSONL, `question`, `answer` that ends in `#### 18` |
| MGSM (arXiv 2210.03057) | TSV, question and number; or JSONL, `question`, `answer_number` |
| CMATH (arXiv 2306.16636) | JSONL, `input` or `question`, `golden`; with `distractor` it is the robustness set |
| MATH, MATH-500 (arXiv 2103.03874, 2305.20050) | JSONL, `problem`, `answer` or a boxed `solution`, `subject`/`type` |
| AIME | JSONL, `problem` (or `question`, in a file named after it), `answer` from 0 to 999 |

Keys may be in capitals, JSON files may hold one list. Ids are the benchmark with the data's own id or the number of
the line; the category is the benchmark.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from anjian.errors import UsageError
from anjian.items.lines import read_lines, readable
from anjian.items.records import Item, problem

KINDS = (".jsonl", ".tsv")
"""Files that are read in a folder."""
FORMS = (
    "GSM8K (question, answer with ####), MGSM (TSV, or question and answer_number), CMATH (input, golden), "
    "MATH (problem, answer or boxed solution, subject) and AIME (problem, answer)"
)
ProblemRow = dict[str, Any]
Form = tuple[str, Callable[[ProblemRow], tuple[str, str]], Callable[[ProblemRow], str | None]]
"""The benchmark's name, what reads question and answer of a row, and what reads its own id."""

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_BOX = re.compile(r"\\f?boxed\s*\{")


def read_problems(path: Path, suite: str) -> list[Item]:
    """Reads a file, or all `*.jsonl` and `*.tsv` of a folder in the order of their names, as items of `suite`.

    Raises:
        UsageError: Nothing can be read there, or a file or a line has no known form; names file, line and key.
    """
    files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in KINDS] if path.is_dir() else [path]
    if not files:
        raise UsageError(f"{path} holds no {' or '.join(KINDS)} file; known are {FORMS}")
    items: dict[str, Item] = {}
    for file in files:
        for place, item in _items(file, suite):
            if item.id in items:
                # Another file of the same benchmark, numbered from the beginning again.
                item = msgspec.structs.replace(item, id=f"{item.id}-{file.stem}")
            fault = f"`id` {item.id!r} was already used" if item.id in items else problem(item)
            if fault:
                raise UsageError(f"{file}, {place}: {fault}")
            items[item.id] = item
    return list(items.values())


def is_chinese(text: str) -> bool:
    """True if a question is in Chinese: a Chinese character stands in it."""
    return _CHINESE.search(text) is not None


def _items(path: Path, suite: str) -> Iterator[tuple[str, Item]]:
    rows = list(_table(path) if path.suffix.lower() == ".tsv" else _objects(path))
    form = _form(path, rows[0][1]) if rows else None
    if form is None:
        raise UsageError(f"{path} is no set of problems that is known; known are {FORMS}")
    name, read, own_id = form
    for number, (place, row) in enumerate(rows, 1):
        try:
            question, answer = read(row)
        except KeyError as error:
            raise UsageError(f"{path}, {place}: the key `{error.args[0]}` is missing, empty or no text") from None
        except ValueError as error:
            raise UsageError(f"{path}, {place}: {error}") from None
        yield place, Item(f"{name.lower()}-{own_id(row) or f'{number:04}'}", suite, name, (question,), answer=answer)


def _table(path: Path) -> Iterator[tuple[str, ProblemRow]]:
    """The lines of a TSV file: question, tab, answer."""
    for number, line in read_lines(path):
        try:
            question, tab, answer = line.decode().rpartition("\t")
        except UnicodeDecodeError as error:
            raise UsageError(f"{path}, line {number}: {readable(error)}") from None
        if not tab:
            raise UsageError(f"{path}, line {number}: there is no tab between question and answer")
        yield f"line {number}", {"question": question.strip(), "answer_number": answer.strip()}


def _objects(path: Path) -> Iterator[tuple[str, ProblemRow]]:
    """The objects of a JSONL file, or of a JSON file that holds one list; keys in small letters."""
    lines = [(f"line {number}", line) for number, line in read_lines(path)]
    if path.suffix.lower() == ".json":
        lines = [("line 1", b"\n".join(line for _, line in lines))]
    for place, line in lines:
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"{path}, {place}: {readable(error)}") from None
        many = isinstance(value, list)
        for number, row in enumerate(value if many else [value], 1):
            here = f"object {number}" if many else place
            if not isinstance(row, dict):
                raise UsageError(f"{path}, {here}: there must be a JSON object, not {type(row).__name__}")
            yield here, {key.lower(): part for key, part in row.items()}


def _form(path: Path, row: ProblemRow) -> Form | None:
    """Recognises a file by its first row."""
    keys, answer = set(row), str(row.get("answer", ""))
    if "golden" in keys and keys & {"input", "question"}:
        return "CMATH-distractor" if "distractor" in keys else "CMATH", _pair(("input", "question"), "golden"), _none
    if {"question", "answer_number"} <= keys:
        return f"MGSM-{_language(path, row)}", _pair(("question",), "answer_number"), _none
    if "question" in keys and "####" in answer:
        return "GSM8K", _worked, _none
    whole = answer.isdecimal() and int(answer) <= 999
    if whole and not keys & {"subject", "type"} and ("problem" in keys or "aime" in path.name.lower()):
        return "AIME", _pair(("problem", "question"), "answer"), _own_id
    if "problem" in keys and keys & {"answer", "solution"}:
        return "MATH-500" if "unique_id" in keys else "MATH", _boxed if "answer" not in keys else _MATH, _own_id
    return None


def _language(path: Path, row: ProblemRow) -> str:
    named = re.search(r"(?:^|[_-])([a-z]{2})(?=[_.-]|$)", path.name.lower())
    if is_chinese(str(row["question"])) and not re.search(r"[\u3040-\u30ff]", str(row["question"])):
        return "zh"
    return named[1] if named else "en"


def _pair(questions: tuple[str, ...], answer: str) -> Callable[[ProblemRow], tuple[str, str]]:
    def read(row: ProblemRow) -> tuple[str, str]:
        key = next((key for key in questions if key in row), questions[0])
        return _text(row, key), _text(row, answer)

    return read


_MATH = _pair(("problem",), "answer")


def _worked(row: ProblemRow) -> tuple[str, str]:
    """GSM8K: the answer follows the worked solution."""
    answer = _text(row, "answer").rpartition("####")[2].strip()
    if "####" not in row["answer"] or not answer:
        raise ValueError("`answer` does not end in #### and a number")
    return _text(row, "question"), answer


def _boxed(row: ProblemRow) -> tuple[str, str]:
    """MATH: the answer is what the solution puts in its last box."""
    solution = _text(row, "solution")
    starts = [found.end() for found in _BOX.finditer(solution)]
    depth = 1
    for place in range(starts[-1] if starts else len(solution), len(solution)):
        depth += {"{": 1, "}": -1}.get(solution[place], 0)
        if not depth:
            return _text(row, "problem"), solution[starts[-1] : place].strip()
    raise ValueError("there is no `answer`, and `solution` has no \\boxed{…}")


def _text(row: ProblemRow, key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str | int | float) or isinstance(value, bool) or not str(value).strip():
        raise KeyError(key)
    return str(value).strip()


def _own_id(row: ProblemRow) -> str | None:
    found = row.get("unique_id", row.get("id"))
    return str(found) if found is not None and found != "" else None


def _none(row: ProblemRow) -> str | None:
    return None
