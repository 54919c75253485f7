"""Suites that are declared in somebody else's Python: in a file, or in an installed package.

Their functions may raise whatever they like; what they raise becomes one line that names where they come from.
"""

import functools
import importlib.util
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import ParamSpec, TypeVar

import msgspec

from anjian.errors import UsageError
from anjian.scores.measures import Measure, Task
from anjian.suites.base import Selection, Source, Suite
from anjian.text import one_line

P = ParamSpec("P")
T = TypeVar("T")


def from_python(path: Path, variable: str) -> Suite:
    """Runs a Python file and returns the declaration of that name; raises UsageError for whatever is wrong."""
    if not path.is_file():
        raise UsageError(f"cannot read {path}: there is no such file")
    spec = importlib.util.spec_from_file_location(f"anjian_suite_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    with _beside(path):
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # A user's file may raise anything.
            raise UsageError(f"{path} raises {_raised(error)}") from None
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
    try:
        suite = point.load()
    except Exception as error:  # Somebody else's package may raise anything.
        raise UsageError(f"the suite {point.name} of {package_of(point)} raises {_raised(error)}") from None
    if not isinstance(suite, Suite):
        raise UsageError(f"{point.value} of {package_of(point)} is no Suite but {type(suite).__name__}")
    if suite.name != point.name:
        raise UsageError(
            f"{point.value} of {package_of(point)} is called {suite.name!r}; give its entry point that name"
        )
    return guarded(suite, f"the suite {point.name} of {package_of(point)}")


def guarded(suite: Suite, where: str) -> Suite:
    """The suite, whose functions say in one line what is wrong with them or with its items."""
    declared = {task.name for task in suite.tasks if task.kind}
    read, task_of = worded(suite.load, f"{where}: reading its items"), worded(suite.task_of, f"{where}: `task_of`")

    def load(source: Source) -> Selection:
        selection = read(source)
        if strange := {task_of(item) for item in selection.items} - declared:
            raise UsageError(f"{where}: `task_of` names the task {min(strange)!r}, which it does not declare")
        return selection

    tasks = tuple(_guarded_task(task, where) for task in suite.tasks)
    unit = worded(suite.unit, f"{where}: `unit`")
    return msgspec.structs.replace(suite, load=load, tasks=tasks, unit=unit)


def _guarded_task(task: Task, where: str) -> Task:
    measures = tuple(_guarded_measure(measure, f"{where}: the measure {measure.name}") for measure in task.measures)
    return msgspec.structs.replace(task, measures=measures)


def _guarded_measure(measure: Measure, what: str) -> Measure:
    value, ratio = measure.value, measure.ratio
    if ratio:
        ratio = msgspec.structs.replace(ratio, counts=worded(ratio.counts, what), of=worded(ratio.of, what))
    return msgspec.structs.replace(measure, value=worded(value, what) if value else None, ratio=ratio)


def worded(function: Callable[P, T], what: str) -> Callable[P, T]:
    """The function, whatever it raises told in one line that names it."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except UsageError:
            raise
        except Exception as error:  # A user's function may raise anything.
            raise UsageError(f"{what} raises {_raised(error)}") from None

    return call


def package_of(point: EntryPoint) -> str:
    """The package that an entry point comes from."""
    return point.dist.name if point.dist else point.value


def _raised(error: Exception) -> str:
    return one_line(": ".join(part for part in (type(error).__name__, str(error)) if part))
