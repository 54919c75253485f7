"""Agreement of verdicts with labels that were not drawn with equal chances: each stands for as many as its weight."""

from collections.abc import Sequence

import msgspec
import numpy as np

from anjian.judges.card import WEIGHED, Agreement, Floor
from anjian.scores.bootstrap import Numbers, resamples
from anjian.scores.confusion import SHARES, Pair, figures
from anjian.scores.intervals import wilson


def weighted(plain: Agreement, pairs: Sequence[Pair], weights: Sequence[float], ordered: bool) -> Agreement:
    """The same agreement with every reply weighed; intervals by bootstrap over prompts, weights and all.

    The confusion is of weights, in thousandths of a mean reply; `effective` says how many independent replies it is
    worth (Kish 1965, n times the squared mean weight over the mean squared weight), never more than without weights.

    Args:
        plain: The agreement without weights.
        pairs: What it was counted from.
        weights: For how many replies each stands.
        ordered: True if the classes are degrees of one thing.
    """
    known = [(pair, weight) for pair, weight in zip(pairs, weights, strict=True) if pair.verdict is not None]
    if len({weight for _, weight in known}) < 2:
        return plain
    place = {one: number for number, one in enumerate(plain.classes)}
    prompts = {prompt: number for number, prompt in enumerate(dict.fromkeys(pair.prompt for pair, _ in known))}
    side, mean = len(place), float(np.mean([weight for _, weight in known]))
    table, squares = np.zeros((len(prompts), side, side)), np.zeros(side)
    for pair, weight in known:
        table[prompts[pair.prompt], place[pair.label], place[pair.verdict or ""]] += weight / mean
        squares[place[pair.label]] += (weight / mean) ** 2
    whole = table.sum(axis=0)
    labels = whole.sum(axis=1)
    effective = [
        round(min(size, float(sums**2 / squared)), 2) if squared else size
        for size, sums, squared in zip(plain.effective, labels, squares, strict=True)
    ]
    found = {key: float(value) for key, value in figures(whole, ordered).items() if np.isfinite(value)}
    drawn = _drawn(table, ordered)
    values = dict.fromkeys(figures(whole, ordered), None) | {key: round(value, 6) for key, value in found.items()}
    return msgspec.structs.replace(
        plain,
        confusion=tuple(tuple(round(cell * WEIGHED) for cell in row) for row in whole),
        effective=tuple(effective),
        intervals={key: _interval(key, value, drawn[key], effective) for key, value in found.items()},
        floors=tuple(_floor(floor, labels, place[floor.says]) for floor in plain.floors),
        **values,
    )


def _drawn(table: Numbers, ordered: bool) -> dict[str, Numbers]:
    flat = table.reshape(len(table), -1)
    sums = np.concatenate([counts @ flat for counts in resamples(len(flat), "weighted")])
    return figures(sums.reshape(-1, *table.shape[1:]), ordered)


def _interval(key: str, value: float, drawn: Numbers, effective: Sequence[float]) -> tuple[float, float]:
    """The percentiles of the draws; where all agree, as far as an interval for so many replies goes."""
    low, high = (float(end) for end in np.percentile(drawn[np.isfinite(drawn)], [2.5, 97.5]))
    if high - low > 1e-9:
        return round(low, 6), round(high, 6)
    least = min(size for size in effective if size)
    low, high = wilson(min(max(value, 0.0), 1.0), sum(effective) if key == "accuracy" else least)
    return round(low, 6), round(high if key in SHARES else value, 6)


def _floor(floor: Floor, labels: Numbers, place: int) -> Floor:
    share = float(labels[place] / labels.sum())
    f1 = None if floor.f1 is None else round(2 * share / (share + 1), 6)
    return msgspec.structs.replace(floor, accuracy=round(share, 6), f1=f1)
