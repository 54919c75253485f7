"""Suites that are declared in somebody else's Python: in a file, or in an installed package.

Their functions may raise or return whatever they like; what is wrong becomes one line that names where they come from.
"""

import importlib.util
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np

from anjian.dialogue.holding import Holding
from anjian.dialogue.scripted import Exchange
from anjian.errors import UsageError
from anjian.foreign import Told, shown, worded, worded_async
from anjian.items.lines import opened, readable
from anjian.items.records import Item, problem
from anjian.judges.base import Judge, Verdict
from anjian.judges.kinds import KINDS, Kind
from anjian.scores.measures import Measure, Ratio, Task
from anjian.suites.base import Selection, Source, Suite


def from_python(path: Path, variable: str) -> Suite:
    """Runs a Python file and returns the declaration of that name; raises UsageError for whatever is wrong."""
    with opened(path):
        spec = importlib.util.spec_from_file_location(f"anjian_suite_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    with Told(str(path)), _beside(path):
        spec.loader.exec_module(module)
    suite = guarded(_declared(module, variable, str(path)), f"{path}:{variable}")
    return msgspec.structs.replace(suite, file=f"{path.resolve()}:{variable}")


class _beside:  # noqa: N801  (reads as a statement)
    """Lets a file import what lies beside it, for the block."""

    def __init__(self, path: Path) -> None:
        self._folder = str(path.resolve().parent)

    def __enter__(self) -> None:
        sys.path.insert(0, self._folder)

    def __exit__(self, *exc: object) -> None:
        sys.path.remove(self._folder)


def _declared(module: ModuleType, variable: str, where: str) -> Suite:
    suite = vars(module).get(variable)
    if not isinstance(suite, Suite):
        held = "holds no" if suite is None else f"holds {type(suite).__name__} as"
        raise UsageError(f"{where} {held} {variable}; declare {variable} = Suite(…), see docs/own-benchmark.md")
    return suite


def from_entry_point(point: EntryPoint) -> Suite:
    """Returns the declaration that an installed package brings; raises UsageError for whatever is wrong."""
    with Told(f"the suite {point.name} of {package_of(point)}"):
        suite = point.load()
    if not isinstance(suite, Suite):
        raise UsageError(f"{point.value} of {package_of(point)} is no Suite but {type(suite).__name__}")
    if suite.name != point.name:
        raise UsageError(
            f"{point.value} of {package_of(point)} is called {suite.name!r}; give its entry point that name"
        )
    return guarded(suite, f"the suite {point.name} of {package_of(point)}")


def package_of(point: EntryPoint) -> str:
    """The package that an entry point comes from."""
    return point.dist.name if point.dist else point.value


def guarded(suite: Suite, where: str) -> Suite:
    """The suite, whose functions say in one line what is wrong with them or with what they return."""
    with Told(f"{where}: the declaration"):
        if fault := _fault(suite):
            raise UsageError(f"{where}: {fault}")
        return _guarded(suite, where)


def _fault(suite: Suite) -> str | None:
    names = [task.name for task in suite.tasks]
    if twice := _twice(names):
        return f"two tasks are called {twice!r}; rename one"
    for task in suite.tasks:
        if twice := _twice(measure.name for measure in task.measures):
            return f"two measures of the task {task.name} are called {twice!r}; rename one"
        if odd := [one.name for one in task.measures if [one.value, one.ratio, one.floor].count(None) != 2]:
            return f"the measure {odd[0]} of the task {task.name} needs either `value` or `ratio`"
        if strange := {*task.draws, task.needs or task.name} - set(names):
            return f"the task {task.name} draws on {min(strange)!r}, which is no task; there are {', '.join(names)}"
    return None


def _twice(names: Iterable[str]) -> str | None:
    held = list(names)
    return next((name for name in held if held.count(name) > 1), None)


def _guarded(suite: Suite, where: str) -> Suite:
    declared = {task.name for task in suite.tasks if task.kind}
    read = worded(suite.load, f"{where}: `load`", _selection_fault)
    task_of = worded(suite.task_of, f"{where}: `task_of`", _text_fault)

    def load(source: Source) -> Selection:
        selection = read(source)
        if strange := {task_of(item) for item in selection.items} - declared:
            raise UsageError(f"{where}: `task_of` names the task {min(strange)!r}, which it does not declare")
        return selection

    return msgspec.structs.replace(
        suite,
        load=load,
        task_of=task_of,
        unit=worded(suite.unit, f"{where}: `unit`", _text_fault),
        tasks=tuple(_guarded_task(task, where) for task in suite.tasks),
        holding=_Held(suite.holding, f"{where}: `holding`"),
    )


def _text_fault(value: object) -> str | None:
    return None if isinstance(value, str) else f"returns {shown(value)}, no text"


def _selection_fault(found: object) -> str | None:
    if not isinstance(found, Selection):
        return f"returns {shown(found)}, no Selection"
    if not isinstance(found.origin, str):
        return f"returns a Selection whose `origin` is {shown(found.origin)}, no text"
    if not isinstance(found.notes, list) or not all(isinstance(note, str) for note in found.notes):
        return f"returns a Selection whose `notes` are {shown(found.notes)}, no list of texts"
    if not isinstance(found.items, list):
        return f"returns a Selection whose `items` are {shown(found.items)}, no list"
    used = set()
    for item in found.items:
        if not isinstance(item, Item):
            return f"returns {shown(item)} among its items, no Item"
        if fault := _item_fault(item):
            return f"returns an item {shown(item.id)} that is none: {fault}"
        if item.id in used:
            return f"returns two items with the `id` {item.id!r}; rename one"
        used.add(item.id)
    return None


def _item_fault(item: Item) -> str | None:
    # Some suites have no categories.
    return _type_fault(item) or problem(msgspec.structs.replace(item, category=item.category or "-"))


def _type_fault(value: msgspec.Struct) -> str | None:
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=type(value))
    except msgspec.ValidationError as error:
        return readable(error)
    return None


