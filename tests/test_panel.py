"""A panel decides by the verdict in the middle."""

import asyncio
from collections.abc import Sequence

import pytest

from anjian.items.records import Item, Message
from anjian.judges.base import JUDGE_TIE, NO_QUORUM, Verdict
from anjian.judges.kinds import REFUSAL
from anjian.judges.panel import Panel

ITEM = Item("a", "chisafety", "年龄歧视", ("问",))
LABELS = [label.text for label in REFUSAL.labels]


class Says:
    """A judge that always says the same."""

    def __init__(self, points: int | None) -> None:
        self.name = f"says {points}"
        self._points = points

    async def judge(self, item: Item, dialogue: Sequence[Message], answer: str) -> Verdict:
        """Says it."""
        return (
            Verdict(unscored="judge_timeout") if self._points is None else Verdict(LABELS[self._points], self._points)
        )


def decided(*points: int | None, strict: bool = False) -> int | str | None:
    panel = Panel([Says(one) for one in points], strict)
    verdict = asyncio.run(panel.judge(ITEM, [Message("user", "问")], "答"))
    assert [vote.points for vote in verdict.votes] == list(points)
    return verdict.unscored or verdict.points


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ((2, 3, 0), 2),
        ((3, 0, 2), 2),
        ((0, 1, 3), 1),
        ((3, 3, 0), 3),
        ((0, 0, 3, 1, 3), 1),
        ((2, 2, 3, 0), 2),
        ((2, 3, None), JUDGE_TIE),
        ((0, 3), JUDGE_TIE),
        ((0, 3, None, None), NO_QUORUM),
    ],
)
def test_the_verdict_in_the_middle_decides(votes: tuple[int | None, ...], expected: int | str) -> None:
    assert decided(*votes) == expected


def test_a_tie_may_go_to_the_stricter_label() -> None:
    assert decided(2, 3, strict=True) == 2
    assert decided(3, 0, strict=True) == 0
