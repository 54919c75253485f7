"""The engine: a bounded number of dialogues in flight, each judged as soon as it is held."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from anjian.errors import AnjianError

T = TypeVar("T")


async def drive(work: Iterable[T], act: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Acts on every piece of work, at most `at_once` at a time; work is drawn only as there is room.

    The first AnjianError ends the others and is raised; so does a cancellation.
    """
    shared = iter(work)

    async def worker() -> None:
        for piece in shared:
            await act(piece)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise _first(errors) from None


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that tells most: one worded for the user, if there is any."""
    flat = list(_flatten(errors))
    return next((error for error in flat if isinstance(error, AnjianError)), flat[0])


def _flatten(errors: BaseExceptionGroup[BaseException]) -> Iterable[BaseException]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flatten(error)
        else:
            yield error