class _Held:
    """A holding that is guarded."""

    def __init__(self, holding: Holding, what: str) -> None:
        self.judged, self.attacks = holding.judged, holding.attacks
        self.calls = worded(holding.calls, f"{what}.calls", _calls_fault)
        self.hold = worded_async(holding.hold, f"{what}.hold", _dialogue_fault)


def _calls_fault(found: object) -> str | None:
    if isinstance(found, tuple) and len(found) == 2 and all(isinstance(one, int) and one >= 0 for one in found):
        return None
    return f"returns {shown(found)}, no pair of whole numbers"


def _dialogue_fault(found: object) -> str | None:
    if not isinstance(found, list) or not found or not all(isinstance(one, Exchange) for one in found):
        return f"returns {shown(found)}, no list of one or more Exchange"
    if any((one.thought is None) == (one.failure is None) for one in found):
        return "returns an Exchange that needs either `thought` or `failure`"
    return None


def _guarded_task(task: Task, where: str) -> Task:
    measures = tuple(_guarded_measure(measure, f"{where}: the measure {measure.name}") for measure in task.measures)
    kind = _guarded_kind(task.kind, where) if task.kind else None
    return msgspec.structs.replace(task, kind=kind, measures=measures)


def _guarded_kind(kind: Kind, where: str) -> Kind:
    own, what = kind.own, f"{where}: the judge of {kind.name}"
    if own is None or kind in KINDS.values():
        return kind

    def judge() -> Judge:
        return _Judging(own(), what)

    return msgspec.structs.replace(kind, own=worded(judge, what))


class _Judging:
    """A judge that is guarded."""

    def __init__(self, judge: Judge, what: str) -> None:
        self.name = judge.name
        if fault := _text_fault(self.name):
            raise UsageError(f"{what}: its `name` {fault}")
        self.judge = worded_async(judge.judge, what, _verdict_fault)


def _verdict_fault(found: object) -> str | None:
    if not isinstance(found, Verdict):
        return f"returns {shown(found)}, no Verdict"
    if fault := _type_fault(found):
        return f"returns a Verdict that is none: {fault}"
    if (found.points is None) == (found.unscored is None):
        return "returns a Verdict that needs either `points` or `unscored`"
    return None


def _guarded_measure(measure: Measure, what: str) -> Measure:
    value, ratio, best = measure.value, measure.ratio, measure.best

    def value_fault(found: object) -> str | None:
        if isinstance(found, (int, float)) and 0 <= found <= best:
            return None
        return f"returns {shown(found)}, no number from 0 to {best:g}"

    return msgspec.structs.replace(
        measure,
        value=worded(value, what, value_fault) if value else None,
        ratio=_guarded_ratio(ratio, what) if ratio else None,
    )


def _guarded_ratio(ratio: Ratio, what: str) -> Ratio:
    lengths = set[int]()

    def counts_fault(found: object) -> str | None:
        if found is None:
            return None
        counts = np.asarray(found)
        if counts.ndim != 1 or not len(counts) or counts.dtype.kind not in "biuf" or not np.isfinite(counts).all():
            return f"returns {shown(found)}, neither None nor a sequence of numbers"
        lengths.add(len(counts))
        return f"returns {shown(found)}: now {len(counts)} numbers, now not" if len(lengths) > 1 else None

    def of(*sums: Any) -> Any:
        found = ratio.of(*sums)
        value = np.asarray(found)
        if value.dtype.kind not in "biuf" or value.shape != np.shape(sums[0]):
            raise UsageError(f"{what}: `of` returns {shown(found)}, no number for each of its sums")
        return value

    return Ratio(worded(ratio.counts, f"{what}: `counts`", counts_fault), worded(of, f"{what}: `of`"), ratio.blocks)
