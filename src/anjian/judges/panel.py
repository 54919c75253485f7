"""A panel: several judges read the same reply, the majority decides."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import msgspec

from anjian.items.records import Item, Message
from anjian.judges.base import JUDGE_TIE, NO_QUORUM, Judge, Verdict, Vote


class Panel:
    """Judges by majority of those whose verdict could be read; every vote is kept.

    More than half of the judges must have given a verdict. A tie for first place is unscored, or goes to the stricter
    label (the one worth fewest points) if `strict_ties`.
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
        counts = Counter(verdict.label for verdict in given)
        most = max(counts.values())
        first = [verdict for verdict in given if counts[verdict.label] == most]
        if len({verdict.label for verdict in first}) > 1 and not self._strict_ties:
            return Verdict(unscored=JUDGE_TIE)
        return min(first, key=lambda verdict: verdict.points or 0)
