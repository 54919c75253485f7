"""How far the judges of a panel agree."""

from collections.abc import Iterable, Sequence

import numpy as np

from anjian.scores.rows import Row, Verdicted


def alpha_rows(verdicts: Iterable[Verdicted], *, suite: str, model: str, judge: str) -> list[Row]:
    """Returns `krippendorff_alpha` for each task of a panel; `scored` counts replies with two votes or more."""
    votes: dict[str, list[list[int | None]]] = {}
    for verdict in verdicts:
        if verdict.votes:
            votes.setdefault(verdict.task, []).append([vote.points for vote in verdict.votes])
    rows = []
    for task, units in votes.items():
        paired = [unit for unit in units if sum(points is not None for points in unit) > 1]
        value = krippendorff_alpha(paired)
        name = "krippendorff_alpha"
        rows.append(
            Row(suite, task, model, judge, name, "overall", "overall", value, None, None, len(units), len(paired))
        )
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
