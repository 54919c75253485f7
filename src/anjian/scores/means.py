"""Means that are not taken over all replies alike: over groups first, or over the worst reply of each dialogue."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from anjian.scores.measures import Ratio
from anjian.scores.rows import Verdicted


def mean_of_groups(value: Callable[[int], float], groups: Mapping[str, str]) -> Ratio:
    """The mean over groups of what the replies of each are worth on average, whatever its size (macro average).

    Args:
        value: What the points of a reply are worth, 0 to 1.
        groups: Category to group; groups without replies do not count.
    """
    names = list(dict.fromkeys(groups.values()))

    def counts(verdicts: Sequence[Verdicted]) -> list[float] | None:
        worth = [value(verdict.points) for verdict in verdicts if verdict.points is not None]
        if not worth:
            return None
        sums = np.zeros((len(names), 2))
        sums[names.index(groups[verdicts[0].category])] = sum(worth), len(worth)
        return [float(part) for part in sums.ravel()]

    return Ratio(counts, lambda *sums: np.nanmean(np.divide(sums[::2], sums[1::2]), axis=0), len(names))


def mean_of_worst(value: Callable[[int], float], last: Collection[str] = ()) -> Ratio:
    """The mean over dialogues of what the worst reply of each is worth; one that lacks a verdict is unscored.

    Args:
        value: What the points of a reply are worth, 0 to 1.
        last: Categories whose dialogues count by their last reply alone.
    """

    def counts(verdicts: Sequence[Verdicted]) -> tuple[float, float] | None:
        dialogues: dict[tuple[str, int], list[Verdicted]] = {}
        for verdict in sorted(verdicts, key=lambda one: one.round):
            dialogues.setdefault((verdict.id, verdict.epoch), []).append(verdict)
        worth = [
            min(value(points) for points in counted if points is not None)
            for held in dialogues.values()
            if None not in (counted := [one.points for one in (held[-1:] if held[0].category in last else held)])
        ]
        return (sum(worth), len(worth)) if worth else None

    return Ratio(counts, lambda worth, dialogues: worth / dialogues)
