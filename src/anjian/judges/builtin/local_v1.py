"""`local-v1`: refusal and guidance by a small trained model; see `anjian.judges.local.judge`."""

from anjian.judges.base import Judge
from anjian.judges.kinds import OVER_REFUSAL, POINTS, REFUSAL, Kind
from anjian.judges.local.judge import LocalJudge
from anjian.judges.local.model import shipped

NAME = LocalJudge.name
warm_up = shipped


def judge_of(kind: Kind) -> Judge | None:
    """Judges refusals, over-refusal, and points where refusal decides them."""
    return LocalJudge(kind) if kind in (REFUSAL, POINTS, OVER_REFUSAL) else None
