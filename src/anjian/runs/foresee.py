"""`anjian compare --dry-run`: what a comparison could prove, from its items alone or from finished runs."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from anjian.models.base import Model
from anjian.runs.compare import Laid, Wanted, lay_out
from anjian.scores.gates import POOLED
from anjian.scores.measures import Measure, Task
from anjian.scores.paired import Metric, of_group, paired_items
from anjian.scores.power import Power, Sample, all_hold, observed, powers
from anjian.suites.base import Suite


class Foreseen(msgspec.Struct, frozen=True):
    """What a comparison could prove, metric by metric; `holds` is how often all margins hold if nothing changes."""

    powers: list[Power]
    holds: float
    suites: list[Suite]


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
    return Foreseen(found, all_hold(found), laid.declared)


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
