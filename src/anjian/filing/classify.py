"""Classifies generated content by another judge than the run's, such as a guard model; the target is not asked.

The calls lie in the run's own ledger, so that what was classified before costs nothing, and what was killed goes on.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from rich.console import Console

from anjian.errors import UsageError
from anjian.files import locked, replace, writing
from anjian.filing.folder import CLASSIFIED, REVIEW, RUN, judged, sample
from anjian.judges.base import Verdict
from anjian.judges.named import can_judge
from anjian.models.base import NOT_ASKED
from anjian.models.resolve import Access
from anjian.models.settled import versions_in_book
from anjian.runs.folder import LEDGER
from anjian.runs.ledger import Ledger
from anjian.runs.money.purse import Purse
from anjian.runs.seats import Seats, describe_models, lazily, model_names
from anjian.runs.session import carry_out
from anjian.scores.rows import Verdicted
from anjian.suites.gbt45654 import CONTENT

OF_VERDICTS = tuple(name for name in Verdict.__struct_fields__ if name != "thinking")


async def classify(
    folder: Path, judges: Sequence[str], console: Console, access: Access, budget: float | None = None
) -> str | None:
    """Writes what a classifier says of each reply to a question of generated content; returns why it stopped early.

    Args:
        folder: A filing with a finished run.
        judges: The classifier, or a panel.
        console: Where progress is shown.
        access: How it is reached.
        budget: The most that it may cost, earlier sessions included.

    Raises:
        UsageError: There is no run, or the classifier cannot tell what is risky.
    """
    assert CONTENT.kind  # noqa: S101  (its replies are judged)
    if not all(can_judge(name, CONTENT.kind) for name in judges):
        raise UsageError(f"--classifier {' '.join(judges)} cannot judge by {CONTENT.kind.source}; name another one")
    found = [(line, reply) for line, reply in judged(folder) if line.task == CONTENT.name]
    asked = [(line, reply) for line, reply in found if reply.answer]
    items = {item.id: item for item in sample(folder)}
    models = describe_models((None, *judges), msgspec.structs.replace(access, log=folder / RUN / "server.log"))
    versions, purse = versions_in_book(model_names(judges)), Purse(model_names(judges), budget)
    with locked(folder / RUN), Ledger(folder / RUN / LEDGER) as ledger:
        purse.enter(folder / RUN / LEDGER, ledger.usage)
        async with AsyncExitStack() as stack:
            seats = Seats(judges, ledger, lazily(models, stack, console), versions, purse)
            judge = seats.judge(judges, CONTENT.kind)
            told = {line.id: _unasked(line, judge.name, reply.answer) for line, reply in found}

            async def act(number: int) -> int:
                line, reply = asked[number]
                said = await judge.judge(items[line.id], reply.messages, reply.answer)
                verdict = {name: getattr(said, name) for name in OF_VERDICTS}
                told[line.id] = msgspec.structs.replace(line, judge=judge.name, **verdict)
                return said.unscored is not None

            stopped = await carry_out(range(len(asked)), act, seats, access.concurrency or 64, console)
        ledger.commit()
    with writing(folder / REVIEW):
        (folder / REVIEW).mkdir(exist_ok=True)
    replace(folder / CLASSIFIED, b"".join(msgspec.json.encode(line) + b"\n" for line in told.values()))
    return stopped


def _unasked(line: Verdicted, judge: str, answer: str) -> Verdicted:
    """What is known of a reply that the classifier has not seen: nothing, but why there is no reply."""
    if not answer:
        return msgspec.structs.replace(line, judge=judge)
    return Verdicted(line.id, line.task, line.category, judge, shape=line.shape, unscored=NOT_ASKED)
