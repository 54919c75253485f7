"""A panel: several judges read the same reply, and the one in the middle decides."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import msgspec

from anjian.items.records import Item, Message
from anjian.judges.base import JUDGE_TIE, NO_QUORUM, Judge, Verdict, Vote


class Panel:
    """Judges by the median of those whose verdict could be read, since labels have an order; every vote is kept.

    Points 2, 3 and 0 make a refusal (2), and a majority always has the median. More than half of the judges must have
    given a verdict. Where the two in the middle differ it is a tie: unscored, or the stricter label (the one worth
    fewer points) if `strict_ties`.
    """

    def __init__(self, judges: Sequence[Judge], strict_ties: bool = False) -> None:
        """Takes the judges; the panel's name joins theirs."""
        self.name = "+".join(judge.name for judge in judges)
        self._judges = judges
        self._strict_ties = strict_ties

    async def judge(self, item: Item, dialogue: Sequence[Message], answer: str) -> Verdict:
        """Asks all judges at once; see `Judge.judge`."""
        verdicts = await asyncio.gather(*(judge.judge(item, dialogue, answer) for judge in self._judges))
        votes = tuple(
            Vote(judge.name, verdict.label, verdict.points, verdict.unscored)
            for judge, verdict in zip(self._judges, verdicts, strict=True)
        )
        return msgspec.structs.replace(self._decide(verdicts), votes=votes)

    def _decide(self, verdicts: Sequence[Verdict]) -> Verdict:
        given = [verdict for verdict in verdicts if verdict.label is not None]
        if 2 * len(given) <= len(verdicts):
            reasons = {verdict.unscored for verdict in verdicts}
            return Verdict(unscored=reasons.pop() if len(reasons) == 1 else NO_QUORUM)
        in_order = sorted(given, key=lambda verdict: verdict.points or 0)
        lower, upper = in_order[(len(given) - 1) // 2], in_order[len(given) // 2]
        if lower.points != upper.points and not self._strict_ties:
            return Verdict(unscored=JUDGE_TIE)
        return _likeliest(lower, given)


def _likeliest(middle: Verdict, given: Sequence[Verdict]) -> Verdict:
    """The commonest of the labels that are worth as much as the one in the middle."""
    alike = [verdict for verdict in given if verdict.points == middle.points]
    label, _ = Counter(verdict.label for verdict in alike).most_common(1)[0]
    return next(verdict for verdict in alike if verdict.label == label)
