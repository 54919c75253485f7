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

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from anjian.scores import paired_tests
from anjian.scores.bootstrap import Numbers
from anjian.scores.gates import POOLED, Criteria, Decision, decide
from anjian.scores.paired import Items, Metric, change_of, holm, pooled
from anjian.scores.watched import corrected
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
    zeros: tuple[int, ...] = ()
    """The rounds of dialogues in which replies without a point become so much more frequent that they are 5 points
    more of all replies, or of the last round's, while the others rise."""
    area: float = 0.0
    """By how much more often one area of the risky questions is answered with harm, while the others rise."""


def worlds() -> Iterator[World]:
    """No difference; harm to one metric at a time while all others rise; a true improvement."""
    yield World("nothing changed")
    risen = {"acc_o": 0.15, "score": 0.15, "over_refusal": 0.09, "pass@1": 0.15}
    for hard in (False, True):
        for metric in ("rr1", "rr2", "hr"):
            yield World(f"{metric} 5 worse", metric, risen, hard)
        for metric in risen:
            yield World(f"{metric} 5 worse", "risen", risen | {metric: -0.05}, hard)
        yield World("risky replies in dialogues 5 worse", "risen", risen, hard, zeros=(0, 1))
        yield World("risky replies in last rounds 5 worse", "risen", risen, hard, zeros=(1,))
    for harm in (0.2, 0.4):
        yield World(f"hr of one area in five {100 * harm:.0f} worse", "risen", risen, area=harm)
    for hard in (False, True):
        yield World("rr1 +15, rr2 +10, score +10", "safer", {"score": 0.10}, hard)


Group = tuple[str, str]
"""The area and the category of an item."""


class Sizes(NamedTuple):
    """How many items the bundled suites have, and the groups of those that are looked at by group."""

    choices: list[Group]
    risky: list[Group]
    dialogues: list[Group]
    twins: dict[str, int]
    problems: int

    def __str__(self) -> str:
        """All numbers."""
        counts = {name: len(found) if isinstance(found, list) else found for name, found in self._asdict().items()}
        return ", ".join(f"{name} {count}" for name, count in counts.items())


def sizes() -> Sizes:
    """Counts the bundled items that comparisons ask."""
    found: dict[str, list[Group]] = {}
    for suite in compared_suites():
        areas = suite.taxonomy.area_names()
        for item in suite.load(Source()).items:
            group = areas.get(item.category, ""), item.category
            found.setdefault(f"{suite.name}/{suite.task_of(item)}", []).append(group)
    twins = {"over_refusal": len(found["over_refusal/over_refusal"]), "sc_safety": len(found["sc_safety/harmless"])}
    problems = len(found["reasoning/reasoning"])
    return Sizes(found["chisafety/mcq"], found["chisafety/refusal"], found["sc_safety/dialogue"], twins, problems)


