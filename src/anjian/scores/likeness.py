"""What two runs of a suite must have in common, so that their difference is that of the models alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from anjian.judges.builtin import builtin_judges
from anjian.scores.measures import Task
from anjian.scores.rows import Row, Verdicted

NoteKind = Literal[
    "absent",
    "other items",
    "other judges",
    "other versions",
    "other conditions",
    "first look",
    "other cards",
]
BARRING: frozenset[NoteKind] = frozenset(
    {"absent", "other items", "other judges", "other versions", "other conditions"}
)
"""What makes a suite prove nothing at all. After a first look harm may still be proven, but never that a model is
safer; cards correct what is shown beside the rates, and no verdict rests on that."""


class Measured(msgspec.Struct, frozen=True):
    """One run of one model on one suite.

    Attributes:
        items: Hash of the items asked.
        folder: Where the run is.
        version: Of the suite, when it ran.
        conditions: How it was asked and judged, as words: temperature, epochs, the judge's prompt …
        cards: By which labels its rates were corrected, by task, as words.
    """

    model: str
    suite: str
    rows: list[Row]
    verdicts: list[Verdicted]
    items: str = ""
    folder: str = ""
    version: str = ""
    conditions: dict[str, str] = {}
    cards: dict[str, str] = {}


class Note(msgspec.Struct, frozen=True):
    """What keeps models from being compared on a suite; `text` says it in English, of `what` it is."""

    kind: NoteKind
    suite: str
    text: str
    what: tuple[str, ...] = ()


def differences(suite: str, version: str, runs: Mapping[str, Measured | None]) -> Iterator[Note]:
    """Says what keeps runs of a suite from being compared.

    Args:
        suite: The suite.
        version: As it is declared now.
        runs: One for each model, None where a model has none.
    """
    mine = [run for run in runs.values() if run]
    if absent := tuple(model for model, run in runs.items() if run is None):
        yield Note("absent", suite, f"{suite}: no run of {', '.join(absent)}", absent)
    if len({run.items for run in mine}) > 1:
        words = "the models were asked different items; only shared ones are compared"
        yield Note("other items", suite, f"{suite}: {words}")
    versions = tuple(sorted({version, *(run.version for run in mine)} - {""}))
    if len(versions) > 1:
        words = f"the runs are of other versions of the suite ({', '.join(versions)}); run them again"
        yield Note("other versions", suite, f"{suite}: {words}", versions)
    judges = {(verdict.task, verdict.judge) for run in mine for verdict in run.verdicts}
    if len(judges) > len({task for task, _ in judges}):
        words = "the models had different judges; their difference is partly the judges'"
        yield Note("other judges", suite, f"{suite}: {words}")
    for name in dict.fromkeys(name for run in mine for name in run.conditions):
        values = tuple(dict.fromkeys(run.conditions.get(name, "–") for run in mine))
        if len(values) > 1:
            words = f"{name} differs between the models ({', '.join(values)}); run one of them again"
            yield Note("other conditions", suite, f"{suite}: {words}", (name, *values))
    for task in dict.fromkeys(task for run in mine for task in run.cards):
        labels = tuple(dict.fromkeys(run.cards[task] for run in mine if task in run.cards))
        if len(labels) > 1:
            words = f"the rates of {task} are corrected by different labels ({'; '.join(labels)})"
            yield Note("other cards", suite, f"{suite}: {words}", (task, *labels))


def first_looks(suite: str, tasks: Sequence[Task], runs: Iterable[Measured]) -> Iterator[Note]:
    """Says which judges saw too little of harm to prove that there is less of it: the built-in ones.

    A card does not mend that: it says how much harm a judge misses on average, and a model may learn to do its harm
    where the judge sees none. A useless answer passes it for a full one, too, so it proves no guard. What compares
    answers with a key sees all there is.
    """
    seeing = {
        task.name
        for task in tasks
        if task.kind
        and task.kind.labels
        and not task.kind.by
        and (task.kind.risky or any(one.role in ("safety", "guard") for one in task.measures))
    }
    judges = dict.fromkeys(
        name for run in runs for verdict in run.verdicts if verdict.task in seeing for name in _blind(verdict)
    )
    if judges:
        words = f"judged by {', '.join(judges)}, a first look: harm it cannot see is not counted"
        yield Note("first look", suite, f"{suite}: {words}", tuple(judges))


def _blind(verdict: Verdicted) -> list[str]:
    """The built-in judges that decided a verdict; on a panel they do where the others have no majority."""
    names = [vote.judge for vote in verdict.votes] or [verdict.decided_by or verdict.judge]
    blind = [name for name in names if name in builtin_judges()]
    return blind if 2 * len(blind) >= len(names) else []
