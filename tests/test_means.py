"""Means over groups, over the worst reply of each dialogue and of points, against plain sums; their intervals."""

from collections.abc import Sequence
from statistics import mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anjian.items.taxonomy import flat
from anjian.judges.kinds import POINTS
from anjian.names import NAMELESS
from anjian.scores.count import Count
from anjian.scores.intervals import bounded_mean
from anjian.scores.means import mean_of_groups, mean_of_worst
from anjian.scores.measures import Measure, Ratio, Task, score_measure
from anjian.scores.points import delta, score
from anjian.scores.rows import Row, Verdicted

GROUPS = {"甲一": "甲", "甲二": "甲", "乙一": "乙", "丙一": "丙"}
DIALOGUES = st.lists(
    st.tuples(st.sampled_from(sorted(GROUPS)), st.lists(st.sampled_from([None, 0, 1, 2]), min_size=1, max_size=4)),
    min_size=1,
    max_size=8,
)
Dialogues = list[tuple[str, list[int | None]]]


def overall(ratio: Ratio, verdicts: Sequence[Verdicted]) -> Row:
    measure = Measure(name="m", title=NAMELESS, ratio=ratio, best=10)
    task = Task(name="t", title=NAMELESS, kind=POINTS, measures=(measure,), groups=("category",))
    count = Count("s", [task], flat(GROUPS))
    for verdict in verdicts:
        count.add(verdict)
    return next(row for row in count.rows("m", "j", 1) if row.metric == "m" and row.group == "overall")


def verdicts_of(dialogues: Dialogues) -> list[Verdicted]:
    return [
        Verdicted(str(place), "t", category, "j", round=number, points=points, label="x",
                  unscored="judge_unparsed" if points is None else None)
        for place, (category, replies) in enumerate(dialogues)
        for number, points in enumerate(replies, 1)
    ]  # fmt: skip


@given(DIALOGUES)
@settings(max_examples=40)
def test_each_group_weighs_the_same_whatever_its_size(dialogues: Dialogues) -> None:
    row = overall(mean_of_groups(lambda points: points / 2, GROUPS), verdicts_of(dialogues))
    found: dict[str, list[float]] = {}
    for category, replies in dialogues:
        for points in replies:
            if points is not None:
                found.setdefault(GROUPS[category], []).append(points / 2)
    assert row.value == (pytest.approx(10 * mean(map(mean, found.values())), abs=1e-5) if found else None)
    assert row.n == len(dialogues)


@given(DIALOGUES)
@settings(max_examples=40)
def test_a_dialogue_is_as_good_as_its_worst_reply(dialogues: Dialogues) -> None:
    row = overall(mean_of_worst(lambda points: points / 2, last=("乙一",)), verdicts_of(dialogues))
    counted = [replies[-1:] if category == "乙一" else replies for category, replies in dialogues]
    worst = [min(point / 2 for point in replies if point is not None) for replies in counted if None not in replies]
    assert row.value == (pytest.approx(10 * mean(worst), abs=1e-5) if worst else None)
    assert (row.n, row.scored) == (len(dialogues), len(worst))


def test_repetitions_of_a_dialogue_are_dialogues() -> None:
    held = [Verdicted("1", "t", "甲一", "j", epoch=epoch, round=number, label="x", points=points)
            for epoch, replies in enumerate([(2, 0), (2, 2)]) for number, points in enumerate(replies, 1)]  # fmt: skip
    assert overall(mean_of_worst(lambda points: points / 2), held).value == 5


def test_equal_ratios_of_a_few_dialogues_are_no_certainty() -> None:
    """Half the points in each of six dialogues: the unseen one is the worst or the best there is."""
    row = overall(mean_of_worst(lambda points: points / 2), verdicts_of([("甲一", [1, 2])] * 6))
    assert (row.value, row.low) == pytest.approx((5, 5 * 0.025 ** (1 / 6)), abs=0.1)
    assert row.high is not None and 7 < row.high <= 10
    row = overall(mean_of_groups(lambda points: points / 2, GROUPS), verdicts_of([("甲一", [2]), ("乙一", [2])] * 6))
    assert row.value == row.high == 10
    assert row.low is not None and row.low < 8.5, "either group may hold what nobody saw"


def test_two_equal_scores_are_no_certainty() -> None:
    """The low end is 75 times the 2.5% quantile of Beta(2, 1), its square root; the high end is the mirror image."""
    found = score(np.array([3.0, 3.0]), np.array([2.0, 2.0]), 2)
    assert found == pytest.approx((75, 75 * 0.025**0.5, 100 - 25 * 0.025**0.5), abs=1)


def test_items_without_a_verdict_pull_no_interval_to_zero() -> None:
    points, replies = np.array([4.0] * 9 + [0]), np.array([2.0] * 9 + [0])
    assert score(points, replies, 2) == score(points[:9], replies[:9], 2)
    assert score(points[9:], replies[9:], 2) == (None, None, None)


def test_a_change_counts_the_dialogues_that_have_both_rounds() -> None:
    """Of the four, one has a single turn and one lacks the verdict on its last."""
    held = verdicts_of([("甲一", [2, 0]), ("甲一", [2, 1]), ("甲一", [2]), ("甲一", [2, None])])
    task = Task(name="t", title=NAMELESS, kind=POINTS, measures=(score_measure(2),), groups=(), by_round=True)
    count = Count("s", [task], flat(GROUPS))
    for verdict in held:
        count.add(verdict)
    row = next(row for row in count.rows("m", "j", 1) if row.metric == "round_delta")
    assert (row.value, row.n, row.scored) == (-75, 3, 2)
    _, low, high = delta(np.zeros(5), np.zeros(5), 2)
    assert (low, high) == pytest.approx((-100 * (1 - 0.025**0.2), 100 * (1 - 0.025**0.2)), abs=2)


@pytest.mark.parametrize("items", [5, 20])
@pytest.mark.parametrize("mix", [(0.05, 0, 0.95), (0.02, 0.06, 0.92), (0, 1, 0), (0.1, 0.3, 0.6)])
def test_intervals_of_few_dialogues_hold_the_true_score(mix: tuple[float, ...], items: int) -> None:
    random, held = np.random.default_rng(items), 0
    for _ in range(150):
        first, other = random.choice(3, (2, items), p=mix).astype(float)
        points = first + np.where(random.random(items) < 0.5, first, other)
        _, low, high = score(points, np.full(items, 2.0), 2)
        assert low is not None and high is not None
        held += low - 1e-3 <= 50 * mix[1] + 100 * mix[2] <= high + 1e-3
    assert held >= 140


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), min_size=1, max_size=5))
@settings(max_examples=30)
def test_an_interval_holds_what_was_seen(items: list[tuple[int, int]]) -> None:
    table = np.array([(min(pair), pair[1]) for pair in items], dtype=float)
    value, low, high = bounded_mean(table[:, 0], table[:, 1])
    assert 0 <= low <= value <= high <= 1
    assert bounded_mean(table[::-1, 0], table[::-1, 1])[1:] == (low, high), "whatever their order"
