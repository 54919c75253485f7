"""The suites: one declaration a file, the user's own beside those of the project.

chisafety            a module of this package, which declares SUITE
FILE.toml            a benchmark of the user's own, see `anjian.suites.own`
FILE.py:NAME         a declaration in Python
anything else        an entry point of the group `anjian.suites`
"""

import importlib.util
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import NamedTuple

import msgspec

from anjian.errors import UsageError
from anjian.items.bank import load_bank
from anjian.items.records import Item
from anjian.suites.base import Selection, Source, Suite
from anjian.text import one_line

GROUP = "anjian.suites"
HERE = "bundled"
ENGINE = {"base", "own"}
"""Modules of this package that declare no suite."""


class Found(NamedTuple):
    """A suite, and where it comes from."""

    suite: Suite
    where: str


class Broken(NamedTuple):
    """A suite that cannot be used: its name, where it should come from, and why in one line."""

    name: str
    where: str
    why: str


@cache
def bundled_names() -> tuple[str, ...]:
    """The names of the suites that come with the project."""
    return tuple(found.name for found in iter_modules(__path__) if found.name not in ENGINE)


def find_suite(spec: "str | Path | Suite") -> Suite:
    """Returns a suite by name, file or declaration.

    Raises:
        UsageError: There is no such suite, or its declaration is wrong.
    """
    if isinstance(spec, Suite):
        return spec
    name = str(spec)
    if name in bundled_names():
        return _bundled(name)
    if name.endswith(".toml"):
        from anjian.suites.own import read_suite

        return _unlike_others(read_suite(Path(name)), name)
    path, colon, variable = name.rpartition(":")
    if colon and path.endswith(".py"):
        return _unlike_others(_from_python(Path(path), variable), name)
    if name.endswith(".py"):
        raise UsageError(f"--suite {name} does not say which declaration: write {name}:NAME")
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if len(points) == 1:
        return _unlike_others(_from_entry_point(points[0]), name)
    if points:
        raise UsageError(f"two installed packages bring a suite {name!r}: {', '.join(map(_package, points))}")
    known = ", ".join(found.suite.name for found in all_suites()[0])
    raise UsageError(f"unknown suite {name!r}; there are {known}, or FILE.toml and FILE.py:NAME of your own")


def all_suites() -> tuple[list[Found], list[Broken]]:
    """Every suite that can be found by its name, in their order, and those that are installed but broken."""
    found = [Found(_bundled(name), HERE) for name in bundled_names()]
    broken = []
    names = {one.suite.name for one in found}
    for point in entry_points(group=GROUP):
        try:
            suite = _from_entry_point(point)
            if suite.name in names:
                raise UsageError(f"its suite is called {suite.name!r}, as another one is")
        except UsageError as error:
            broken.append(Broken(point.name, _package(point), str(error)))
            continue
        names.add(suite.name)
        found.append(Found(suite, _package(point)))
    return sorted(found, key=lambda one: (one.suite.place, one.suite.name)), broken


def compared_suites() -> list[Suite]:
    """The suites that a comparison runs where none are named."""
    return sorted((one for one in map(_bundled, bundled_names()) if one.compared), key=lambda one: one.place)


def training_items() -> list[Item]:
    """The items that enhancement learns from: the training splits of the suites that declare one."""
    banks = [suite.train for suite in map(_bundled, bundled_names()) if suite.train]
    return [item for bank in banks for item in load_bank(bank, "train")]


def distinct(suites: Iterable[Suite]) -> list[Suite]:
    """The suites, each once; raises UsageError where two different ones have one name."""
    found: dict[str, Suite] = {}
    for suite in suites:
        held = found.setdefault(suite.name, suite)
        if held.file != suite.file:
            raise UsageError(f"two suites are called {suite.name!r}: {held.file} and {suite.file}; rename one")
    return list(found.values())


def _bundled(name: str) -> Suite:
    suite: Suite = import_module(f"{__name__}.{name}").SUITE
    return suite


def _unlike_others(suite: Suite, where: str) -> Suite:
    if suite.name in bundled_names():
        raise UsageError(f"{where}: a suite called {suite.name!r} comes with anjian; give yours another `name`")
    return suite


def _from_python(path: Path, variable: str) -> Suite:
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
            raise UsageError(f"{path} raises {_worded(error)}") from None
    suite = _guarded(_declared(module, variable, str(path)), f"{path}:{variable}")
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


def _from_entry_point(point: EntryPoint) -> Suite:
    try:
        suite = point.load()
    except Exception as error:  # Somebody else's package may raise anything.
        raise UsageError(f"the suite {point.name} of {_package(point)} raises {_worded(error)}") from None
    if not isinstance(suite, Suite):
        raise UsageError(f"{point.value} of {_package(point)} is no Suite but {type(suite).__name__}")
    if suite.name != point.name:
        raise UsageError(f"{point.value} of {_package(point)} is called {suite.name!r}; give its entry point that name")
    return _guarded(suite, f"the suite {point.name} of {_package(point)}")


def _guarded(suite: Suite, where: str) -> Suite:
    """The suite, whose `load` says in one line what is wrong with its items."""
    declared = {task.name for task in suite.tasks if task.kind}

    def load(source: Source) -> Selection:
        try:
            selection = suite.load(source)
            strange = {suite.task_of(item) for item in selection.items} - declared
        except UsageError:
            raise
        except Exception as error:  # A user's declaration may raise anything.
            raise UsageError(f"{where}: reading its items raises {_worded(error)}") from None
        if strange:
            raise UsageError(f"{where}: `task_of` names the task {min(strange)!r}, which it does not declare")
        return selection

    return msgspec.structs.replace(suite, load=load)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def _worded(error: Exception) -> str:
    lines: Iterator[str] = (str(part) for part in (type(error).__name__, error) if str(part))
    return one_line(": ".join(lines))
