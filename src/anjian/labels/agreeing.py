"""How far people agree: Krippendorff's α, Cohen's κ of each two, and what they are most often at odds about."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations

import msgspec
import numpy as np

from anjian.judges.kinds import Kind
from anjian.labels.drawing import Entry
from anjian.labels.people import Said, votes_of
from anjian.scores.bootstrap import Numbers, resamples
from anjian.scores.confusion import Pair, agreement
from anjian.scores.intervals import wilson

Figure = tuple[float, float, float]
"""Value, low and high of the 95% interval."""
MOST_ODDS = 10
FEWEST = 2


class Couple(msgspec.Struct, frozen=True):
    """Two people: replies that both labelled, the share that they agree on, Cohen's κ (None where undefined)."""

    people: tuple[str, str]
    n: int
    agree: Figure
    kappa: Figure | None


class Odds(msgspec.Struct, frozen=True):
    """Two labels that replies got from two people, how often, and the number of one such reply."""

    labels: tuple[str, str]
    n: int
    number: int


class Agreeing(msgspec.Struct, frozen=True):
    """The agreement of people on one kind of question.

    Attributes:
        kind: Its name.
        drawn: Replies on the sheets.
        labelled: By person, how many they labelled.
        both: Replies with two labels or more.
        nominal: Krippendorff's α, any two labels as far apart as any other.
        ordinal: The same with labels as degrees of one thing.
        couples: Every two people with a reply in common.
        odds: The commonest disagreements, the commonest first.
    """

    kind: str
    drawn: int
    labelled: dict[str, int]
    both: int
    nominal: Figure | None
    ordinal: Figure | None
    couples: list[Couple]
    odds: list[Odds]


def agreeing(kind: Kind, entries: Sequence[Entry], people: Mapping[str, Mapping[str, Said]]) -> Agreeing:
    """How far people agree on the replies of one kind that were drawn."""
    drawn = [entry for entry in entries if entry.number is not None and entry.kind == kind.name]
    votes = [votes_of(people, entry) for entry in drawn]
    order = [label.text for label in kind.labels]
    table = np.array([[[*one.values()].count(label) for label in order] for one in votes], dtype=np.float64)
    table = table.reshape(len(drawn), len(order))
    table = table[table.sum(axis=1) >= FEWEST]
    return Agreeing(
        kind=kind.name,
        drawn=len(drawn),
        labelled={person: sum(person in one for one in votes) for person in people},
        both=len(table),
        nominal=alpha(table, ordinal=False),
        ordinal=alpha(table, ordinal=True),
        couples=[found for two in combinations(people, 2) if (found := _couple(two, drawn, votes, order))],
        odds=_odds(drawn, votes, order),
    )


def alpha(table: Numbers, *, ordinal: bool) -> Figure | None:
    """Krippendorff's α with its interval by bootstrap over replies (Krippendorff 2011).

    Args:
        table: How many people gave each reply (row) each label (column, in order); two or more for each reply.
        ordinal: True if the labels are degrees of one thing.

    Returns:
        None where there are no replies, or all labels are equal.
    """
    if not len(table):
        return None
    # Pairs of labels within replies, each weighed so that a reply counts as often as it was labelled.
    pairs = table[:, :, None] * table[:, None, :] - np.eye(table.shape[1]) * table[:, None, :]
    pairs = (pairs / (table.sum(axis=1)[:, None, None] - 1)).reshape(len(table), -1)
    side = table.shape[1]
    value = _alpha(pairs.sum(axis=0).reshape(1, side, side), ordinal)[0]
    if not np.isfinite(value):
        return None
    sums = np.concatenate([weights @ pairs for weights in resamples(len(pairs), "alpha")])
    drawn = _alpha(sums.reshape(-1, side, side), ordinal)
    low, high = np.percentile(drawn[np.isfinite(drawn)], [2.5, 97.5])
    if value == 1:  # Resamples of perfect agreement know no other: as far as so many replies go.
        low = wilson(1.0, len(table))[0]
    return round(float(value), 6), round(float(low), 6), round(float(high), 6)


def _alpha(met: Numbers, ordinal: bool) -> Numbers:
    """α of tables (…, labels, labels) of how often two labels met; nan where all labels are equal."""
    counts = met.sum(axis=-1)
    total = counts.sum(axis=-1)
    cost: Numbers = 1 - np.eye(met.shape[-1])
    if ordinal:
        below = np.cumsum(counts, axis=-1) - counts / 2
        cost = (below[..., :, None] - below[..., None, :]) ** 2
    observed = (met * cost).sum(axis=(-2, -1))
    expected = (counts[..., :, None] * counts[..., None, :] * cost).sum(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Numbers = 1 - (total - 1) * observed / expected
    return found


def _couple(
    two: tuple[str, str], drawn: Sequence[Entry], votes: Sequence[Mapping[str, str]], order: Sequence[str]
) -> Couple | None:
    one, other = two
    met = [(entry.item, said) for entry, said in zip(drawn, votes, strict=True) if {one, other} <= said.keys()]
    if not met:
        return None
    found = agreement([Pair(item, said[one], said[other]) for item, said in met], order, True, f"{one}/{other}")
    agree, kappa = ((found.accuracy, "accuracy"), (found.kappa, "kappa"))
    figures = [None if value is None else (value, *found.intervals[key]) for value, key in (agree, kappa)]
    return Couple(two, len(met), figures[0] or (0.0, 0.0, 0.0), figures[1])


def _odds(drawn: Sequence[Entry], votes: Sequence[Mapping[str, str]], order: Sequence[str]) -> list[Odds]:
    met: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], int] = {}
    for entry, said in zip(drawn, votes, strict=True):
        for two in combinations(sorted(said.values(), key=order.index), 2):
            if two[0] != two[1]:
                met[two] += 1
                example.setdefault(two, entry.number or 0)
    return [Odds(two, n, example[two]) for two, n in met.most_common(MOST_ODDS)]
