"""Means over groups and over the worst reply of each dialogue, against plain sums."""

from collections.abc import Sequence
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anjian.items.taxonomy import flat
from anjian.judges.kinds import POINTS
from anjian.names import NAMELESS
from anjian.scores.count import Count
from anjian.scores.means import mean_of_groups, mean_of_worst
from anjian.scores.measures import Measure, Ratio, Task
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
