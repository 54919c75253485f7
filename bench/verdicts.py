"""How often `anjian compare` is wrong: verdicts simulated at the sizes of the bundled suites.

    python bench/verdicts.py                       # the tables of docs/comparison.md, 2,000 simulations a line
    python bench/verdicts.py --repeat 200 --margin 2

Each simulation draws both models' verdicts on every item of the bundled suites and asks the gate that `anjian compare`
asks. An item's chance of a good reply differs from item to item (a beta distribution with parameters
`spread` × mean); both models share it where nothing changed, and yet draw every reply anew, as sampled models do: what
flips then flips by chance. A change moves the chance of every item a little, or of few items all the way.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from anjian.scores import bootstrap, paired_tests
from anjian.scores.bootstrap import Numbers
from anjian.scores.gates import POOLED, Criteria, Decision, decide
from anjian.scores.paired import Items, Metric, change_of, holm, pooled
from anjian.suites import compared_suites
from anjian.suites.base import Source

PROTECTED = {"over_refusal": "over-refusal", "pass@1": "reasoning"}
DEGREES = ("hr", "responded", "refused", "guided")
BEFORE = {"acc_o": 0.80, "score": 0.60, "over_refusal": 0.10, "pass@1": 0.75}
REFUSALS = np.array((0.20, 0.25, 0.25, 0.30))
"""Shares of the four degrees before: HR, RR-1 and RR-2 are 20, 55 and 30%."""
AFTER = {
    "same": REFUSALS,
    "safer": np.array((0.12, 0.18, 0.30, 0.40)),
    "rr1": np.array((0.05, 0.45, 0.05, 0.45)),
    "rr2": np.array((0.05, 0.25, 0.45, 0.25)),
    "hr": np.array((0.25, 0.05, 0.25, 0.45)),
    "risen": np.array((0.05, 0.25, 0.25, 0.45)),
}
"""The same after: all as before; +15 and +10; one of the three 5 points worse while the others are 10 or 15 better."""


class World(NamedTuple):
    """What is simulated: what changed, in fractions of the best, counted so that more is better."""

    name: str
    refusals: str = "same"
    gains: Mapping[str, float] = {}
    hard: bool = False
    """True if few items change all the way, false if all change a little."""


def worlds() -> Iterator[World]:
    """No difference; harm to one metric at a time while all others rise; a true improvement."""
    yield World("nothing changed")
    risen = {"acc_o": 0.15, "score": 0.15, "over_refusal": 0.09, "pass@1": 0.15}
    for hard in (False, True):
        for metric in ("rr1", "rr2", "hr"):
            yield World(f"{metric} 5 worse", metric, risen, hard)
        for metric in risen:
            yield World(f"{metric} 5 worse", "risen", risen | {metric: -0.05}, hard)
    for hard in (False, True):
        yield World("rr1 +15, rr2 +10, score +10", "safer", {"score": 0.10}, hard)


class Sizes(NamedTuple):
    """How many items the bundled suites have."""

    choices: dict[str, int]
    risky: int
    dialogues: int
    twins: dict[str, int]
    problems: int


def sizes() -> Sizes:
    """Counts the bundled items that comparisons ask."""
    counts: dict[str, int] = {}
    areas: dict[str, int] = {}
    for suite in compared_suites():
        for item in suite.load(Source()).items:
            task = suite.task_of(item)
            counts[f"{suite.name}/{task}"] = counts.get(f"{suite.name}/{task}", 0) + 1
            if task == "mcq":
                area = suite.group_of(item)
                areas[area] = areas.get(area, 0) + 1
    twins = {"over_refusal": counts["over_refusal/over_refusal"], "sc_safety": counts["sc_safety/harmless"]}
    return Sizes(areas, counts["chisafety/refusal"], counts["sc_safety/dialogue"], twins, counts["reasoning/reasoning"])


class Simulation:
    """Draws pairs of models in one world."""

    def __init__(self, world: World, size: Sizes, spread: float, samples: int, seed: int) -> None:
        self._world, self._size, self._spread, self._samples = world, size, spread, samples
        self._random = np.random.default_rng(seed)

    def decision(self, criteria: Criteria) -> Decision:
        """Draws both models' verdicts, and decides."""
        *changes, guard, twin = self._changes()
        pool = pooled({"over_refusal": guard[1], "sc_safety": twin[1]})
        metric = Metric(POOLED.join(("over_refusal", "sc_safety")), "", "over_refusal", higher=False, role="guard")
        found = holm([change_of(*one) for one in (*changes, guard, twin)])
        return decide([*found, change_of(metric, pool)], criteria, PROTECTED)

    def _changes(self) -> Iterator[tuple[Metric, Items]]:
        size = self._size
        right = self._replies("acc_o", sum(size.choices.values()), 1, 1)
        yield Metric("chisafety", "mcq", "acc_o"), items(right)
        start = 0
        for area, count in size.choices.items():
            part = right[start : start + count]
            yield Metric("chisafety", "mcq", "acc_i", group_kind="area", group=area), items(part)
            start += count
        degrees = self._degrees()
        yield Metric("chisafety", "refusal", "rr1"), items(degrees >= 2)
        yield Metric("chisafety", "refusal", "rr2"), items(degrees == 3)
        yield Metric("chisafety", "refusal", "hr", higher=False), items(degrees == 0)
        yield Metric("sc_safety", "dialogue", "score", best=100), items(self._replies("score", size.dialogues, 2, 2))
        solved = self._replies("pass@1", size.problems, self._samples, 1)
        yield Metric("reasoning", "reasoning", "pass@1", role="guard"), items(solved)
        twins = 1 - self._replies("over_refusal", sum(size.twins.values()), 1, 1)
        first = size.twins["over_refusal"]
        for suite, part in (("over_refusal", twins[:first]), ("sc_safety", twins[first:])):
            yield Metric(suite, "", "over_refusal", higher=False, role="guard"), items(part)

    def _replies(self, metric: str, count: int, replies: int, points: int) -> Numbers:
        """What the items are worth before and after: (items, 2), the mean of some replies of some points each."""
        mean = BEFORE[metric] if metric != "over_refusal" else 1 - BEFORE[metric]
        chance = self._random.beta(self._spread * mean, self._spread * (1 - mean), size=count)
        chances = np.stack([chance, self._moved(chance, mean, self._world.gains.get(metric, 0.0))], axis=1)
        drawn: Numbers = self._random.binomial(replies * points, chances) / (replies * points)
        return drawn

    def _moved(self, chance: Numbers, mean: float, gain: float) -> Numbers:
        share, end = (gain / (1 - mean), 1.0) if gain > 0 else (-gain / mean, 0.0)
        if self._world.hard:
            return np.where(self._random.random(len(chance)) < share, end, chance)
        moved: Numbers = chance + share * (end - chance)
        return moved

    def _degrees(self) -> Numbers:
        """The degrees before and after: (items, 2)."""
        chances = self._random.dirichlet(self._spread * REFUSALS, size=self._size.risky)
        steps = coupled(REFUSALS, AFTER[self._world.refusals])
        before, after = chances, chances @ steps
        if self._world.hard:
            # The same steps, each taken by few items with all their chance.
            taken = [self._random.multinomial(1, step, size=len(chances)) for step in steps]
            after = np.sum([chances[:, [one]] * taken[one] for one in range(len(DEGREES))], axis=0)
        return np.stack([self._drawn(before), self._drawn(after)], axis=1)

    def _drawn(self, chances: Numbers) -> Numbers:
        at = self._random.random((len(chances), 1))
        return np.asarray(np.minimum((chances.cumsum(axis=1) < at).sum(axis=1), len(DEGREES) - 1))


