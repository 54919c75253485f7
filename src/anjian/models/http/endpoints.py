"""Shares requests among the base URLs of one model, and gives way to servers that say 429."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

import msgspec
from yarl import URL

SLOWER = 0.7
"""What is left of an endpoint's limit after a 429."""
QUIET_SECONDS = 1.0
"""Refusals this close together are one signal: those requests were already under way when the limit fell."""


class Endpoint(msgspec.Struct, eq=False):
    """One base URL: its limit of requests in flight grows with successes and shrinks with refusals.

    Attributes:
        url: Of `/chat/completions`.
        limit: Requests that may be in flight at present.
        in_flight: Requests that are.
        resume_at: No request starts before this time (monotonic seconds).
        slowed_at: When the limit last fell.
        failures: Failed attempts since the last success.
        answers: True once it has answered as the API does.
    """

    url: URL
    limit: float
    in_flight: int = 0
    resume_at: float = 0.0
    slowed_at: float = 0.0
    failures: int = 0
    answers: bool = False


class Endpoints:
    """Hands out the least loaded endpoint that has room; waits while none has."""

    def __init__(self, urls: Sequence[URL], limit: int) -> None:
        """Starts each URL with its share of `limit` requests in flight."""
        self.ceiling = max(1.0, -(-limit // len(urls)))
        self.all = [Endpoint(url, self.ceiling) for url in urls]
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> Endpoint:
        """Returns an endpoint with room, counted as in flight until `release`."""
        while (endpoint := self._with_room()) is None:
            await self._turn()
        endpoint.in_flight += 1
        return endpoint

    def release(self, endpoint: Endpoint) -> None:
        """Gives back what `acquire` handed out."""
        endpoint.in_flight -= 1
        self._wake()

    def succeeded(self, endpoint: Endpoint) -> None:
        """Lets the limit grow by about one for each round of successes."""
        endpoint.failures = 0
        if endpoint.limit < self.ceiling:
            endpoint.limit = min(self.ceiling, endpoint.limit + 1 / endpoint.limit)
            self._wake()

    def failed(self, endpoint: Endpoint) -> None:
        """Makes other endpoints preferred until this one succeeds again."""
        endpoint.failures += 1

    def refused(self, endpoint: Endpoint, pause: float) -> None:
        """Takes a 429 into account: lowers the limit once for a burst, and starts nothing for `pause` seconds."""
        now = time.monotonic()
        if now - endpoint.slowed_at > QUIET_SECONDS:
            endpoint.slowed_at = now
            endpoint.limit = max(1.0, endpoint.limit * SLOWER)
        endpoint.resume_at = max(endpoint.resume_at, now + pause)

    def _with_room(self) -> Endpoint | None:
        if len(self.all) == 1:
            only = self.all[0]
            free = only.in_flight < int(only.limit) and (not only.resume_at or only.resume_at <= time.monotonic())
            return only if free else None
        now = time.monotonic()
        free_ones = [e for e in self.all if e.in_flight < int(e.limit) and e.resume_at <= now]
        return min(free_ones, key=lambda e: (min(e.failures, 3), e.in_flight / e.limit), default=None)

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        pause = min(endpoint.resume_at for endpoint in self.all) - time.monotonic()
        timer = loop.call_later(pause, self._wake) if pause > 0 else None
        try:
            await future
        finally:
            if timer:
                timer.cancel()
            if future.cancelled():
                self._waiting = deque(f for f in self._waiting if f is not future)
                self._wake()

    def _wake(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
