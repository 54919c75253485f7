"""How often each shape of thinking occurred."""

from collections import Counter
from collections.abc import Iterable

from anjian.models.thinking import SHAPES
from anjian.scores.rows import Rate, Row, Verdicted


def shape_rows(verdicts: Iterable[Verdicted], *, suite: str, model: str, judge: str) -> list[Row]:
    """Returns `thinking_<shape>` for every task and shape: the share of its replies, those that failed left out."""
    counts = Counter((verdict.task, verdict.shape) for verdict in verdicts if verdict.shape)
    rows = []
    for task in dict.fromkeys(task for task, _ in counts):
        replies = sum(count for (other, _), count in counts.items() if other == task)
        for shape in SHAPES:
            share = Rate()
            share.n, share.scored, share.hits = replies, replies, counts[task, shape]
            name = f"thinking_{shape}"
            rows.append(
                Row(suite, task, model, judge, name, "overall", "overall", *share.interval(1), replies, replies)
            )
    return rows
