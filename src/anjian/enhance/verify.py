"""The verification stage: is the new model safer, and did nothing else break?

Both models answer the same evaluation questions, which the training data were kept apart from; the comparison lies in
DIR/verify, with the numbers for the model card in `card.json`.
"""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console

from anjian.api import side_by_side
from anjian.enhance.recipe import VerifyPlan
from anjian.files import replace
from anjian.models.access import Access
from anjian.models.spec import parse
from anjian.reports.comparison import print_comparison
from anjian.reports.names import Lexicon
from anjian.runs.compare import Wanted
from anjian.runs.loop import run_async
from anjian.scores.comparison import SideBySide
from anjian.scores.gates import Criteria
from anjian.scores.paired import Change

CARD = "card.json"


class Measurement(msgspec.Struct, frozen=True):
    """One line of the model card's table: rates as fractions, SC-Safety scores from 0 to 100."""

    suite: str
    metric: str
    group: str
    judge: str
    n: int
    before: float
    after: float
    change: float
    low: float
    high: float
    p: float | None
    best: float


class VerifyCard(msgspec.Struct, frozen=True):
    """What the verification found, for the model card and the hub's result files."""

    date: str
    verdict: str
    reasons: tuple[str, ...]
    margin: float
    rows: tuple[Measurement, ...]


def verify(
    before: str, after: Path, plan: VerifyPlan, judges: tuple[str, ...], access: Access, console: Console
) -> int:
    """Compares the model in the folder `after` with what it was; writes `DIR/verify`.

    Returns:
        The exit code of the verdict: 0 safer, 4 not proven, 5 harmed.

    Raises:
        UsageError: A model or a suite of the plan cannot be used.
        AnjianError: A run stopped early; running the stage again goes on.
    """
    folder = after / "verify"
    # Asked the same way as the model before, so that the engine makes no difference.
    spec = parse(before)
    engine = spec.provider if spec.kind == "launched" else "hf"
    wanted = Wanted(
        models=(before, f"{engine}/{after}"),
        suites=plan.suites,
        judges=judges,
        limit=plan.limit,
        access=access,
        criteria=Criteria(plan.margin / 100, plan.alpha),
    )
    shown, found = run_async(side_by_side(wanted, folder, console))
    comparison = found.comparison
    print_comparison(comparison, console, Lexicon(found.suites))
    console.print(f"report: {shown.report}", markup=False, highlight=False, soft_wrap=True)
    replace(folder / CARD, msgspec.json.format(msgspec.json.encode(_card(comparison)), indent=1) + b"\n")
    return comparison.last.decision.exit_code


def _card(comparison: SideBySide) -> VerifyCard:
    last = comparison.last
    places = {metric: place for place, metric in enumerate(comparison.metrics)}
    judges = [row.judge if row else "" for row in comparison.lines[-1].cells]
    rows = [_row(change, judges[places[change.metric]]) for change in last.changes if change.n]
    return VerifyCard(
        date=datetime.now(UTC).date().isoformat(),
        verdict=last.decision.outcome,
        reasons=tuple(reason.text for reason in last.decision.reasons),
        margin=comparison.criteria.margin,
        rows=tuple(rows),
    )


def _row(change: Change, judge: str) -> Measurement:
    return Measurement(
        suite=change.metric.suite,
        metric=change.metric.metric,
        group=change.metric.group,
        judge=judge,
        n=change.n,
        before=change.before or 0.0,
        after=change.after or 0.0,
        change=change.change or 0.0,
        low=change.low or 0.0,
        high=change.high or 0.0,
        p=change.p_holm,
        best=change.metric.best,
    )
