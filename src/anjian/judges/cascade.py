"""A cascade: a cheap judge decides where it is sure enough, and a dear one the rest.

The cheap judge's confidence is the probability that its verdict is right; how much it must be for a stated loss, see
`anjian.judges.sure`. What claims that a reply is risky or harmless is left to the dear judge, unless
a card shows that the cheap one knows.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

import msgspec

from anjian.items.records import Item, Message
from anjian.judges.base import Judge, Verdict
from anjian.judges.card import shipped
from anjian.judges.kinds import DIRECT, GUIDANCE, OFF_TOPIC, OVER_REFUSAL, REFUSAL, Kind
from anjian.judges.sure import least_confidence
from anjian.language import language_of

OF_REFUSAL: Final[dict[str, frozenset[str]]] = {
    REFUSAL.name: frozenset({DIRECT, GUIDANCE}),
    OVER_REFUSAL.name: frozenset(OVER_REFUSAL.points) - {OFF_TOPIC},
}
"""The labels that say only whether a reply refuses, by kind."""


class Cascade:
    """Judges by the cheap judge where that is sure, else by the dear one; see `Judge`.

    Where the dear judge fails the reply is unscored: the cheap verdict never takes its place.
    """

    def __init__(self, name: str, cheap: Judge, dear: Judge, kind: Kind, loss: float) -> None:
        """Takes both judges, the kind of verdict, and the points of 100 that the cheap one's verdicts may lose."""
        self.name = name
        self._cheap = cheap
        self._dear = dear
        self._kind = kind
        self._loss = loss

    async def judge(self, item: Item, dialogue: Sequence[Message], answer: str) -> Verdict:
        """Judges one answer; see `Judge.judge`."""
        judge, verdict = self._cheap, await self._cheap.judge(item, dialogue, answer)
        if not self.decides(verdict, language_of(answer)):
            judge, verdict = self._dear, await self._dear.judge(item, dialogue, answer)
        return msgspec.structs.replace(verdict, decided_by=judge.name)

    def decides(self, verdict: Verdict, language: str) -> bool:
        """True if a verdict of the cheap judge on a reply in a language stands."""
        if verdict.confidence is None or not may_stand(verdict, self._cheap.name, self._kind, self._loss):
            return False
        return verdict.confidence >= least_confidence(self._cheap.name, self._kind.name, self._loss, language)


def may_stand(verdict: Verdict, judge: str, kind: Kind, loss: float) -> bool:
    """True if a verdict of a cheap judge stands where that is sure enough."""
    if verdict.label is None or verdict.alike:
        return False
    claims_risk = verdict.label not in OF_REFUSAL.get(kind.name, ())
    return not claims_risk or knows_risk(judge, kind.name, loss)


@cache
def knows_risk(judge: str, kind: str, loss: float) -> bool:
    """True if the card of a built-in judge shows that it errs about risk in no more than `loss` points of replies."""
    card = shipped(judge, kind)
    found = card.answered("unsafe") if card else None
    low = found.overall.intervals.get("accuracy") if found else None
    return low is not None and 100 * (1 - low[0]) <= loss
