"""From what Python callers give to what the engine takes, with one line for what is wrong."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from anjian.errors import UsageError
from anjian.judges.builtin import DEFAULT
from anjian.judges.named import GUARD
from anjian.judges.prompting import Prompt, load_prompt
from anjian.models.access import Access, server_arguments
from anjian.models.base import Model
from anjian.models.function import FunctionModel
from anjian.options import Asked, Judges, Judging, Reach
from anjian.suites.base import Suite
from anjian.text import one_line

T = TypeVar("T")


class Players:
    """Everybody who takes part, by name; functions are made models."""

    def __init__(self, access: Access, loaded: bool = False) -> None:
        """Takes how they are reached; `loaded` says that models are loaded too, whom the options for those are for."""
        self.known: dict[str, Model] = {}
        self._others = access.others
        self._target = access.of_functions if loaded else access

    def target(self, model: Asked) -> str:
        """The name of a model under evaluation."""
        return self._named(model, self._target)

    def other(self, model: Asked) -> str:
        """The name of an adversary."""
        return self._named(model, self._others)

    def judges(self, judge: Judges | None) -> tuple[str, ...]:
        """The names of the judges."""
        if judge is None or (isinstance(judge, Sequence) and not judge):
            return (DEFAULT,)
        if isinstance(judge, str) or not isinstance(judge, Sequence):
            return (self._judge(judge),)
        return tuple(map(self._judge, judge))

    def _judge(self, judge: Judging) -> str:
        """The name of a judge; of one that holds a model, with the model's."""
        if not isinstance(judge, Mapping):
            return self.other(judge)
        if len(judge) != 1 or not all(isinstance(name, str) for name in judge):
            raise UsageError('judge: a mapping holds one judge, such as {"guard/qwen3guard": function}')
        ((name, model),) = judge.items()
        return f"{name}{'=' if name.startswith(GUARD) else ','}{self.other(model)}"

    def _named(self, model: Asked, access: Access) -> str:
        if isinstance(model, str):
            return model
        if not callable(model):
            raise UsageError(f"a model is a name or a function from messages to text, not {type(model).__name__}")
        made = FunctionModel(model, access)
        held = self.known.setdefault(made.name, made)
        if isinstance(held, FunctionModel) and held.function != model:
            raise UsageError(f"two functions are called {made.name}; wrap each in a function with a name of its own")
        return made.name


def access_of(reach: Reach) -> Access:
    """How models are reached, from the options of the command; raises UsageError for what is none."""
    if unknown := sorted(reach.keys() - Reach.__annotations__.keys()):
        raise UsageError(f"there is no option {unknown[0]!r}; help(anjian.evaluate) and help(anjian.compare) list them")
    given: dict[str, Any] = {name: value for name, value in reach.items() if value is not None}
    if "think_prefilled" in given:
        given["prefilled"] = given.pop("think_prefilled")
    if "server_args" in given:
        given["server_args"] = server_arguments(given["server_args"])
    if "extra_body" in given:
        given["extra_body"] = _body(given["extra_body"])
    if "header" in given:
        given["headers"] = _headers(given.pop("header"))
    for name in {"lora", "chat_template"} & given.keys():
        given[name] = path(name, given[name])
    return Access(**given)


def _body(given: object) -> dict[str, Any]:
    """An object, or one in JSON."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"--extra-body is no JSON ({one_line(str(error))}); quote it: --extra-body '{{…}}'"
            ) from None
    if not isinstance(given, Mapping):
        raise UsageError("""--extra-body is no JSON object such as '{"enable_thinking": false}'""")
    try:
        msgspec.json.encode(given)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"--extra-body cannot be sent: {one_line(str(error))}") from None
    if taken := sorted(given.keys() & {"messages", "model"}):
        raise UsageError(f"--extra-body: {taken[0]} is settled by anjian; leave it out")
    return dict(given)


def _headers(given: object) -> dict[str, str]:
    """Headers by name, from a mapping or from texts of the form K=V."""
    if isinstance(given, Mapping):
        found = list(given.items())
    elif isinstance(given, Sequence) and not isinstance(given, str):
        parts = [str(one).partition("=") for one in given]
        found = [(name.strip(), value.strip()) for name, equals, value in parts if equals]
        if len(found) < len(parts):
            raise UsageError("--header: write K=V, such as X-Team=safety or X-Token=env:TEAM_TOKEN")
    else:
        raise UsageError("header is a mapping from names to values, or a list of K=V")
    if not all(isinstance(one, str) for pair in found for one in pair):
        raise UsageError("header: names and values are texts")
    return dict(found)


def suite_of(suite: str | Path | Suite) -> str | Suite:
    """A suite as plans name it."""
    if isinstance(suite, str | Suite):
        return suite
    return str(path("suite", suite))


def several(name: str, values: Sequence[T]) -> Sequence[T]:
    """A list as it is; a single name would be taken for a list of letters."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise UsageError(f"{name}={values!r} cannot be: {name} is a list, such as [{values!r}]")
    return values


def paths(name: str, values: Sequence[str | Path]) -> tuple[Path, ...]:
    """A list of paths."""
    return tuple(path(name, value) for value in several(name, values))


def cards_given(given: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    """One judge card, or one for each kind."""
    return (path("judge_card", given),) if isinstance(given, str | Path) else paths("judge_card", given)


def prompts_given(given: str | Path | Sequence[str | Path]) -> tuple[Prompt, ...]:
    """One prompt of a judge, or one for each kind: names of shipped ones, or files."""
    return tuple(load_prompt(one) for one in ((given,) if isinstance(given, str | Path) else given))


def by_suite(data: Mapping[str, str | Path] | None) -> dict[str, Path]:
    """A release for each suite."""
    if not isinstance(data, Mapping | None):
        raise UsageError(f"data={data!r} cannot be: data has a path for each suite, as in {{'chisafety': {data!r}}}")
    return {name: path("data", value) for name, value in (data or {}).items()}


def file(name: str, value: str | Path | None) -> Path | None:
    """A path, if there is one."""
    return None if value is None else path(name, value)


def path(name: str, value: str | Path) -> Path:
    """A path."""
    if not isinstance(value, str | os.PathLike):
        raise UsageError(f"{name}={value!r} cannot be: {name} is a path")
    return Path(value)
