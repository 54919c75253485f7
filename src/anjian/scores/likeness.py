"""What two runs of a suite must have in common, so that their difference is that of the models alone."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from anjian.scores.rows import Row, Verdicted

NoteKind = Literal["absent", "other items", "other judges", "other versions", "other conditions"]


class Measured(msgspec.Struct, frozen=True):
    """One run of one model on one suite.

    Attributes:
        items: Hash of the items asked.
        folder: Where the run is.
        version: Of the suite, when it ran.
        conditions: How it was asked and judged, as words: temperature, epochs, the judge's prompt …
    """

    model: str
    suite: str
    rows: list[Row]
    verdicts: list[Verdicted]
    items: str = ""
    folder: str = ""
    version: str = ""
    conditions: dict[str, str] = {}


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
