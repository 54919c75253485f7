"""A session at work: many pieces at once, with progress, until all is done or going on is pointless."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from rich.console import Console

from anjian.runs.asking import StoppedError
from anjian.runs.engine import drive
from anjian.runs.money.purse import BudgetSpentError
from anjian.runs.progress import RunProgress
from anjian.runs.seats import Seats

T = TypeVar("T")
BREATH = 64
"""Pieces answered from the ledger at a stretch, before calls under way are looked after again."""


async def carry_out(
    work: Sequence[T], act: Callable[[T], Awaitable[int]], seats: Seats, at_once: int, console: Console
) -> str | None:
    """Acts on every piece of work and shows how far it is.

    Args:
        work: What there is to do.
        act: Does one piece, asking through `seats`; returns how many of its replies have no verdict.
        seats: Who is asked.
        at_once: Most pieces at work at once.
        console: Where progress is shown.

    Returns:
        Why it stopped early, or None.

    Raises:
        UsageError: A model that was never reached refuses every call.
        AnjianError: The disk is full, a server does not start.
    """
    stored = 0
    spent = seats.purse.shown if seats.purse else str
    with RunProgress(len(work), console, spent, lambda: seats.waiting, lambda: seats.asked) as progress:

        async def one(piece: T) -> None:
            nonlocal stored
            before = seats.asked
            if seats.purse and seats.purse.closed:
                return
            try:
                unscored = await act(piece)
            except BudgetSpentError:  # Whatever else is under way is paid for: it goes on to its end.
                return
            fresh = seats.asked > before
            progress.add(unscored, seats.tokens, fresh)
            stored += not fresh
            if not fresh and stored % BREATH == 0:
                await asyncio.sleep(0)

        ticking = asyncio.create_task(progress.ticking())
        try:
            await drive(work, one, min(len(work), at_once))
            seats.check()
        except StoppedError as error:
            return error.as_remark()
        finally:
            ticking.cancel()
    return seats.purse.remark if seats.purse else None
