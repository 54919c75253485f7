"""Functions of somebody else: whatever they raise or wrongly return becomes one line that names them.

`what` names the function, such as `suite.py:SUITE: the measure f1`; a fault goes on from there: `returns 2, no text`.
"""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from anjian.errors import AnjianError, UsageError
from anjian.text import one_line

P = ParamSpec("P")
T = TypeVar("T")


class Told:
    """For a block: what is raised in it becomes a UsageError, an end of the process (`sys.exit`) too."""

    def __init__(self, what: str) -> None:
        """Takes the name of what is run."""
        self.what = what

    def __enter__(self) -> None:
        """Begins the block."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Tells what was raised, unless it is worded already."""
        if isinstance(error, (Exception, SystemExit)) and not isinstance(error, AnjianError):
            words = ": ".join(part for part in (type(error).__name__, str(error)) if part)
            raise UsageError(f"{self.what} raises {one_line(words)}") from None


def worded(function: Callable[P, T], what: str, fault: Callable[[T], str | None] | None = None) -> Callable[P, T]:
    """The function; what it raises, and the fault of what it returns, are told."""
    told = Told(what)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with told:
            value = function(*args, **kwargs)
            if fault and (wrong := fault(value)):
                raise UsageError(f"{told.what} {wrong}")
        return value

    return call


def worded_async(
    function: Callable[P, Awaitable[T]], what: str, fault: Callable[[T], str | None]
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Like `worded`, for a coroutine function."""
    told = Told(what)

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with told:
            value = await function(*args, **kwargs)
            if wrong := fault(value):
                raise UsageError(f"{told.what} {wrong}")
        return value

    return call


def shown(value: object) -> str:
    """A value as an error shows it."""
    return one_line(repr(value), 60)
