"""The options: their types for Python callers, and the values that they can have."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict, cast

from anjian.errors import UsageError

Asked = str | Callable[[list[dict[str, str]]], "str | Awaitable[str]"]
"""A model: its name, or an (async) function from messages, `{"role", "content"}` each, to text."""
Judging = Asked | Mapping[str, Asked]
"""A judge: a model, or a name such as `guard/FAMILY` or `cascade:CHEAP` with the model that it wants."""
Judges = Judging | Sequence[Judging]
"""One judge or a panel."""


class Reach(TypedDict, total=False):
    """How models are reached: the options of the command with the same names; see `anjian.models.access.Access`."""

    concurrency: int | None
    timeout: float
    batch: bool
    think_prefilled: bool
    system: str
    extra_body: Mapping[str, Any] | str
    header: Mapping[str, str] | Sequence[str]
    trust_remote_code: bool
    device: str | None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] | None
    batch_size: int | None
    server_args: str
    lora: str | Path | None
    chat_template: str | Path | None


def reach_of(options: Mapping[str, Any]) -> Reach:
    """Those of a command's options that say how models are reached."""
    return cast(Reach, {name: options[name] for name in Reach.__annotations__ if name in options})


MARGIN = 5.0
"""Points by which a metric may be worse; docs/comparison.md says why so many."""
LARGEST = 2**63
"""What JSON and TOML readers can hold."""


class Range(NamedTuple):
    """The numbers that an option takes."""

    kind: type[int] | type[float]
    least: float = -math.inf
    most: float = math.inf

    def holds(self, value: object) -> bool:
        """True for a number of the kind within the range."""
        if not isinstance(value, (int, self.kind)) or isinstance(value, bool):
            return False
        return self.least <= value <= self.most and abs(value) < LARGEST

    def __str__(self) -> str:
        """In words."""
        what = "a whole number" if self.kind is int else "a number"
        if self.least == -math.inf:
            return what
        return (
            f"{what} of {self.least} or more" if self.most == math.inf else f"{what} from {self.least} to {self.most}"
        )


NUMBERS = {
    "rounds": Range(int, 1, 50),
    "limit": Range(int, 1),
    "budget": Range(float, 0),
    "epochs": Range(int, 1),
    "seed": Range(int),
    "temperature": Range(float, 0, 2),
    "top_p": Range(float, 0, 1),
    "max_tokens": Range(int, 1),
    "concurrency": Range(int, 1),
    "timeout": Range(float, 0.1),
    "batch_size": Range(int, 1),
    "min_coverage": Range(float, 0, 1),
    "margin": Range(float, 0, 100),
    "agreement": Range(float, 0, 100),
    "alpha": Range(float, 0.0001, 0.5),
}
CHOICES = {
    "ties": ("unscored", "stricter"),
    "filtered": ("unscored", "refusal"),
    "dtype": ("auto", "float32", "bfloat16", "float16"),
}
FLAGS = ("include_ambiguous", "judge_thinking", "dry_run", "progress", "batch", "think_prefilled", "trust_remote_code")
TEXTS = ("device", "server_args", "system")


def check(options: Mapping[str, Any]) -> None:
    """Checks the values of options; None leaves one open.

    Raises:
        UsageError: A value is out of range or of the wrong type; names the option and what it takes.
    """
    for name, value in options.items():
        if value is not None and (wanted := _wanted(name, value)):
            raise UsageError(f"{name}={value!r} cannot be: {name} is {wanted}")


def _wanted(name: str, value: object) -> str:
    """What the option takes, if it does not take the value."""
    if name in NUMBERS:
        return "" if NUMBERS[name].holds(value) else str(NUMBERS[name])
    if name in CHOICES:
        return "" if value in CHOICES[name] else " or ".join(map(repr, CHOICES[name]))
    if name in FLAGS:
        return "" if isinstance(value, bool) else "True or False"
    return "" if isinstance(value, str) or name not in TEXTS else "a text"
