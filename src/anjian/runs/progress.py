"""Shows how far a run is: a live line on a terminal, now and then a plain line elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

PLAIN_SECONDS = 15.0
LIVE_SECONDS = 0.2


class RunProgress:
    """Counts finished dialogues; enter it as a context manager."""

    def __init__(self, total: int, console: Console, done: int = 0) -> None:
        """Starts at `done` of `total` dialogues."""
        self.total = total
        self.done = done
        self.fresh = self.unscored = self.tokens = 0
        self._console = console
        self._live_seconds = LIVE_SECONDS if console.is_terminal else PLAIN_SECONDS
        self._started = self._shown = time.monotonic()
        self._live = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._live.add_task("dialogues", total=total, state="")

    def __enter__(self) -> "RunProgress":
        """Starts the display."""
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Ends the display, the last state left in place."""
        self._live.stop()
        if self.fresh:
            self._console.print(self.state(), highlight=False, markup=False, soft_wrap=True)

    def add(self, unscored: int, tokens: int, fresh: bool = True) -> None:
        """Counts one dialogue with its unscored replies; `tokens` is the sum generated so far.

        Args:
            unscored: Replies of the dialogue without a verdict.
            tokens: The sum generated so far.
            fresh: False if all of it was stored before.
        """
        self.done += 1
        self.fresh += fresh
        self.unscored += unscored
        self.tokens = tokens
        now = time.monotonic()
        if now - self._shown > self._live_seconds:
            self._shown = now
            self._live.update(self._task, completed=self.done, state=self._rate())
            if not self._console.is_terminal:
                self._console.print(self.state(), highlight=False, markup=False, soft_wrap=True)

    def state(self) -> str:
        """One line: how many are done, how fast, how long it will take."""
        return f"{self.done}/{self.total} dialogues, {self._rate()}"

    def _rate(self) -> str:
        elapsed = max(time.monotonic() - self._started, 1e-6)
        parts = []
        if self.fresh:
            rate = self.fresh / elapsed
            left = (self.total - self.done) / rate
            parts += [f"{rate:.1f}/s", f"{duration(left)} left" if left else f"took {duration(elapsed)}"]
        if self.tokens:
            parts.append(f"{self.tokens:,} tokens ({self.tokens / elapsed:,.0f}/s)")
        parts.append(f"{self.unscored} unscored")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """A length of time for people: 42 s, 3 min 20 s, 2 h 05 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
