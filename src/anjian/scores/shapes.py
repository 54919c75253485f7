"""How often each shape of thinking occurred."""

from collections import Counter

from anjian.models.thinking import SHAPES
from anjian.scores.measures import THINKING
from anjian.scores.rows import Rate, Row, Verdicted


class Shapes:
    """Counts the shapes of replies; those that failed are left out."""

    def __init__(self) -> None:
        """Starts at nothing."""
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, verdict: Verdicted) -> None:
        """Counts one reply."""
        if verdict.shape:
            self._counts[verdict.task, verdict.shape] += 1

    def rows(self, *, suite: str, model: str, judge: str) -> list[Row]:
        """Returns `thinking_<shape>` for every task and shape: the share of its replies."""
        rows = []
        for task in dict.fromkeys(task for task, _ in self._counts):
            replies = sum(count for (other, _), count in self._counts.items() if other == task)
            for shape in SHAPES:
                share = Rate()
                share.n, share.scored, share.hits = replies, replies, self._counts[task, shape]
                name = f"{THINKING}{shape}"
                ends = share.interval(1)
                rows.append(Row(suite, task, model, judge, name, "overall", "overall", *ends, replies, replies))
        return rows
