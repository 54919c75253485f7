"""A benchmark of the user's own, declared in TOML; docs/own-benchmark.md describes it.

name = "my_bench"
version = "1"
title = { zh = "我的评测", en = "My benchmark" }
items = "items.jsonl"
[[tasks]]
name = "quiz"
judge = "choice"
role = "safety"
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from anjian.errors import UsageError
from anjian.items.answer_keys import load_answers
from anjian.items.records import Item, Message, load_items
from anjian.items.taxonomy import flat
from anjian.judges.kinds import CHOICE, EXACT, KINDS, MATH, OVER_REFUSAL, Kind
from anjian.judges.rubric import load_rubric, rubric_prompt
from anjian.names import Name
from anjian.scores.measures import MEASURES, Role, Task, rubric_measures
from anjian.suites.base import Selection, Source, Suite, evaluated
from anjian.text import one_line

NO_KEY = "{n} questions with options have no key and were not asked; give one with --answers FILE"


class _Title(msgspec.Struct, forbid_unknown_fields=True):
    """A title in Chinese and English."""

    zh: str = ""
    en: str = ""


class _Task(msgspec.Struct, forbid_unknown_fields=True):
    """One [[tasks]] of the file."""

    name: str
    judge: str
    role: Role = "safety"
    title: _Title | str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    name: str
    items: str
    tasks: list[_Task]
    version: str = "1"
    title: _Title | str = ""
    source: str = ""


def read_suite(path: Path) -> Suite:
    """Reads a declaration with its items and rubrics.

    Raises:
        UsageError: A file cannot be read or is wrong; names it.
    """
    file = _decoded(path)
    if fault := _fault(file):
        raise UsageError(f"{path}: {fault}")
    tasks = tuple(_task(task, path) for task in file.tasks)
    items = path.parent / file.items
    found = _items(items, file.name, tasks, str(path))
    title = _name(file.title, file.name)
    return Suite(
        name=file.name,
        version=file.version,
        title=title,
        summary=title.en or title.zh,
        source=file.source,
        load=partial(_load, file.name, items, tasks, str(path)),
        tasks=_by_round(tasks, found),
        taxonomy=flat(dict.fromkeys(item.category for item in found if item.category)),
        task_of=_task_of(tasks),
        file=str(path.resolve()),
    )


def _decoded(path: Path) -> _File:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        text = one_line(str(error)).replace("Object contains", "the file contains").replace("Object missing", "missing")
        known = ", ".join(_File.__struct_fields__)
        raise UsageError(
            f"{path}: {text}; keys are {known}, and of a task {', '.join(_Task.__struct_fields__)}"
        ) from None


def _fault(file: _File) -> str | None:
    if not file.name.isidentifier():
        return f"`name` {file.name!r} must be letters, digits and _, such as my_bench"
    if not file.tasks:
        return "there is no [[tasks]]; add one with `name` and `judge`"
    names = [task.name for task in file.tasks]
    if twice := next((name for name in names if names.count(name) > 1), None):
        return f"two tasks are called {twice!r}; rename one"
    if empty := next((task for task in file.tasks if not task.name.strip()), None):
        return f"a task judged by {empty.judge!r} has no `name`"
    return None


def _name(title: _Title | str, fallback: str) -> Name:
    if isinstance(title, str):
        return Name(title, "") if title else Name("", fallback)
    return Name(title.zh, title.en) if title.zh or title.en else Name("", fallback)


def _task(task: _Task, path: Path) -> Task:
    kind = KINDS.get(task.judge)
    if kind is None:
        if not task.judge.endswith(".md"):
            known = ", ".join(KINDS)
            raise UsageError(
                f"{path}, task {task.name}: no judge {task.judge!r}; there are {known}, or a file RUBRIC.md"
            )
        kind = load_rubric(path.parent / task.judge)
    measures = MEASURES[kind.name](task.role) if task.judge in KINDS else rubric_measures(kind, task.role)
    return Task(
        name=task.name,
        title=_name(task.title, task.name),
        kind=kind,
        measures=measures,
        groups=("category", "history"),
    )


def _by_round(tasks: Sequence[Task], items: Sequence[Item]) -> tuple[Task, ...]:
    """Reports rounds where there are any, and histories where some items have one."""
    of = _task_of(tasks)
    rounds = {of(item) for item in items if len(item.turns) > 1}
    histories = {of(item) for item in items if item.history}
    return tuple(
        msgspec.structs.replace(
            task,
            by_round=task.name in rounds,
            groups=("category", "history") if task.name in histories else ("category",),
        )
        for task in tasks
    )


Form = Literal["choice", "harmless", "answer", "open"]


def _form_of(item: Item) -> Form:
    if item.options:
        return "choice"
    return "harmless" if item.harmless else "answer" if item.answer is not None else "open"


def _forms(kind: Kind) -> tuple[Form, ...]:
    """The forms of items that a kind takes, the most fitting first."""
    if kind == CHOICE:
        return ("choice",)
    if kind == OVER_REFUSAL:
        return ("harmless",)
    return ("answer",) if kind in (MATH, EXACT) else ("open", "answer", "harmless")


def _task_of(tasks: Sequence[Task]) -> Callable[[Item], str]:
    """Names an item's task: the one it names itself, or the first that takes its form most fittingly; else nothing."""

    def of(item: Item) -> str:
        if item.task:
            return item.task
        form = _form_of(item)
        fitting = [
            (_forms(task.kind).index(form), place, task.name)
            for place, task in enumerate(tasks)
            if task.kind and form in _forms(task.kind)
        ]
        return min(fitting)[2] if fitting else ""

    return of


def _items(path: Path, suite: str, tasks: Sequence[Task], where: str) -> list[Item]:
    """Reads the items and checks that each has a task and what that task needs."""
    of, kinds = _task_of(tasks), {task.name: task.kind for task in tasks}
    found = load_items(path, suite=suite, category="")
    for item in found:
        name = of(item)
        if fault := _item_fault(item, suite, name, kinds):
            raise UsageError(f"{path}, item {item.id}: {fault}")
    if not found:
        raise UsageError(f"{where}: {path} holds no items")
    return found


def _item_fault(item: Item, suite: str, task: str, kinds: dict[str, Kind | None]) -> str | None:
    if item.suite != suite:
        return f"its suite is {item.suite!r}, not {suite!r}; correct `suite` or leave it out"
    if not task:
        return f"no task takes it ({_form_of(item)}); name one with `task`: {', '.join(kinds)}"
    kind = kinds.get(task)
    if kind is None:
        return f"`task` {task!r} is none of {', '.join(kinds)}"
    if kind == CHOICE and not item.options:
        return f"the task {task} needs `options`"
    if kind in (MATH, EXACT) and not (item.answer or "").strip():
        return f"the task {task} needs an `answer`"
    if kind.prompt:
        rubric_prompt(kind, item, [Message("user", item.turns[0])], "")  # Says so now if the item lacks something.
    return None


def _load(name: str, items: Path, tasks: Sequence[Task], where: str, source: Source) -> Selection:
    if source.data:
        raise UsageError(f"{name} takes no --data; its items stand in {items}, and --items FILE replaces them")
    path = source.items or items
    found = _items(path, name, tasks, where)
    if source.answers:
        found = load_answers(source.answers, found)
    notes: list[str] = []
    kept = evaluated(found, notes)
    asked = [item for item in kept if not item.options or item.answer]
    if len(asked) < len(kept):
        notes.append(NO_KEY.format(n=len(kept) - len(asked)))
    return Selection(asked, str(path), notes)
