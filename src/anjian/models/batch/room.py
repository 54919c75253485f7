"""When calls become a batch, and how many: what batches may hold is learned where a server allows less than most do."""

import re
import time

MOST_CALLS, MOST_BYTES = 50_000, 100_000_000
"""What one batch holds: the least of what OpenAI, DashScope, Zhipu and Moonshot allow."""
QUIET_SECONDS = 1.0
"""Nobody has asked anything new for so long: all of them wait."""
LEAST_SHARE = 0.25
"""Beside batches under way, another is sent once it has this share of their calls: replies that trickle in, from a
live adversary or judge, would become a batch each."""
LONGEST_PAUSE = 60.0
PATIENCE = 60
"""So often is a batch refused for want of room before that is taken for the last word."""
SPENT = re.compile(r"insufficient|balance|billing|arrear|欠费|余额", re.IGNORECASE)
TOO_MANY_NOW = re.compile(r"enqueued|queue|concurren|in.progress|running|\brate|later|并发|排队|稍后", re.IGNORECASE)
"""There is no room at present: other batches take it."""
TOO_MUCH = re.compile(
    r"limit|too (?:many|large|big|long)|exceed|maximum|at most|超出|超过|过大|过多|上限|限制|最多", re.IGNORECASE
)
"""It is more than a batch may hold."""


class Room:
    """How much a batch of one model may hold."""

    def __init__(self) -> None:
        """Begins with what most servers allow."""
        self.most = self._ceiling = MOST_CALLS
        self._refusals = 0
        self._resume_at = 0.0

    def ready(self, pending: int, under_way: int, quiet: float) -> bool:
        """True if calls are to become a batch now.

        Args:
            pending: Calls that wait for a batch.
            under_way: Calls of batches under way.
            quiet: Seconds since the last call came.
        """
        if time.monotonic() < self._resume_at or (under_way and self.most < self._ceiling):
            return False
        return pending >= self.most or (quiet >= QUIET_SECONDS and pending >= under_way * LEAST_SHARE)

    def holds(self, calls: int, size: int) -> bool:
        """True if a batch may have so many calls and so many bytes."""
        return calls <= self.most and size <= MOST_BYTES

    def took(self) -> None:
        """A batch was accepted: the next may be larger."""
        self._refusals = 0
        self.most = min(self._ceiling, self.most * 2)

    def refused(self, calls: int, words: str) -> bool:
        """Takes in why a batch was refused; True if smaller or later ones may be accepted."""
        now_only = bool(TOO_MANY_NOW.search(words))
        if SPENT.search(words) or not (now_only or TOO_MUCH.search(words)) or (calls == 1 and not now_only):
            return False
        self._refusals += 1
        self.most = max(1, calls // 2)
        if not now_only:
            self._ceiling = self.most
        else:
            self._resume_at = time.monotonic() + min(LONGEST_PAUSE, 0.5 * 2.0**self._refusals)
        return self._refusals < PATIENCE
