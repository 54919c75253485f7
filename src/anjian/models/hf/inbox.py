"""Between the event loop, where requests arrive, and the thread that decodes: requests in, replies out."""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence

from anjian.models.base import CallError, Reply
from anjian.models.hf.prompts import Prompt

GATHER_SECONDS = 0.005
"""Decoding begins once no request has arrived for this long, so that the first batch is a full one."""


class Asked:
    """A request on its way: its prompt, the future of its reply, and its likeliest first tokens if they are wanted."""

    def __init__(self, prompt: Prompt, future: asyncio.Future[Reply]) -> None:
        """Keeps both."""
        self.prompt = prompt
        self.future = future
        self.first: list[tuple[int, float]] = []

    @property
    def dropped(self) -> bool:
        """True if nobody waits for the reply any more."""
        return self.future.done()


class Inbox:
    """Hands requests to one decoding thread, and each reply back as soon as it is there."""

    def __init__(
        self, finish: Callable[[Prompt, Sequence[int], Sequence[tuple[int, float]]], Reply], most: int
    ) -> None:
        """Belongs to the running event loop.

        Args:
            finish: Makes the reply of a row of tokens and the likeliest first ones; called in the event loop.
            most: So many requests are not waited for any longer.
        """
        self.stop = threading.Event()
        self._finish = finish
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self._open: set[asyncio.Future[Reply]] = set()

    async def ask(self, prompt: Prompt) -> Reply:
        """Puts a request in and waits for its reply."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._open.add(future)
        self._queue.put(Asked(prompt, future))
        try:
            return await future
        finally:
            self._open.discard(future)

    def close(self, error: CallError) -> None:
        """Ends the decoding at its next token; who still waits gets the error."""
        self.stop.set()
        self._queue.put(None)
        for future in list(self._open):
            _refuse(future, error)

    def waiting(self, wait: bool) -> list[Asked]:
        """What has arrived; with `wait`, waits for a request and for those that come with it."""
        arrived: list[Asked | None] = [self._queue.get()] if wait else []
        while len(arrived) < self._most:
            try:
                arrived.append(self._queue.get(timeout=GATHER_SECONDS) if wait else self._queue.get_nowait())
            except queue.Empty:
                break
        return [one for one in arrived if one is not None]

    def answer(self, asked: Asked, row: Sequence[int]) -> None:
        """Delivers a row of new tokens."""
        self._loop.call_soon_threadsafe(self._deliver, asked, row)

    def fail(self, failed: Sequence[Asked], error: CallError) -> None:
        """Delivers an error to some requests."""
        for asked in failed:
            self._loop.call_soon_threadsafe(_refuse, asked.future, error)

    def _deliver(self, asked: Asked, row: Sequence[int]) -> None:
        if not asked.dropped:
            asked.future.set_result(self._finish(asked.prompt, row, asked.first))


def _refuse(future: asyncio.Future[Reply], error: CallError) -> None:
    if not future.done():
        future.set_exception(error)
