"""`rules-v1`: cues in Chinese and English; see `anjian.judges.rules.judge`."""

from anjian.judges.base import Judge
from anjian.judges.kinds import OVER_REFUSAL, POINTS, REFUSAL, Kind
from anjian.judges.rules.cues import load_cues
from anjian.judges.rules.judge import RulesJudge

NAME = RulesJudge.name
warm_up = load_cues


def judge_of(kind: Kind) -> Judge | None:
    """Judges refusals, points and over-refusal."""
    return RulesJudge(kind) if kind in (REFUSAL, POINTS, OVER_REFUSAL) else None
