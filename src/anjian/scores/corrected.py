"""Rates corrected for the errors of their judge, by its card; and by labels of the run's own items.

A judge of sensitivity s and specificity t that says yes of a share q has seen p = (q + t − 1) / (s + t − 1) (Rogan and
Gladen 1978; arXiv 2511.21140). The interval holds the uncertainty of the sample and of the card (Lang and Reiczigel
2014). With more classes the likeliest shares take the place of the formula (by the confusion's inverse, where no class
has a share below 0), and draws from the posteriors of sample and confusion that of the interval. What holds for the
card's labels is taken to hold for the run's replies.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import msgspec
import numpy as np

from anjian.judges.card import Agreement
from anjian.scores.bootstrap import Numbers
from anjian.scores.intervals import Z95, wilson

DRAWS = 2000
PRIOR = 0.5
"""Pseudo-counts of each class in the draws."""
STEPS = 500
NEAR = 0.1
"""How far from chance a judge must be: sensitivity + specificity − 1; with more classes the least singular value of the
confusion's shares, by which an error of the shares is divided."""

Corrected = tuple[float, float, float]
"""Value, low and high."""


class Estimate(NamedTuple):
    """What verdicts come to by a card, bounded; `possible` is False where no replies could have got such verdicts."""

    value: float
    low: float
    high: float
    possible: bool = True


def corrected(counts: Sequence[float], card: Agreement, worth: Sequence[float]) -> Corrected | None:
    """The mean worth of replies, corrected; None where `estimate` has none, or the run contradicts the card."""
    found = estimate(counts, card, worth)
    return found[:3] if found and found.possible else None


def estimate(counts: Sequence[float], card: Agreement, worth: Sequence[float]) -> Estimate | None:
    """The mean worth of replies by a card; None where that does not tell classes apart well enough.

    The run contradicts the card where with 97.5% certainty (99.5% for each of several classes) a class would have a
    share below 0: then the judge errs on these replies otherwise than on the card's.

    Args:
        counts: How many independent replies got each verdict, in the order of the card's classes.
        card: Labels and verdicts of the judge on other replies.
        worth: What each class counts, such as 0 and 1 for a rate.
    """
    known = [
        [cell * size / max(sum(row), 1) for cell in row]
        for row, size in zip(card.confusion, card.effective, strict=True)
    ]
    table, said = np.array(known), np.array(counts, dtype=np.float64)
    if not said.sum() or not (table.sum(axis=1) > 0).all():
        return None
    if len(said) == 2:
        return _of_two(said, table, worth)
    return _of_many(said, table, np.array(worth, dtype=np.float64))


def _of_two(said: Numbers, table: Numbers, worth: Sequence[float]) -> Estimate | None:
    """Rogan and Gladen's estimate with Lang and Reiczigel's interval, for the share of the second class."""
    n, negatives, positives = (float(part) for part in (said.sum(), *table.sum(axis=1)))
    rate, specificity, sensitivity = said[1] / n, table[0, 0] / negatives, table[1, 1] / positives
    # A pseudo-count of each outcome keeps intervals open where a judge made no error.
    n2, negatives2, positives2 = n + Z95**2, negatives + 2, positives + 2
    rate2 = (rate * n + Z95**2 / 2) / n2
    specific2, sensitive2 = (table[0, 0] + 1) / negatives2, (table[1, 1] + 1) / positives2
    of_sensitive, of_specific = sensitive2 * (1 - sensitive2) / positives2, specific2 * (1 - specific2) / negatives2
    youden2 = sensitive2 + specific2 - 1
    if youden2 - Z95 * sqrt(of_sensitive + of_specific) <= 0 or sensitivity + specificity - 1 < NEAR:
        return None
    value = (rate + specificity - 1) / (sensitivity + specificity - 1)
    centre = (rate2 + specific2 - 1) / youden2
    shift = 2 * Z95**2 * (centre * of_sensitive - (1 - centre) * of_specific)
    variance = rate2 * (1 - rate2) / n2 + centre**2 * of_sensitive + (1 - centre) ** 2 * of_specific
    spread = Z95 * sqrt(variance) / youden2
    low, high = centre + shift - spread, centre + shift + spread
    shares = (min(max(float(one), 0.0), 1.0) for one in (value, low, high))
    ends = [worth[0] + (worth[1] - worth[0]) * share for share in shares]
    return Estimate(ends[0], min(ends), max(ends), bool(low < 1 and high > 0))


