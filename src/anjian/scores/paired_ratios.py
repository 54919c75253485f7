"""Two models on one measure over many verdicts, such as F1: whole units are compared, drawn and swapped.

A unit is an item, or items that ask the same thing in other forms; see `anjian.scores.ratios`. The p value is that of a
permutation test, which swaps the two models' verdicts on random units; the interval is a paired bootstrap.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from anjian.scores.bootstrap import Numbers, resamples
from anjian.scores.measures import Ratio
from anjian.scores.paired import PERMUTATIONS, Change, Metric, pseudo_interval
from anjian.scores.ratios import evaluated
from anjian.scores.rows import Verdicted

_MOST_SIGNS = 4_000_000
"""Swaps held in memory at once."""


def compare_ratios(metric: Metric, ratio: Ratio, before: Iterable[Verdicted], after: Iterable[Verdicted]) -> Change:
    """Compares two models on one ratio; see `anjian.scores.paired.compare`, with units for items."""
    first, second = _counts(ratio, before), _counts(ratio, after)
    units = [unit for unit, counts in first.items() if counts is not None and second.get(unit) is not None]
    left_out = len(first | second) - len(units)
    if not units:
        return Change(metric, 0, left_out)
    tables = np.array([[first[unit] for unit in units], [second[unit] for unit in units]], dtype=np.float64)
    ends = evaluated(ratio, tables.sum(axis=1))
    if not np.isfinite(ends).all():
        return Change(metric, 0, left_out + len(units))
    low, high = _interval(ratio, tables, "/".join((metric.suite, metric.metric, metric.group)))
    single = evaluated(ratio, tables)
    moved = single[1] - single[0]
    # Only a plain mean over units has the interval that stays honest for few of them.
    plain = np.isfinite(moved).all() and np.allclose(single.mean(axis=1), ends)
    bounds = pseudo_interval(moved) if plain else (low, high)
    gain = moved if metric.higher else -moved

    def shown(share: float) -> float:
        return round(float(share) * metric.best, 6)

    return Change(
        metric,
        len(units),
        left_out,
        before=shown(ends[0]),
        after=shown(ends[1]),
        change=shown(ends[1] - ends[0]),
        low=shown(low),
        high=shown(high),
        bound_low=shown(bounds[0]),
        bound_high=shown(bounds[1]),
        p=_p(ratio, tables, float(ends[1] - ends[0])),
        test="permutation",
        improved=tuple(unit for unit, way in zip(units, gain, strict=True) if way > 0),
        worsened=tuple(unit for unit, way in zip(units, gain, strict=True) if way < 0),
    )


def _counts(ratio: Ratio, verdicts: Iterable[Verdicted]) -> dict[str, Sequence[float] | None]:
    units: dict[str, list[Verdicted]] = {}
    for verdict in verdicts:
        units.setdefault(verdict.unit or verdict.id, []).append(verdict)
    return {unit: ratio.counts(found) for unit, found in units.items()}


def _interval(ratio: Ratio, tables: Numbers, name: str) -> tuple[float, float]:
    """Takes (2, units, sums)."""
    draws = [
        evaluated(ratio, weights @ tables[1]) - evaluated(ratio, weights @ tables[0])
        for weights in resamples(tables.shape[1], name)
    ]
    drawn = np.concatenate(draws)
    low, high = np.percentile(drawn[np.isfinite(drawn)], [2.5, 97.5])
    return float(low), float(high)


def _p(ratio: Ratio, tables: Numbers, seen: float) -> float:
    total, difference = tables.sum(axis=(0, 1)), tables[1] - tables[0]
    if not difference.any():
        return 1.0
    as_far = 0
    for signs in _signs(tables.shape[1]):
        moved = signs @ difference
        swapped = evaluated(ratio, (total + moved) / 2) - evaluated(ratio, (total - moved) / 2)
        as_far += int((np.abs(np.nan_to_num(swapped)) >= abs(seen) - 1e-12).sum())
    return min(1.0, (as_far + 1) / (PERMUTATIONS + 1))


def _signs(units: int) -> Iterator[Numbers]:
    """Chunks of (permutations, units) of 1 and -1, the same every time."""
    random = np.random.default_rng(0)
    size = max(1, _MOST_SIGNS // units)
    for start in range(0, PERMUTATIONS, size):
        rows = min(size, PERMUTATIONS - start)
        yield random.integers(0, 2, size=(rows, units)).astype(np.float64) * 2 - 1