def coupled(before: Numbers, after: Numbers) -> Numbers:
    """Steps from degree to degree that turn one distribution into the other, the shortest there are: (from, to)."""
    ends = [np.concatenate(([0.0], shares.cumsum())) for shares in (before, after)]
    low = np.maximum.outer(ends[0][:-1], ends[1][:-1])
    high = np.minimum.outer(ends[0][1:], ends[1][1:])
    shared = np.maximum(high - low, 0)
    return np.asarray(shared / shared.sum(axis=1, keepdims=True))


def items(worth: ArrayLike) -> Items:
    """Items without names, as the comparison counts them."""
    table = np.asarray(worth, dtype=np.float64)
    return Items(("",) * len(table), table, 0, len(table), 0)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=2000)
    parser.add_argument("--spread", type=float, default=0.8, help="the smaller, the more alike an item's replies are")
    parser.add_argument("--samples", type=int, default=4, help="of a problem")
    parser.add_argument("--margin", type=float, default=100 * Criteria().margin)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--only", default="", help="worlds whose name has this in it")
    given = parser.parse_args()
    size, criteria = sizes(), Criteria(given.margin / 100)
    # No verdict rests on the intervals that are shown; fewer permutations are enough for a level of 5%.
    bootstrap.RESAMPLES, paired_tests.PERMUTATIONS = 20, 1999
    print(f"{size}\nspread {given.spread}, {given.samples} samples of a problem, margin {given.margin:g} points")
    print("| what is true | how | safer | not proven | harmed | took |\n|---|---|---:|---:|---:|---:|")
    for seed, world in enumerate((one for one in worlds() if given.only in one.name), given.seed):
        started = time.perf_counter()
        simulation = Simulation(world, size, given.spread, given.samples, seed)
        outcomes = [simulation.decision(criteria).outcome for _ in range(given.repeat)]
        shares = " | ".join(
            f"{100 * outcomes.count(kind) / len(outcomes):.1f}%" for kind in ("safer", "not proven", "harmed")
        )
        how = "" if world.name == "nothing changed" else "few items, wholly" if world.hard else "all items, a little"
        print(f"| {world.name} | {how} | {shares} | {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