def _of_many(said: Numbers, table: Numbers, worth: Numbers) -> Estimate | None:
    """The likeliest mean, with the percentiles of draws by the confusion's inverse."""
    random = np.random.default_rng(0)
    least, most = worth.min(), worth.max()
    shares = table / table.sum(axis=1, keepdims=True)
    confusions = np.stack([random.dirichlet(row + PRIOR, DRAWS) for row in table], axis=1)
    if np.linalg.svd(shares, compute_uv=False)[-1] < NEAR or not _told_apart(confusions):
        return None
    judged = random.dirichlet(said + PRIOR, DRAWS)[..., None]
    drawn = np.linalg.solve(np.swapaxes(confusions, 1, 2), judged)[..., 0]
    ends = np.percentile(drawn @ worth, [2.5, 97.5])
    possible = bool((np.percentile(drawn, 99.5, axis=0) > 0).all()) and ends[0] < most and ends[1] > least
    low, high = np.clip(ends, least, most)
    value = float(_likeliest(said / said.sum(), shares) @ worth)
    return Estimate(value, min(float(low), value), max(float(high), value), bool(possible))


def _likeliest(said: Numbers, confusion: Numbers) -> Numbers:
    """The shares of classes that make the verdicts likeliest: the inverse, or by EM where that leaves the bounds."""
    found: Numbers = np.asarray(np.linalg.solve(confusion.T, said), dtype=np.float64)
    if found.min() >= 0:
        return found
    found = np.full(len(said), 1 / len(said), dtype=np.float64)
    for _ in range(STEPS):
        joint = found[:, None] * confusion
        found = (joint / np.maximum(joint.sum(axis=0), 1e-300)) @ said
    shares: Numbers = found / found.sum()
    return shares


def _told_apart(confusions: Numbers) -> bool:
    """True if the judge tells every two classes apart, and all of them, in 97.5% of the draws.

    Two classes that it takes for each other leave a determinant as it was, with three and with more of them.
    """
    right = np.diagonal(confusions, axis1=1, axis2=2)
    apart = right[:, :, None] + right[:, None, :] - confusions - np.swapaxes(confusions, 1, 2)
    pairs = apart[:, *np.triu_indices(right.shape[1], 1)]
    return bool((np.percentile(pairs, 2.5, axis=0) > 0).all()) and np.percentile(np.linalg.det(confusions), 2.5) > 0


class Sampled(msgspec.Struct, frozen=True):
    """One item of a run, of which people labelled some.

    Attributes:
        judged: What the judge's verdicts count, the mean over the item's replies.
        labelled: The same by people's labels; None where they labelled none.
        stratum: By which items were drawn to be labelled; they are drawn at random within each.
    """

    judged: float
    labelled: float | None = None
    stratum: str = ""


def ppi(items: Sequence[Sampled]) -> Corrected | None:
    """The mean that people would give to all items, by prediction-powered inference (arXiv 2301.09633, 2311.01453).

    What the judge says of all items, plus the mean difference of people from the judge on those that they labelled,
    stratum by stratum. Values are between 0 and 1. None where too few are labelled: two, and one in each stratum.
    """
    strata: dict[str, list[Sampled]] = {}
    for item in items:
        strata.setdefault(item.stratum, []).append(item)
    known = {
        name: [(one.judged, one.labelled) for one in held if one.labelled is not None] for name, held in strata.items()
    }
    if sum(map(len, known.values())) < 2 or not all(known.values()):
        return None
    trust = _trust(list(known.values()))
    weights = {name: len(held) / len(items) for name, held in strata.items()}
    apart = {name: np.array([label - trust * judged for judged, label in pairs]) for name, pairs in known.items()}
    value = trust * float(np.mean([one.judged for one in items]))
    value += sum(weights[name] * float(values.mean()) for name, values in apart.items())
    value = min(max(value, 0.0), 1.0)
    labelled = sum(map(len, apart.values()))
    # Two differences of either sign keep the interval open where people and judge agree throughout.
    within = (sum(float(((values - values.mean()) ** 2).sum()) for values in apart.values()) + 1) / (
        labelled - len(apart) + 1 or 1
    )
    variance = sum(
        weights[name] ** 2 * (1 - len(values) / len(strata[name])) * within / len(values)
        for name, values in apart.items()
    )
    n = len(items)
    centre = (value * n + 2) / (n + 4)
    variance += centre * (1 - centre) / n
    low, high = wilson(value, min(n, centre * (1 - centre) / variance))
    return value, low, high


def _trust(known: Sequence[Sequence[tuple[float, float]]]) -> float:
    """How far the judge is followed: the slope of labels on verdicts within strata, between 0 and 1."""
    pairs = np.concatenate([np.array(part) - np.mean(part, axis=0) for part in known])
    spread = float((pairs[:, 0] ** 2).sum())
    return min(max(float((pairs[:, 0] * pairs[:, 1]).sum()) / spread, 0.0), 1.0) if spread else 1.0
