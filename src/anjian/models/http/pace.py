"""Calls and tokens a minute, kept without bursts: starts are spread evenly, whoever makes them and wherever they go."""

import asyncio
import time

MINUTE = 60.6
"""A little more than a minute, since a server's own count sees the calls closer together than they started."""
BYTES_PER_TOKEN = 4.0
"""Of a body in UTF-8, Chinese and English alike, until usage tells better."""
FIRST_REPLY = 500.0
"""Tokens that a reply is taken to have before the first one came."""
WEIGHT = 0.1
"""Of the latest call in the running means."""
LATE = 0.02
"""Seconds that a timer may be late without delaying the starts after it."""


class Pace:
    """Lets calls start one by one, as far apart as the limits ask."""

    def __init__(self, rpm: int | None, tpm: int | None) -> None:
        """Takes the most calls and the most tokens a minute; None sets no limit."""
        self.rpm = rpm
        self.tpm = tpm
        self.waiting = 0
        self._next = self._soonest = 0.0
        self._turns = asyncio.Lock()
        self._bytes_per_token = BYTES_PER_TOKEN
        self._reply = FIRST_REPLY

    @property
    def limits(self) -> str:
        """What is kept, in words."""
        named = ((self.rpm, "requests"), (self.tpm, "tokens"))
        return " and ".join(f"{limit:,} {what}" for limit, what in named if limit) + " a minute"

    async def turn(self, size: int) -> float:
        """Waits until a call with a body of `size` bytes may start; returns the tokens it is taken to cost."""
        tokens = size / self._bytes_per_token + self._reply
        between = MINUTE / self.rpm if self.rpm else 0.0
        gap = max(between, tokens * MINUTE / self.tpm if self.tpm else 0.0)
        self.waiting += 1
        try:
            async with self._turns:
                # In steps, since what calls under way turn out to cost may move it.
                while (pause := self._next - time.monotonic()) > 0:  # noqa: ASYNC110
                    await asyncio.sleep(min(pause, 1.0))
                now = time.monotonic()
                start = self._next if now - self._next < min(LATE, gap) else now
                self._next, self._soonest = start + gap, start + between
        finally:
            self.waiting -= 1
        return tokens

    def used(self, size: int, expected: float, prompt: int, reply: int) -> None:
        """Corrects the account by what a call did cost, as far as its usage says."""
        if not self.tpm or not prompt + reply:
            return
        self._reply += WEIGHT * (reply - self._reply)
        if prompt:
            self._bytes_per_token += WEIGHT * (size / prompt - self._bytes_per_token)
        self._next = max(self._soonest, self._next + (prompt + reply - expected) * MINUTE / self.tpm)

    def hold(self, seconds: float) -> None:
        """Starts nothing for so long, as a server asked."""
        self._next = max(self._next, time.monotonic() + seconds)
