"""How hard each item is: which of several models pass it, so that items that tell no models apart can be replaced."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from anjian.scores.rows import Verdicted


class Hardness(msgspec.Struct, frozen=True):
    """One item: how many models were scored on it, and how many passed all its rounds and repetitions."""

    id: str
    task: str
    category: str
    models: int
    passed: int


def hardness(runs: Mapping[str, Sequence[Verdicted]], passes: Mapping[str, int]) -> list[Hardness]:
    """Counts for each item the models that pass it; easiest first within a task.

    Args:
        runs: Model to its verdicts.
        passes: Task to the points from which a reply passes; other tasks are left out.
    """
    about: dict[str, Verdicted] = {}
    scored: dict[str, dict[str, bool]] = defaultdict(dict)
    for model, verdicts in runs.items():
        for verdict in verdicts:
            about.setdefault(verdict.id, verdict)
            if verdict.points is None or verdict.task not in passes or _open(verdict, passes[verdict.task]):
                continue
            passed = verdict.points >= passes[verdict.task]
            scored[verdict.id][model] = scored[verdict.id].get(model, True) and passed
    found = [
        Hardness(name, about[name].task, about[name].category, len(models), sum(models.values()))
        for name, models in scored.items()
    ]
    return sorted(found, key=lambda one: (one.task, -one.passed / one.models, one.id))


def _open(verdict: Verdicted, passes: int) -> bool:
    """True if the judge left open whether the reply passes."""
    return len({points >= passes for points in (verdict.points or 0, *verdict.alike)}) > 1


def summary(items: Iterable[Hardness]) -> dict[str, Counter[str]]:
    """For each task, how many items `all` models pass, `some` do, and `none` does."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in items:
        counts[one.task]["all" if one.passed == one.models else "none" if not one.passed else "some"] += 1
    return dict(counts)
