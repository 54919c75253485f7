"""How often each shape of thinking occurred."""

from collections import Counter

from anjian.models.thinking import SHAPES
from anjian.scores.intervals import share
from anjian.scores.measures import THINKING
from anjian.scores.patterns import Patterns
from anjian.scores.rows import Row, Verdicted


class Shapes:
    """Counts the shapes of replies; those that failed are left out."""

    def __init__(self) -> None:
        """Starts at nothing."""
        self._patterns = Patterns[str, str]()

    def add(self, verdict: Verdicted) -> None:
        """Counts one reply."""
        if verdict.shape:
            self._patterns.add(verdict.id, verdict.task, verdict.shape)

    def rows(self, *, suite: str, model: str, judge: str) -> list[Row]:
        """Returns `thinking_<shape>` for every task and shape: the share of its replies."""
        tasks: dict[str, list[tuple[Counter[str], int]]] = {}
        for task, shapes, copies in self._patterns:
            tasks.setdefault(task, []).append((shapes, copies))
        rows = []
        for task, items in tasks.items():
            replies = sum(shapes.total() * copies for shapes, copies in items)
            for shape in SHAPES:
                found: Counter[tuple[float, int]] = Counter()
                for shapes, copies in items:
                    found[shapes[shape], shapes.total()] += copies
                name, ends = f"{THINKING}{shape}", share(found)
                rows.append(Row(suite, task, model, judge, name, "overall", "overall", *ends, replies, replies))
        return rows
