"""How often intervals of one run hold the true value: `python bench/coverage_intervals.py [RUNS]` prints tables.

Runs of 5, 10, 20 and 90 items are drawn whose replies depend on each other within an item: two rounds of 0, 1 or 2
points, four samples of a problem, dialogues of 1 to 10 turns. Beside the intervals of this project
(`anjian.scores.intervals`) stand those it had before: percentiles of a bootstrap over items for points, and for rates
Wilson's on all replies over the most that an item has. At least 93% should hold the truth at each size.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from anjian.scores.intervals import Ends, Numbers, share, wilson
from anjian.scores.points import delta, score

SIZES = (5, 10, 20, 90)
MIXES = (
    (0.005, 0.01, 0.985), (0.05, 0, 0.95), (0.02, 0.06, 0.92), (0, 0.1, 0.9), (0.1, 0.3, 0.6),
    (0.5, 0, 0.5), (0, 1, 0), (0.97, 0.02, 0.01),
)  # fmt: skip
"""How likely a reply gets 0, 1 and 2 points."""
FALLS = ((0, 0), (0.05, 2), (0.2, 1), (0.3, 2))
"""How often the second round is worse, and by how many points."""
RATES = (0.02, 0.05, 0.3, 0.5, 0.8, 0.95, 0.99)
TURNS, OFTEN = np.array([1, 2, 3, 10]), np.array([0.4, 0.3, 0.2, 0.1])
Draw = Callable[[int, np.random.Generator], tuple[Ends, Ends]]
"""From the number of items to the interval now and before."""


def two_rounds(mix: tuple[float, ...], same: float, items: int, random: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Points of both rounds, (items,); the second is that of the first as often as `same` says."""
    first, other = random.choice(3, (2, items), p=mix).astype(float)
    return first, np.where(random.random(items) < same, first, other)


def resampled(points: Numbers, replies: Numbers, random: np.random.Generator) -> Ends:
    """Value and percentiles of a bootstrap over items."""
    kinds, copies = np.unique(points + 1j * replies, return_counts=True)
    weights = random.multinomial(len(points), copies / len(points), 2000)
    low, high = np.percentile((weights @ kinds.real) / (weights @ kinds.imag), [2.5, 97.5])
    return float(points.sum() / replies.sum()), float(low), float(high)


def of_score(mix: tuple[float, ...], same: float) -> Draw:
    """Scores over both rounds, of 100."""

    def draw(items: int, random: np.random.Generator) -> tuple[Ends, Ends]:
        points, two = np.add(*two_rounds(mix, same, items, random)), np.full(items, 2.0)
        return score(points, two, 2), resampled(50 * points, two, random)

    return draw


def of_round(mix: tuple[float, ...]) -> Draw:
    """Scores of one round, of 100."""

    def draw(items: int, random: np.random.Generator) -> tuple[Ends, Ends]:
        points, one = two_rounds(mix, 1, items, random)[0], np.ones(items)
        return score(points, one, 2), resampled(50 * points, one, random)

    return draw


def of_delta(mix: tuple[float, ...], often: float, points: int) -> Draw:
    """The second round less the first, which falls by so many points so often."""

    def draw(items: int, random: np.random.Generator) -> tuple[Ends, Ends]:
        first = two_rounds(mix, 1, items, random)[0]
        last = np.maximum(first - points * (random.random(items) < often), 0)
        return delta(first, last, 2), resampled(50 * (last - first), np.ones(items), random)

    return draw


def of_samples(rate: float, alike: float, turns: bool = False) -> Draw:
    """A rate over four samples of a problem, or over dialogues of 1 to 10 turns; `alike` is the correlation within."""

    def draw(items: int, random: np.random.Generator) -> tuple[Ends, Ends]:
        replies = random.choice(TURNS, items, p=OFTEN) if turns else np.full(items, 4)
        mass = 1 / alike - 1
        chance = random.beta(rate * mass, (1 - rate) * mass, items) if mass else random.random(items) < rate
        hits = random.binomial(replies, chance)
        value = hits.sum() / replies.sum()
        before = wilson(float(value), replies.sum() / (10 if turns else 4))
        return share(Counter(zip(hits.astype(float).tolist(), replies.tolist(), strict=True))), (value, *before)

    return draw


def cases() -> Iterator[tuple[str, float, list[tuple[float, Draw]]]]:
    """Yields what is measured, what its widths are shares of, and true values with draws."""
    mean = [50 * mix[1] + 100 * mix[2] for mix in MIXES]
    pairs = list(zip(mean, MIXES, strict=True))
    yield "score, two rounds", 1, [(true, of_score(mix, same)) for true, mix in pairs for same in (0, 0.5)]
    yield "score of a round", 1, [(true, of_round(mix)) for true, mix in pairs]
    falls = [(mix, often, by, min(by, 1) * mix[1] + by * mix[2]) for mix in MIXES for often, by in FALLS]
    yield "round_delta", 1, [(-50 * often * fall, of_delta(mix, often, by)) for mix, often, by, fall in falls]
    yield "rate, 4 samples", 100, [(rate, of_samples(rate, alike)) for rate in RATES for alike in (0.02, 0.3, 1)]
    yield "rate, 1 to 10 turns", 100, [(r, of_samples(r, alike, True)) for r in RATES for alike in (0.1, 0.6)]


def held(draw: Draw, true: float, items: int, runs: int) -> Numbers:
    """Shares that hold the truth and mean widths, now and before, (2, 2)."""
    random = np.random.default_rng(items)
    found = np.array([draw(items, random) for _ in range(runs)], dtype=float)
    inside = (found[:, :, 1] <= true + 1e-6) & (true - 1e-6 <= found[:, :, 2])
    return np.array([inside.mean(axis=0), (found[:, :, 2] - found[:, :, 1]).mean(axis=0)])


def main() -> None:
    """Prints a line for each kind and size: worst and mean coverage in percent, and mean width in points."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"| {runs} runs a case | items | before: worst | mean | width | now: worst | mean | width |")
    print("|---|---|---|---|---|---|---|---|")
    for name, scale, draws in cases():
        for items in SIZES:
            found = np.array([held(draw, true, items, runs) for true, draw in draws])
            worst, mean, width = 100 * found[:, 0].min(axis=0), 100 * found[:, 0].mean(axis=0), found[:, 1].mean(axis=0)
            cells = [f"{worst[at]:.1f} | {mean[at]:.1f} | {scale * width[at]:.1f}" for at in (1, 0)]
            print(f"| {name} | {items} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
