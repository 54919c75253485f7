"""How often a failed call is tried again, and after which pause: counted by what went wrong."""

import asyncio
import math
import random
import time

from anjian.models.base import BAD_REPLY, CONNECTION, HTTP_ERROR, RATE_LIMIT, TIMEOUT, CallError

QUOTA = "quota"
"""A used-up quota: that of this minute, or for good."""
EMPTY = "empty"
NO_FILES = "no files"
TRIES = {CONNECTION: 6, RATE_LIMIT: 40, TIMEOUT: 2, BAD_REPLY: 3, EMPTY: 4, NO_FILES: 40, QUOTA: 10, HTTP_ERROR: 6}
"""How often a call is tried, for each thing that goes wrong."""
TRIES_BEFORE_FIRST_CONTACT = 3
QUOTA_TRIES_BEFORE_FIRST_SUCCESS = 6
FIRST_PAUSE = 0.5
FIRST_QUOTA_PAUSE = 1.0
LONGEST_PAUSE = 60.0
WORDS = {
    RATE_LIMIT: "429", QUOTA: "429", CONNECTION: "connection lost", TIMEOUT: "no reply in time",
    BAD_REPLY: "unreadable reply", EMPTY: "empty reply", NO_FILES: "too many open files",
}  # fmt: skip


class Patience:
    """Counts the failures of one call."""

    def __init__(self) -> None:
        """Starts with none."""
        self._failures: dict[str, int] = {}

    def pause(self, kind: str, most: int, named: float | None = None) -> float | None:
        """Counts a failure; returns the seconds to wait before the next try, or None where there is to be none.

        Args:
            kind: What went wrong.
            most: Tries for this kind in all.
            named: The pause that the server asks for.
        """
        times = self._failures[kind] = self._failures.get(kind, 0) + 1
        if times >= most:
            return None
        if named is not None:
            return named
        first = FIRST_QUOTA_PAUSE if kind == QUOTA else FIRST_PAUSE
        # Half to all of it, so that clients do not come back in step.
        return min(LONGEST_PAUSE, first * 2.0 ** (times - 1)) * random.uniform(0.5, 1.0)  # noqa: S311


class Waits:
    """The pauses of a model's calls at present."""

    def __init__(self) -> None:
        """Starts with none."""
        self._until: dict[object, tuple[float, str]] = {}

    def __len__(self) -> int:
        """How many calls wait."""
        return len(self._until)

    async def wait(self, seconds: float, why: str) -> None:
        """Sleeps, and lets it be seen."""
        mark = object()
        self._until[mark] = time.monotonic() + seconds, why
        try:
            await asyncio.sleep(seconds)
        finally:
            del self._until[mark]

    def line(self) -> str:
        """What is waited for, and for how long yet: the next try of all; empty if nothing is."""
        if not self._until:
            return ""
        until, why = min(self._until.values())
        return f"waiting: {why}, next try in {max(1, math.ceil(until - time.monotonic()))} s"


def why_of(kind: str, error: CallError) -> str:
    """What is waited for, in a few words."""
    return WORDS.get(kind) or (f"HTTP {error.status}" if error.status else "an error")
