"""Two models on one measure over many verdicts, such as F1: whole units are compared, drawn and swapped.

A unit is an item, or items that ask the same thing in other forms; see `anjian.scores.ratios`. The p value is that of a
permutation test, which swaps the two models' verdicts on random units. Where a ratio is no plain mean over units, its
limits are a paired bootstrap with some more units that nobody saw, the worst or the best possible for the change: as
many as make the limits of a plain mean where no item changes, so that they do not collapse where few units differ.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from anjian.scores.bootstrap import Numbers, resamples
from anjian.scores.intervals import Z95
from anjian.scores.measures import Ratio
from anjian.scores.paired import Case, Change, Ends, Metric, completed
from anjian.scores.paired_tests import PERMUTATIONS, Z_ONE_SIDED, limits
from anjian.scores.ratios import evaluated
from anjian.scores.rows import Verdicted

_MOST_SIGNS = 4_000_000
"""Swaps held in memory at once."""
_BITS = 20
"""Steps in which units that nobody saw are added."""
Place = tuple[str, str, int, int]
"""One reply of a unit: its item, task, repetition and round."""
Units = dict[str, dict[Place, Verdicted]]


def compare_ratios(
    metric: Metric,
    ratio: Ratio,
    before: Iterable[Verdicted],
    after: Iterable[Verdicted],
    case: Case = "scored",
    most: int = 1,
) -> Change:
    """Compares two models on one ratio; see `anjian.scores.paired.paired_change`, with units for items.

    Args:
        metric: The column.
        ratio: What is compared.
        before: Verdicts of the first model, of the metric's tasks and group only.
        after: Verdicts of the second.
        case: What is made of replies without a verdict.
        most: The points of the best reply: what a missing one might have had.
    """
    ends = _units(before), _units(after)
    places = {place: verdict for units in ends for held in units.values() for place, verdict in held.items()}
    missing = sum(any(_points(units, verdict) is None for units in ends) for verdict in places.values())
    first, second = (
        _counts(ratio, units) if case == "scored" else _filled(ratio, units, other, most, low == metric.higher)
        for units, other, low in zip(ends, ends[::-1], (case == "best", case == "worst"), strict=True)
    )
    names = [name for name, counts in first.items() if counts is not None and second.get(name) is not None]
    bare = Change(metric, 0, len({**first, **second}) - len(names), len(places), missing)
    if not names:
        return bare
    tables = np.array([[first[name] for name in names], [second[name] for name in names]], dtype=np.float64)
    was, now = (float(value) for value in evaluated(ratio, tables.sum(axis=1)))
    if not np.isfinite(now - was):
        return msgspec.structs.replace(bare, left_out=bare.left_out + len(names))
    single = evaluated(ratio, tables)
    moved = single[1] - single[0]
    plain = np.isfinite(moved).all() and np.allclose(single.mean(axis=1), (was, now))
    seed = "/".join((metric.suite, metric.metric, metric.group))
    shown, bounds = (limits(moved, z) if plain else _limits(ratio, tables, seed, z) for z in (Z95, Z_ONE_SIDED))
    p = _p(ratio, tables, now - was)
    return completed(bare, names, moved, (was, now), (shown, bounds), (p, "permutation"))


def _units(verdicts: Iterable[Verdicted]) -> Units:
    units: Units = {}
    for verdict in verdicts:
        units.setdefault(_unit(verdict), {})[_place(verdict)] = verdict
    return units


def _unit(verdict: Verdicted) -> str:
    return verdict.unit or verdict.id


def _place(verdict: Verdicted) -> Place:
    return verdict.id, verdict.task, verdict.epoch, verdict.round


def _points(units: Units, verdict: Verdicted) -> int | None:
    """What a model's reply has got in the place of another's; None where there is no verdict."""
    held = units.get(_unit(verdict), {}).get(_place(verdict))
    return held.points if held else None


def _counts(ratio: Ratio, units: Units) -> Mapping[str, Sequence[float] | None]:
    return {name: ratio.counts(list(held.values())) for name, held in units.items()}


def _filled(ratio: Ratio, units: Units, other: Units, most: int, low: bool) -> Mapping[str, Sequence[float] | None]:
    """The counts with every missing reply, those that only the other model has among them, as bad or good as can be.

    All missing replies of a unit are given the same points; which, is decided unit by unit on top of what is known.
    """
    chosen: dict[str, Sequence[float] | None] = {}
    open_units: dict[str, list[Sequence[float]]] = {}
    for name in units | other:
        held = [*(other.get(name, {}) | units.get(name, {})).values()]
        scored = [_points(units, verdict) for verdict in held]
        candidates = []
        for points in range(most + 1) if None in scored else (0,):
            verdicts = [
                msgspec.structs.replace(verdict, points=points, unscored=None) if mine is None else verdict
                for verdict, mine in zip(held, scored, strict=True)
            ]
            candidates += [counts for counts in [ratio.counts(verdicts)] if counts is not None]
        if len(candidates) > 1:
            open_units[name] = candidates
        else:
            chosen[name] = candidates[0] if candidates else None
    known = [counts for counts in chosen.values() if counts is not None]
    total = np.sum(known, axis=0) if known else 0.0
    for name, candidates in open_units.items():
        reached = np.nan_to_num(evaluated(ratio, total + np.array(candidates)))
        best = candidates[int(reached.argmin() if low else reached.argmax())]
        chosen[name], total = best, total + np.array(best)
    return chosen


def _limits(ratio: Ratio, tables: Numbers, name: str, z: float) -> Ends:
    """The limits of the change by bootstrap, with z² units that nobody saw; takes (2, units, sums)."""
    from scipy.stats import norm

    ends = []
    for sign in (-1, 1):
        unseen = _unseen(ratio, tables, z, sign)
        drawn = np.concatenate([
            evaluated(ratio, weights @ tables[1] + unseen[1]) - evaluated(ratio, weights @ tables[0] + unseen[0])
            for weights in resamples(tables.shape[1], name)
        ])  # fmt: skip
        ends.append(float(np.quantile(drawn[np.isfinite(drawn)], float(norm.cdf(sign * z)))))
    return max(-1.0, ends[0]), min(1.0, ends[1])


def _unseen(ratio: Ratio, tables: Numbers, z: float, sign: int) -> Numbers:
    """What z² units might add to the sums of both models, (2, sums), that makes the change as small or large as can be.

    They are added bit by bit, each where it moves the change most, so that they fall on small groups of a macro mean as
    they might in truth.
    """
    total, most = tables.sum(axis=1), tables.max(axis=2)
    size = z**2 / _BITS * float((most**2).sum() / most.sum())
    steps = np.stack([size * _step(ratio, tables, block, sign) for block in _blocks(ratio, tables)])
    added: Numbers = np.zeros_like(total)
    for _ in range(_BITS):
        before, after = np.moveaxis(evaluated(ratio, total + added + steps), -1, 0)
        added = added + steps[int(np.nan_to_num(sign * (after - before), nan=-np.inf).argmax())]
    return added


def _blocks(ratio: Ratio, tables: Numbers) -> list[NDArray[np.intp]]:
    blocks = np.split(np.arange(tables.shape[2]), ratio.blocks)
    return [block for block in blocks if tables[:, :, block].any()]


def _step(ratio: Ratio, tables: Numbers, block: NDArray[np.intp], sign: int) -> Numbers:
    """One unit of a block as the first model and as the second might have it: as far apart as can be, (2, sums)."""
    sums = tables.shape[2]
    whole = np.zeros((1, sums))
    whole[0, block] = 1
    seen = np.concatenate(tables)
    inside = seen[seen[:, block].any(axis=1)]
    rows = np.concatenate([np.eye(sums)[block], whole, np.unique(inside / inside.max(axis=1, keepdims=True), axis=0)])
    known = np.isfinite(evaluated(ratio, rows))
    rows = rows[known] if known.any() else rows
    before, after = np.nan_to_num(evaluated(ratio, tables.sum(axis=1)[:, None] + rows))
    chosen: Numbers = np.stack([rows[(-sign * before).argmax()], rows[(sign * after).argmax()]])
    return chosen


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
