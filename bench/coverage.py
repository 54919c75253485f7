"""How often intervals of corrected rates hold the true rate: `python bench/coverage.py [DRAWS]` prints the table.

Replies, judges and labels are drawn; the judge errs as its sensitivity and specificity (or a confusion of four labels)
say, and the card is made from labels of its own. At least 93% should hold the truth at each size.
"""

import sys
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from anjian.judges.card import Agreement
from anjian.scores.corrected import Corrected, Sampled, corrected, ppi

RATES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
SIZES = (50, 200, 2000)
LABELS = (100, 200, 500)
JUDGES = {"0.95/0.95": (0.95, 0.95), "0.80/0.90": (0.80, 0.90), "0.65/0.98": (0.65, 0.98), "0.99/0.70": (0.99, 0.70)}
FOUR = ((0.70, 0.25, 0.02, 0.03), (0.05, 0.88, 0.03, 0.04), (0.01, 0.04, 0.85, 0.10), (0.01, 0.04, 0.15, 0.80))
"""A judge of four labels: what it says of each."""
MIXES = ((0.02, 0.08, 0.60, 0.30), (0.25, 0.25, 0.25, 0.25), (0.60, 0.30, 0.05, 0.05), (0.05, 0.05, 0.02, 0.88))
Trial = Callable[[np.random.Generator], Corrected | None]


def held(trial: Trial, truth: float, draws: int) -> tuple[float, float, float]:
    """The share of intervals that hold the truth, their mean width, and the share of trials that gave none."""
    random = np.random.default_rng(1)
    found = [trial(random) for _ in range(draws)]
    given = [one for one in found if one]
    inside = [float(low - 1e-9 <= truth <= high + 1e-9) for _, low, high in given]
    widths = [high - low for _, low, high in given]
    return float(np.mean(inside or [np.nan])), float(np.mean(widths or [np.nan])), 1 - len(given) / draws


def card(confusion: np.ndarray, labels: int, random: np.random.Generator) -> Agreement:
    """A card from so many labels, the classes in equal parts."""
    rows = [random.multinomial(labels // len(confusion), row) for row in confusion]
    table = tuple(tuple(map(int, row)) for row in rows)
    sizes = tuple(float(sum(row)) for row in table)
    return Agreement(
        n=labels, scored=labels, prompts=labels, classes=tuple("abcd"[: len(rows)]), confusion=table, effective=sizes
    )


def by_card(confusion: np.ndarray, mix: np.ndarray, worth: tuple[float, ...], n: int, labels: int) -> Trial:
    """Corrects the rate of a run of `n` replies by a card from `labels` labels."""
    return lambda random: corrected(
        random.multinomial(n, mix @ confusion).tolist(), card(confusion, labels, random), worth
    )


def by_people(rate: float, judge: tuple[float, float], n: int, labels: int, strata: bool) -> Trial:
    """Corrects the rate of a run of `n` replies by labels of some of its own, drawn evenly from the verdicts or not."""

    def trial(random: np.random.Generator) -> Corrected | None:
        right = random.random(n) < rate
        said = np.where(right, random.random(n) < judge[0], random.random(n) > judge[1])
        order = random.permutation(n)
        chosen = set(order[:labels].tolist())
        if strata:
            parts = [order[said[order] == one] for one in (False, True)]
            chosen = {int(one) for part in parts for one in part[: max(labels // 2, 1)]}
        return ppi(
            [
                Sampled(float(said[i]), float(right[i]) if i in chosen else None, str(said[i]) if strata else "")
                for i in range(n)
            ]
        )

    return trial


def rows(draws: int) -> Iterator[tuple[str, int, int, list[tuple[float, float, float]]]]:
    """Yields what was tried: how, replies, labels, and what came of each truth."""
    for (name, (sensitivity, specificity)), n, labels in product(JUDGES.items(), SIZES, LABELS):
        confusion = np.array([[specificity, 1 - specificity], [1 - sensitivity, sensitivity]])
        trials = [(by_card(confusion, np.array([1 - rate, rate]), (0, 1), n, labels), rate) for rate in RATES]
        yield f"two classes {name}", n, labels, [held(trial, rate, draws) for trial, rate in trials]
    for (what, worth), n, labels in product(
        {"fourth of four": (0, 0, 0, 1.0), "points of four": (0, 1 / 3, 2 / 3, 1)}.items(), SIZES, LABELS
    ):
        mixes = [(np.array(mix), float(np.array(mix) @ np.array(worth))) for mix in MIXES]
        found = [held(by_card(np.array(FOUR), mix, worth, n, labels), truth, draws // 4) for mix, truth in mixes]
        yield what, n, labels, found
    for strata, n, labels in product((False, True), (200, 500, 2000), (100, 200)):
        found = [held(by_people(rate, (0.80, 0.90), n, labels, strata), rate, draws // 4) for rate in RATES]
        yield f"own labels{', by verdict' if strata else ''}", n, labels, found


def main(draws: int = 1000) -> None:
    """Prints the table."""
    print("| corrected by | replies | labels | coverage, lowest | mean | width, widest | not corrected |")
    print("|---|---|---|---|---|---|---|")
    for what, n, labels, found in rows(draws):
        shares, widths, none = (np.array(part) for part in zip(*found, strict=True))
        cells = f"{np.nanmin(shares):.3f} | {np.nanmean(shares):.3f} | {np.nanmax(widths):.2f} | {none.mean():.3f}"
        print(f"| {what} | {n} | {labels} | {cells} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
