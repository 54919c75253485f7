"""Runs a coroutine on the fastest event loop there is, wherever the caller stands."""

import asyncio
import contextlib
import functools
import signal
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` to its end; Ctrl-C cancels it, lets it close what it opened, and raises KeyboardInterrupt.

    Where an event loop runs already, as in a notebook, it runs in a thread of its own while the caller waits.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(work)
    return _Aside(work).result()


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        import uvloop
    except ImportError:  # Windows has none.
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


class _Aside(Generic[T]):
    """A thread that runs a coroutine, and can be told to cancel it."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self._started = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._main, daemon=True)

    def _main(self) -> None:
        try:
            self._found = _run(self._watched())
        except BaseException as error:
            self._fault = error

    async def _watched(self) -> T:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._started.set()
        return await self._work

    def result(self) -> T:
        self._thread.start()
        try:
            with _interruptible():
                while self._thread.is_alive():
                    self._thread.join(0.1)  # Now and then, so that Ctrl-C is heard.
        except BaseException:
            if self._started.wait(5) and self._task:
                with contextlib.suppress(RuntimeError):  # It has just ended by itself.
                    self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join()
            raise
        if self._fault:
            raise self._fault
        return self._found


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, where asyncio would keep it for a loop that waits for the caller."""
    handler = signal.getsignal(signal.SIGINT)
    kept = isinstance(handler, functools.partial) and handler.func.__module__ == asyncio.runners.__name__
    if not kept or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
