"""`anjian compare --dry-run`: what a comparison could prove, from its items alone or from finished runs."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from anjian.judges.base import Vote
from anjian.judges.named import Cascaded, taken_apart
from anjian.models.base import Model
from anjian.runs.compare import Laid, Wanted, lay_out
from anjian.scores.gates import POOLED
from anjian.scores.likeness import Measured, Note, first_looks
from anjian.scores.measures import Measure, Task
from anjian.scores.paired import Metric, of_group, paired_items
from anjian.scores.power import Power, Sample, all_hold, observed, powers
from anjian.scores.rows import Verdicted
from anjian.suites.base import Suite


class Foreseen(msgspec.Struct, frozen=True):
    """What a comparison could prove, metric by metric.

    Attributes:
        holds: How often all margins hold if nothing changes.
        first_looks: Judges that cannot prove a model safer, whatever comes of it.
    """

    powers: list[Power]
    holds: float
    suites: list[Suite]
    first_looks: list[Note] = []


def foresee(wanted: Wanted, agreement: float, known: Mapping[str, Model] | None = None) -> Foreseen:
    """Says what a comparison could prove; asks nobody.

    Args:
        wanted: What is to be compared.
        agreement: The share of replies on which the models are taken to agree; of what both have finished runs of, the
            agreement that these show counts.
        known: Models described before, by name.

    Raises:
        UsageError: A model or a file cannot be used.
    """
    laid = lay_out(wanted, known or {})
    samples: list[Sample] = []
    tests = 0
    for suite in laid.declared:
        for task in suite.tasks:
            for measure in task.measures if task.compared else ():
                if measure.role != "detail" and (sample := _sample(laid, suite, task, measure, 1 - agreement)):
                    samples.append(sample)
                    tests += 1 + (len(suite.taxonomy.areas) if measure.areas else 0)
    found = powers(_pooled(samples), wanted.criteria, max(1, tests))
    judged = [note for suite in laid.declared for note in first_looks(suite.name, suite.tasks, _judged(laid, suite))]
    return Foreseen(found, all_hold(found), laid.declared, judged)


def _judged(laid: Laid, suite: Suite) -> Iterator[Measured]:
    """The runs of a suite; of those that are still to come only who will judge."""
    for model in laid.models:
        if given := laid.given.get((model, suite.name)):
            yield given
        elif prepared := laid.prepared.get((model, suite.name)):
            # A built-in judge that comes first in a cascade decides by itself, and sees no more there.
            apart = {judge: taken_apart(judge) for judge in prepared.plan.judges}
            votes = tuple(Vote(held.cheap if isinstance(held, Cascaded) else judge) for judge, held in apart.items())
            verdicts = [Verdicted("", task.name, "", prepared.plan.judge, votes=votes) for task in suite.tasks]
            yield Measured(model, suite.name, [], verdicts)


def _sample(laid: Laid, suite: Suite, task: Task, measure: Measure, flips: float) -> Sample | None:
    metric = Metric(suite.name, task.name, measure.name, higher=measure.higher, role=measure.role, best=measure.best)
    ends = [laid.given.get((model, suite.name)) for model in laid.models[-2:]]
    first, second = (of_group(run.verdicts if run else (), metric, task.counted) for run in ends)
    if first and second and not measure.ratio:
        items = paired_items(measure, first, second)
        return observed(metric, items, max(1, round(items.replies / max(1, len(items.names)))))
    prepared = next((laid.prepared[key] for key in laid.prepared if key[1] == suite.name), None)
    asked = [item for item in prepared.items if suite.task_of(item) in task.counted] if prepared else []
    if not prepared or not asked:
        return None
    calls = sum(suite.holding.calls(item, None)[0] for item in asked) * prepared.plan.epochs
    return Sample(metric, len(asked), max(1, round(calls / len(asked))), flips)


def _pooled(samples: Sequence[Sample]) -> Iterator[Sample]:
    """The samples, those of guards that several suites measure put together."""
    pools: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.metric.role == "guard":
            pools.setdefault(sample.metric.metric, []).append(sample)
        else:
            yield sample
    for parts in pools.values():
        items = sum(part.items for part in parts)
        replies = round(sum(part.items * part.replies for part in parts) / max(1, items)) or 1
        spread = sum(part.items * part.flips / part.replies for part in parts) / max(1, items)
        metric = msgspec.structs.replace(parts[0].metric, suite=POOLED.join(part.metric.suite for part in parts))
        yield Sample(metric, items, replies, spread * replies, all(part.observed for part in parts))
