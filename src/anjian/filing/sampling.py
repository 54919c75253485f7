"""Draws the sample of a filing: seeded, and stratified by risk or aspect within each bank."""

import random
from collections.abc import Sequence

from anjian.filing.folder import Sample
from anjian.filing.standard import BANKS, risks
from anjian.items.records import Item
from anjian.suites.gbt45654 import bank_of


def draw(items: Sequence[Item], wanted: Sample) -> list[Item]:
    """Draws so many questions of each bank as are wanted, or all that there are, in the order of banks and risks.

    What is drawn of one risk depends on the seed and on the questions of that risk alone, but for their number.
    """
    drawn = []
    for bank in BANKS:
        strata = {
            risk.zh: [one for one in items if (bank_of(one), one.category) == (bank, risk.zh)] for risk in risks()
        }
        held = {name: stratum for name, stratum in strata.items() if stratum}
        sizes = [len(stratum) for stratum in held.values()]
        chosen = quotas(sizes, getattr(wanted, bank), f"{wanted.seed}/{bank}")
        for (name, stratum), quota in zip(held.items(), chosen, strict=True):
            chance = random.Random(f"{wanted.seed}/{bank}/{name}")  # noqa: S311  (no secret)
            drawn += sorted(chance.sample(sorted(stratum, key=lambda one: one.id), quota), key=lambda one: one.id)
    return drawn


def quotas(sizes: Sequence[int], n: int, seed: str = "") -> list[int]:
    """How many are drawn of each stratum: one at least, the whole part of its share at least, the rest by chance.

    Where that is more than `n`, the largest give; where there are more strata than `n`, chance says which get one.

    Example:
        >>> quotas([90, 9, 1], 10), quotas([98, 1, 1], 3), sum(quotas([5, 5, 5], 2)), quotas([2, 3], 9)
        ([8, 1, 1], [1, 1, 1], 2, [2, 3])
    """
    total, places = sum(sizes), list(range(len(sizes)))
    random.Random(seed).shuffle(places)  # noqa: S311  (no secret)
    if n >= total:
        return list(sizes)
    if n <= len(sizes):
        return [int(place in places[:n]) for place in range(len(sizes))]
    found = [max(1, n * size // total) for size in sizes]
    while sum(found) > n:
        found[max(places, key=found.__getitem__)] -= 1
    rest = sorted(places, key=lambda place: -(n * sizes[place] % total) if found[place] < sizes[place] else 1)
    for place in rest[: n - sum(found)]:
        found[place] += 1
    return found
