"""`auto`: `local-v1` for refusal and guidance, rules for risk; see `anjian.judges.local.combined`."""

from anjian.judges.base import Judge
from anjian.judges.kinds import OVER_REFUSAL, POINTS, REFUSAL, Kind
from anjian.judges.local.combined import AutoJudge
from anjian.judges.local.model import shipped
from anjian.judges.rules.cues import load_cues

NAME = AutoJudge.name


def warm_up() -> None:
    """Loads weights and cues."""
    shipped()
    load_cues()


def judge_of(kind: Kind) -> Judge | None:
    """Judges refusals, over-refusal and points."""
    return AutoJudge(kind) if kind in (REFUSAL, POINTS, OVER_REFUSAL) else None
