"""Runs a coroutine on the fastest event loop there is."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` to its end; Ctrl-C cancels it, lets it close what it opened, and raises KeyboardInterrupt."""
    try:
        import uvloop
    except ImportError:  # Windows has none.
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
