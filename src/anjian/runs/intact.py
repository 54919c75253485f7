"""Whether the files of a run belong together: what contradicts itself is refused with its line, and counts nowhere.

A line tells much by itself: points follow from labels, a reply has one verdict, every item is there. What no line can
tell (files of two runs that changed places, a label edited with its points) is told by the hashes in `run.toml`.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Never

import msgspec

from anjian.errors import UsageError
from anjian.items.lines import decode_lines
from anjian.judges.guards.judge import SAFE
from anjian.judges.kinds import CHOICE, EXACT, MATH, THINKING, Kind
from anjian.runs.folder import JUDGED, REPLIES, RUN, SCORES, VERDICTS, Replied, RunFile, decoded
from anjian.scores.rows import Row, Verdicted
from anjian.suites.base import Suite
from anjian.text import one_line

OF_KINDS = {kind.by for kind in (CHOICE, MATH, EXACT)}
"""Who judges single kinds of question, whoever judges the others."""
WHOSE = ("suite", "model")
HASHED = (REPLIES, VERDICTS, SCORES)


def hashes_of(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of results, as `run.toml` names them in its table `files`."""
    return {name: _hash(folder / name) for name in HASHED}


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_scores(folder: Path, about: RunFile) -> list[Row]:
    """Reads the scores of a run.

    Raises:
        UsageError: They are broken, of another model or suite, or not as they were written; names the file.
    """
    path = folder / SCORES
    rows = decoded(path, lambda text: msgspec.json.decode(text, type=list[Row]))
    if about.identity and any(about.identity.get(key) != about.run.get(key) for key in WHOSE):
        _refuse(folder, RUN, "its tables `run` and `identity` name different models or suites")
    named = {key: about.run[key] for key in WHOSE if key in about.run}
    for number, row in enumerate(rows, 1):
        if wrong := next((key for key, name in named.items() if getattr(row, key) != name), None):
            found = one_line(str(getattr(row, wrong)))
            _refuse(folder, SCORES, f"row {number} is of the {wrong} {found!r}, and {RUN} names {named[wrong]!r}")
    compare_hash(folder, SCORES, about)
    return rows


def read_checked(folder: Path, about: RunFile, suite: Suite | None) -> list[Row]:
    """Reads the scores of a run, and checks its verdicts where they have come along; see `read_verdicts` for errors."""
    rows = read_scores(folder, about)
    if VERDICTS in about.files or (folder / VERDICTS).exists():
        deque(read_verdicts(folder, about, suite), maxlen=0)
    return rows


def read_verdicts(folder: Path, about: RunFile, suite: Suite | None) -> Iterator[Verdicted]:
    """Yields the verdicts of a run, in its order; whoever reads all of them knows that none is missing.

    Raises:
        UsageError: A line is broken, contradicts itself, another one, the suite or `run.toml`; names file and line.
    """
    kinds = {task.name: task.kind for task in suite.tasks} if suite else {}
    judges, (items, epochs) = {about.run.get("judge"), *OF_KINDS}, _size(folder, about)
    seen: set[int] = set()
    dialogues = 0
    for number, line in decode_lines(folder / VERDICTS, Verdicted):
        fault = _contradiction(line, kinds.get(line.task)) if line.task in kinds or not suite else _strange(line, kinds)
        if line.judge not in judges and "judge" in about.run:
            fault = f"judged by {one_line(line.judge)!r}, and {RUN} names {about.run['judge']!r}"
        key = hash((line.id, line.epoch, line.round))
        if key in seen or not 0 <= line.epoch < epochs:
            which = f"item {one_line(line.id)!r}, repetition {line.epoch + 1}, round {line.round}"
            fault = f"{which} was there before" if key in seen else f"{which}: the run has {epochs} repetitions"
        if fault:
            _refuse(folder, VERDICTS, fault, number)
        seen.add(key)
        dialogues += line.round == 1
        yield line
    if dialogues < items * epochs:
        _refuse(folder, VERDICTS, f"it holds {dialogues} of the run's {items * epochs} dialogues")
    compare_hash(folder, VERDICTS, about)


def read_judged(folder: Path, about: RunFile, suite: Suite | None) -> Iterator[tuple[Verdicted, Replied]]:
    """Yields the verdicts of a run with the replies that they were given for; see `read_verdicts`."""
    replies = decode_lines(folder / REPLIES, Replied)
    for verdict in read_verdicts(folder, about, suite):
        number, reply = next(replies, (0, None))
        if reply is None:
            _refuse(folder, REPLIES, f"it ends before the reply to item {one_line(verdict.id)!r}")
        if (verdict.id, verdict.epoch, verdict.round) != (reply.id, reply.epoch, reply.round):
            _refuse(folder, REPLIES, f"this is not the reply judged in {VERDICTS}", number)
        if reply.model != about.run.get("model", reply.model):
            _refuse(folder, REPLIES, f"a reply of {one_line(reply.model)!r}, not of the model in {RUN}", number)
        yield verdict, reply
    if more := next(replies, None):
        _refuse(folder, REPLIES, f"nothing in {VERDICTS} judges this reply", more[0])
    compare_hash(folder, REPLIES, about)


def _size(folder: Path, about: RunFile) -> tuple[int, int]:
    """How many items the run has, and how often each was asked."""
    try:
        return msgspec.convert((about.items.get("count", 0), about.run.get("epochs", 1)), tuple[int, int])
    except msgspec.ValidationError:
        _refuse(folder, RUN, "it does not say how many items and epochs the run has")


def _strange(line: Verdicted, kinds: dict[str, Kind | None]) -> str:
    return f"the suite has no task {one_line(line.task)!r}; its tasks are {', '.join(kinds)}"


def _contradiction(line: Verdicted, kind: Kind | None) -> str:
    """What a line says that cannot be true; empty if nothing."""
    label, points = line.label, line.points
    if (label is None, points is None) != (line.unscored is not None,) * 2:
        return f"label {label!r}, points {points} and unscored {line.unscored!r} contradict each other"
    if line.thinking and (line.thinking.points != THINKING.points.get(line.thinking.label or "")):
        return f"thinking labelled {line.thinking.label!r} is not worth {line.thinking.points} points"
    if kind is None or label is None:
        return ""
    if not kind.labels:
        worth = int(label == line.right) if line.right else points
        return "" if points == worth and points in (0, 1) else f"answer {one_line(label)!r} is not worth {points}"
    worths = kind.points | {SAFE: 1}
    if label not in worths:
        return f"label {one_line(label)!r} is none of {kind.name}: {', '.join(kind.points)}"
    if points != worths[label] or not {*line.alike, *line.loose} <= {*kind.points.values()}:
        return f"label {label!r} is worth {worths[label]}, not {points}"
    return ""


def compare_hash(folder: Path, name: str, about: RunFile) -> None:
    """Raises UsageError where a file is not the one that `run.toml` was written with; older ones hold no hashes."""
    if name in about.files and _hash(folder / name) != about.files[name]:
        _refuse(folder, name, f"it is not the file that {RUN} was written with: edited, or of another run")


def _refuse(folder: Path, name: str, fault: str, line: int = 0) -> Never:
    where = f"{folder / name}, line {line}" if line else str(folder / name)
    out = folder.parent.parent if folder.parent.name == JUDGED else folder
    raise UsageError(f"{where}: {fault}; run the same `anjian eval … --out {out}` again: it asks nothing anew")
