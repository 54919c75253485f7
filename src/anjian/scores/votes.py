"""How far the judges of a panel agree."""

from collections.abc import Sequence

import numpy as np

from anjian.scores.rows import Row, Verdicted


class Votes:
    """Collects the votes of a panel."""

    def __init__(self) -> None:
        """Starts with none."""
        self._units: dict[str, list[list[int | None]]] = {}

    def add(self, verdict: Verdicted) -> None:
        """Takes the votes on one reply, if a panel judged it."""
        if verdict.votes:
            self._units.setdefault(verdict.task, []).append([vote.points for vote in verdict.votes])

    def rows(self, *, suite: str, model: str, judge: str) -> list[Row]:
        """Returns `krippendorff_alpha` for each task; `scored` counts replies with two votes or more."""
        rows = []
        for task, units in self._units.items():
            paired = [unit for unit in units if sum(points is not None for points in unit) > 1]
            value = krippendorff_alpha(paired)
            name, n = "krippendorff_alpha", len(units)
            rows.append(Row(suite, task, model, judge, name, "overall", "overall", value, None, None, n, len(paired)))
        return rows


def krippendorff_alpha(units: Sequence[Sequence[int | None]]) -> float | None:
    """Krippendorff's α on the ordinal scale (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability).

    Args:
        units: For each reply, the points that each judge gave, in the judges' order; None where there is no verdict.

    Returns:
        1 for perfect agreement, 0 for chance; None where all votes are equal or there are none.
    """
    if len({points for unit in units for points in unit if points is not None}) < 2:
        return None
    import krippendorff

    data = np.array([[np.nan if points is None else points for points in unit] for unit in units]).T
    return round(float(krippendorff.alpha(reliability_data=data, level_of_measurement="ordinal")), 6)
