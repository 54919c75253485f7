"""Shows how far a run is: a live line on a terminal, now and then a plain line elsewhere."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from anjian.errors import UsageError
from anjian.text import one_line

PLAIN_SECONDS = 15.0
LIVE_SECONDS = 0.5
WIDTH = 80
"""Columns of a plain line, and of a live one on a wider terminal."""
_BAR = 12


class RunProgress:
    """Counts finished dialogues; enter it as a context manager, and let `ticking` run as long."""

    def __init__(
        self,
        total: int,
        console: Console,
        spent: Callable[[], str] = str,
        waiting: Callable[[], str] = str,
        calls: Callable[[], int] = int,
    ) -> None:
        """Starts with nothing done.

        Args:
            total: How many dialogues there are.
            console: Where it is shown.
            spent: Says what was spent so far; empty without prices.
            waiting: Says who waits for what; empty while nobody does.
            calls: Counts the calls that came back; dialogues of many calls take their time.
        """
        self.total = total
        self.done = self.fresh = self.failed = self.tokens = 0
        self._console = console
        self._spent = spent
        self._waiting = waiting
        self._calls = calls
        self._started, self._ended = time.monotonic(), False
        self._live = Progress(
            BarColumn(bar_width=_BAR),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            auto_refresh=False,
            disable=not console.is_terminal,
        )
        self._task = self._live.add_task(self.state(), total=total)

    def __enter__(self) -> "RunProgress":
        """Starts the display."""
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ends the display, the last state left in place."""
        self._live.stop()
        self._ended = True
        if self.fresh and not (kind and issubclass(kind, UsageError)):
            self._print()

    def add(self, failed: int, tokens: int, fresh: bool = True) -> None:
        """Counts one dialogue.

        Args:
            failed: Its replies without a verdict, as far as that is known: built-in judges judge later.
            tokens: The sum generated so far.
            fresh: False if all of it was stored before.
        """
        self.done += 1
        self.fresh += fresh
        self.failed += failed
        self.tokens = tokens

    async def ticking(self) -> None:
        """Shows the state now and then, whether anything ends or not; never ends by itself."""
        while True:
            await asyncio.sleep(LIVE_SECONDS if self._console.is_terminal else PLAIN_SECONDS)
            if self._console.is_terminal:
                width = min(self._console.width, WIDTH) - _BAR - 2
                self._live.update(self._task, completed=self.done, description=self.state(width), refresh=True)
            else:
                self._print()

    def _print(self) -> None:
        self._console.print(self.state(), highlight=False, markup=False, soft_wrap=True)

    def state(self, width: int = WIDTH) -> str:
        """One line: how many are done, who waits, how fast, how long it will take; what does not fit is left out."""
        line = f"{self.done}/{self.total} dialogues"
        for part in filter(None, self._parts()):
            longer = f"{line}, {part}"
            line = longer if cell_len(longer) <= width else line
        return line

    def _parts(self) -> list[str]:
        """What there is to say, what matters most first."""
        elapsed = max(time.monotonic() - self._started, 1e-6)
        rate = self.fresh / elapsed
        calls = self._calls()
        left = 0 if self._ended or not rate else (self.total - self.done) / rate
        return [
            one_line(self._waiting(), 50),
            f"{calls:,} calls" if calls > self.fresh else "",
            f"{duration(left)} left" if left else f"took {duration(elapsed)}" if self.fresh else "",
            f"{self.failed} unscored" if self.failed else "",
            self._spent(),
            f"{rate:.1f}/s" if self.fresh else "",
            f"{self.tokens:,} tokens ({self.tokens / elapsed:,.0f}/s)" if self.tokens else "",
        ]


def duration(seconds: float) -> str:
    """A length of time for people: 42 s, 3 min 20 s, 2 h 05 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
