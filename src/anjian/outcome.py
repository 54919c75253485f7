"""What Python callers get: the outcome of an evaluation, and of a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from msgspec import Struct


@dataclass(frozen=True)
class Run:
    """What came of an evaluation.

    Attributes:
        folder: The run folder; the same call on it goes on where it stopped.
        scores: The rows of `scores.json`, as dicts.
        n: How many replies there should be.
        scored: How many have a verdict.
        notes: What the user should know about items left out, replies that a filter withheld, and who judged.
        stopped: Why not everything was asked; None if it was.
        report: The page; None where none was written.
        unscored: The commonest reason why replies have no verdict, with the words of who failed, and the mend.
        spent: What was used over all sessions, by role: model, calls, prompt_tokens, completion_tokens, and where
            `models.toml` has a price, cost and currency; the table `[spent]` of `run.toml`.
        failures: Why replies have no verdict, the commonest first: the reason, how many, the first words of who failed.
    """

    folder: Path
    scores: list[dict[str, Any]] = field(repr=False)
    n: int
    scored: int
    notes: list[str] = field(repr=False)
    stopped: str | None = None
    report: Path | None = None
    unscored: str = ""
    spent: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[tuple[str, int, str]] = field(default_factory=list, repr=False)

    @property
    def coverage(self) -> float:
        """The share of replies with a verdict."""
        return self.scored / self.n if self.n else 0.0

    def score(self, metric: str, group: str = "overall", task: str | None = None) -> float | None:
        """A value of `scores`, overall or of one group; None where nothing was scored.

        Raises:
            UsageError: There is no such row; names those that there are.
        """
        from anjian.errors import UsageError

        rows = [row for row in self.scores if row["metric"] == metric and row["group"] == group]
        rows = [row for row in rows if task in (None, row["task"])]
        if not rows:
            known = ", ".join(dict.fromkeys(row["metric"] for row in self.scores if row["group"] == group))
            raise UsageError(f"the run has no {metric!r} for {group!r}; it has {known or 'nothing for that group'}")
        value: float | None = rows[0]["value"]
        return value

    def replies(self) -> Iterator[dict[str, Any]]:
        """What the model was asked and said, reply by reply; see `anjian.runs.folder.Replied`."""
        from anjian.runs.folder import REPLIES, Replied

        return _lines(self.folder / REPLIES, Replied("", "", ()))

    def verdicts(self) -> Iterator[dict[str, Any]]:
        """What each reply is worth, one verdict beside each reply; see `anjian.scores.rows.Verdicted`."""
        from anjian.runs.folder import VERDICTS
        from anjian.scores.rows import Verdicted

        return _lines(self.folder / VERDICTS, Verdicted("", "", "", ""))


@dataclass(frozen=True)
class Comparison:
    """What came of a comparison.

    Attributes:
        folder: Where its files are.
        decision: The verdict on the last stage.
        reasons: Why, in English words.
        changes: What changed in the last stage, a dict for each metric; see `anjian.scores.paired.Change`.
        report: The page; None where nothing was asked.
        spent: What its runs used together, by role; see `Run`.
    """

    folder: Path
    decision: Literal["safer", "not_proven", "harmed"]
    reasons: list[str]
    changes: list[dict[str, Any]] = field(repr=False)
    report: Path | None = None
    spent: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """What `anjian compare --gate` ends with: 0 safer, 4 not proven, 5 harmed."""
        return {"safer": 0, "not_proven": 4, "harmed": 5}[self.decision]


def _lines(path: Path, empty: Struct) -> Iterator[dict[str, Any]]:
    """The lines of a file, with the keys that it leaves out."""
    import msgspec

    from anjian.items.lines import read_lines

    left_out = msgspec.structs.asdict(empty)
    return (left_out | msgspec.json.decode(line) for _, line in read_lines(path))