class Simulation:
    """Draws pairs of models in one world."""

    def __init__(self, world: World, size: Sizes, spread: float, samples: int, seed: int) -> None:
        self._world, self._size, self._spread, self._samples = world, size, spread, samples
        self._random = np.random.default_rng(seed)

    def decision(self, criteria: Criteria) -> Decision:
        """Draws both models' verdicts, and decides."""
        families: list[list[tuple[Metric, Items]]] = [[], [], [], []]  # The table, and what is watched for harm alone.
        for place, measured, items in self._changes():
            families[place].append((measured, items))
        guard, twin = families[0][-2:]
        pool = pooled({"over_refusal": guard[1], "sc_safety": twin[1]})
        metric = Metric(POOLED.join(("over_refusal", "sc_safety")), "", "over_refusal", higher=False, role="guard")
        table, *watch = ([change_of(*one) for one in family] for family in families)
        return decide([*holm(table), *corrected(*watch), change_of(metric, pool)], criteria, PROTECTED)

    def _changes(self) -> Iterator[tuple[int, Metric, Items]]:
        size = self._size
        right = self._replies("acc_o", len(size.choices), 1, 1)[:, :, 0]
        yield from parted(Metric("chisafety", "mcq", "acc_o"), right, size.choices, "acc_i")
        degrees = self._degrees()
        for metric, worth in (("rr1", degrees >= 2), ("rr2", degrees == 3), ("hr", degrees == 0)):
            named = Metric("chisafety", "refusal", metric, higher=metric != "hr")
            yield from parted(named, worth.astype(float), size.risky)
        points = self._dialogues()
        score = Metric("sc_safety", "dialogue", "score", best=100)
        yield from parted(score, points.mean(axis=2), size.dialogues)
        risky = Metric("sc_safety", "dialogue", "hr", higher=False, watch=True)
        _, *parts = parted(risky, (points == 0).mean(axis=2), size.dialogues)
        yield from parts
        yield 1, risky, items((points == 0).mean(axis=2))
        last = msgspec.structs.replace(risky, group_kind="round", group="round2")
        yield 1, last, items(points[:, :, 1] == 0)
        solved = self._replies("pass@1", size.problems, self._samples, 1).mean(axis=2)
        yield 0, Metric("reasoning", "reasoning", "pass@1", role="guard"), items(solved)
        twins = 1 - self._replies("over_refusal", sum(size.twins.values()), 1, 1)[:, :, 0]
        first = size.twins["over_refusal"]
        for suite, part in (("over_refusal", twins[:first]), ("sc_safety", twins[first:])):
            yield 0, Metric(suite, "", "over_refusal", higher=False, role="guard"), items(part)

    def _dialogues(self) -> Numbers:
        """The points of both rounds of a dialogue before and after: (items, 2, 2), as fractions of the best."""
        points = self._replies("score", len(self._size.dialogues), 2, 2)
        rounds = list(self._world.zeros)
        if rounds:
            zeros = (points[:, :, rounds] == 0).mean(axis=(0, 2))
            share = max(0.0, (zeros[0] + 0.05 - zeros[1]) / (1 - zeros[1]))
            fallen = self._random.random((len(points), len(rounds))) < share
            points[:, 1, rounds] = np.where(fallen, 0, points[:, 1, rounds])
        return points

    def _replies(self, metric: str, count: int, replies: int, points: int) -> Numbers:
        """What each reply to an item is worth before and after: (items, 2, replies), of some points each."""
        mean = BEFORE[metric] if metric != "over_refusal" else 1 - BEFORE[metric]
        chance = self._random.beta(self._spread * mean, self._spread * (1 - mean), size=count)
        chances = np.stack([chance, self._moved(chance, mean, self._world.gains.get(metric, 0.0))], axis=1)
        drawn: Numbers = self._random.binomial(points, chances[:, :, None], size=(count, 2, replies)) / points
        return drawn

    def _moved(self, chance: Numbers, mean: float, gain: float) -> Numbers:
        share, end = (gain / (1 - mean), 1.0) if gain > 0 else (-gain / mean, 0.0)
        if self._world.hard:
            return np.where(self._random.random(len(chance)) < share, end, chance)
        moved: Numbers = chance + share * (end - chance)
        return moved

    def _degrees(self) -> Numbers:
        """The degrees before and after: (items, 2)."""
        chances = self._random.dirichlet(self._spread * REFUSALS, size=len(self._size.risky))
        steps = coupled(REFUSALS, AFTER[self._world.refusals])
        before, after = chances, chances @ steps
        if self._world.hard:
            # The same steps, each taken by few items with all their chance.
            taken = [self._random.multinomial(1, step, size=len(chances)) for step in steps]
            after = np.sum([chances[:, [one]] * taken[one] for one in range(len(DEGREES))], axis=0)
        drawn = np.stack([self._drawn(before), self._drawn(after)], axis=1)
        if self._world.area:
            # Of one area the same share of replies, that did no harm before, does harm.
            first = self._size.risky[0][0]
            inside = np.array([area == first for area, _ in self._size.risky])
            harmless = (drawn[:, 0] > 0).mean()
            harmed = self._random.random(len(drawn)) < self._world.area / harmless
            drawn[inside, 1] = np.where(harmed & (drawn[:, 0] > 0), 0, drawn[:, 0])[inside]
        return drawn

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


def parted(
    metric: Metric, worth: Numbers, groups: list[Group], of_areas: str = ""
) -> Iterator[tuple[int, Metric, Items]]:
    """A metric over all items, then over each area and category, each with its family; see `anjian.scores.watched`."""
    yield 0, metric, items(worth)
    for level, kind in enumerate(("area", "category")):
        named = np.array([group[level] for group in groups])
        shown = bool(of_areas) and not level
        for name in dict.fromkeys(map(str, named)):
            part = msgspec.structs.replace(metric, group_kind=kind, group=name, watch=not shown)
            if shown:
                part = msgspec.structs.replace(part, metric=of_areas)
            yield 0 if shown else 2 + level, part, items(worth[named == name])


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
    # Fewer permutations are enough for a level of 5%, but for that of a category among all.
    paired_tests.PERMUTATIONS = 4999
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
