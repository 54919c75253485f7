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

import codecs
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import msgspec

from anjian.errors import UsageError
from anjian.items.answer_keys import load_answers
from anjian.items.lines import opened, readable, refuse
from anjian.items.records import Item, load_items
from anjian.items.taxonomy import flat
from anjian.judges.exact import normalised
from anjian.judges.kinds import CHOICE, EXACT, KINDS, MATH, OVER_REFUSAL, Kind
from anjian.judges.rubric import load_rubric, rubric_fault
from anjian.names import Name
from anjian.scores.measures import MEASURES, Role, Task, rubric_measures
from anjian.scores.rows import GroupKind
from anjian.suites.base import Selection, Source, Suite, evaluated, without
from anjian.text import one_line

NO_KEY = "{n} questions with options have no key and were not asked; give one with --answers FILE"


class _Title(msgspec.Struct, forbid_unknown_fields=True):
    """A title in Chinese and English."""

    zh: str = ""
    en: str = ""


class _Task(msgspec.Struct, forbid_unknown_fields=True):
    """One [[tasks]] of the file; without `role`, over-refusal is a guard and all else safety."""

    name: str
    judge: str
    role: Role | None = None
    title: _Title | str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    name: str
    items: str
    tasks: list[_Task]
    version: str | int = "1"
    title: _Title | str = ""
    source: str = ""


KEYS = (
    f"keys are {', '.join(_File.__struct_fields__)}; of a task {', '.join(_Task.__struct_fields__)}; "
    f"`role` is one of {', '.join(get_args(Role))}"
)


def read_suite(path: Path) -> Suite:
    """Reads a declaration with its items and rubrics.

    Raises:
        UsageError: A file cannot be read or is wrong; names it.
    """
    file = _decoded(path)
    if fault := _fault(file):
        raise UsageError(f"{path}: {fault}")
    tasks = [_task(task, path) for task in file.tasks]
    items = path.parent / file.items
    found, of = _items(items, file.name, tasks), _task_of(tasks)
    members: dict[str, list[Item]] = {task.name: [] for task in tasks}
    for item in found:
        members[of(item)].append(item)
    title = _name(file.title, file.name)
    return Suite(
        name=file.name,
        version=str(file.version),
        title=title,
        summary=title.en or title.zh,
        source=file.source,
        load=partial(_load, file.name, items, found, tasks),
        tasks=tuple(_reported(task, members[task.name]) for task in tasks),
        taxonomy=flat(item.category for item in found if item.category),
        task_of=of,
        file=str(path.resolve()),
    )


def _decoded(path: Path) -> _File:
    with opened(path) as file:
        text = file.read().removeprefix(codecs.BOM_UTF8)
    try:
        return msgspec.toml.decode(text, type=_File)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {one_line(readable(error))}; {KEYS}") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML: {one_line(str(error))}") from None


def _fault(file: _File) -> str | None:
    if not file.name.isidentifier():
        return f"`name` {file.name!r} must be letters, digits and _, such as my_bench"
    if not file.tasks:
        return "there is no [[tasks]]; add one with `name` and `judge`"
    names = [task.name for task in file.tasks]
    if twice := next((name for name in names if names.count(name) > 1), None):
        return f"two tasks are called {twice!r}; rename one"
    if odd := [name for name in names if not name or name != name.strip()]:
        return f"the `name` of a task, {odd[0]!r}, is empty or has blanks around it"
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
    role = task.role or ("guard" if kind == OVER_REFUSAL else "safety")
    measures = MEASURES[kind.name](role) if task.judge in KINDS else rubric_measures(kind, role)
    return Task(name=task.name, title=_name(task.title, task.name), kind=kind, measures=measures)


def _reported(task: Task, items: Sequence[Item]) -> Task:
    """The task with rounds reported where there are any, and histories where some items have one."""
    history: tuple[GroupKind, ...] = ("history",) if any(item.history for item in items) else ()
    by_round = any(len(item.turns) > 1 for item in items)
    return msgspec.structs.replace(task, by_round=by_round, groups=("category", *history))


Form = Literal["choice", "harmless", "answer", "open"]
FORMS: dict[Form, str] = {
    "choice": "it has `options`",
    "harmless": "it is `harmless`",
    "answer": "it has an `answer`",
    "open": "it is an open question",
}


def _form_of(item: Item) -> Form:
    if item.options:
        return "choice"
    harmless = item.harmless or (item.turns_harmless and all(item.turns_harmless))
    return "harmless" if harmless else "answer" if item.answer is not None else "open"


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


def _items(path: Path, suite: str, tasks: Sequence[Task]) -> list[Item]:
    """Reads the items and checks that each has a task and what that task needs."""
    of, kinds = _task_of(tasks), {task.name: task.kind for task in tasks}
    found = load_items(path, suite=suite, category="")
    faults = [(item, _item_fault(item, suite, of(item), kinds)) for item in found]
    refuse(path, [f"item {item.id}{fault}" for item, fault in faults if fault])
    return found


def _item_fault(item: Item, suite: str, task: str, kinds: dict[str, Kind | None]) -> str | None:
    if item.suite != suite:
        return f": its suite is {item.suite!r}, not {suite!r}; correct `suite` or leave it out"
    if not task:
        return f": {FORMS[_form_of(item)]}, and no task takes that; name one with `task`: {', '.join(kinds)}"
    kind = kinds.get(task)
    if kind is None:
        return f": its `task` {task!r} is none of {', '.join(kinds)}"
    if kind == CHOICE and not item.options:
        return f": the task {task} needs `options`"
    if item.options and len(item.turns) > 1:
        return ": `options` go with one turn; make it several items"
    if kind in (MATH, EXACT) and not any(map(normalised, (item.answer or "").split("|"))):
        return f": the task {task} needs an `answer`"
    if kind.prompt and (lacking := rubric_fault(kind, item)):
        return f": {lacking}"
    return None


def _load(name: str, items: Path, held: list[Item], tasks: Sequence[Task], source: Source) -> Selection:
    if source.data:
        raise UsageError(f"{name} takes no --data; its items stand in {items}, and --items FILE replaces them")
    without(source, name, "include_ambiguous")
    path = source.items or items
    found = _items(path, name, tasks) if source.items else held
    if source.answers:
        found = load_answers(source.answers, found)
    notes: list[str] = []
    kept = evaluated(found, notes)
    of, choices = _task_of(tasks), {task.name for task in tasks if task.kind == CHOICE}
    asked = [item for item in kept if item.answer or of(item) not in choices]
    if len(asked) < len(kept):
        notes.append(NO_KEY.format(n=len(kept) - len(asked)))
    return Selection(asked, str(path), notes)
