"""How far a judge's prompt moves scores: a run's stored replies are judged again under each prompt.

The calls lie in the run's own ledger: what was judged there before costs nothing, and what was killed goes on. The
run's verdicts and scores stay as they are, and its target is not asked.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from rich.console import Console

from anjian.errors import UsageError
from anjian.files import locked
from anjian.items.records import Item
from anjian.judges.base import Judge
from anjian.judges.kinds import Kind
from anjian.judges.named import members
from anjian.judges.prompting import Prompt, reads_prompts
from anjian.models.resolve import Access
from anjian.models.settled import versions_in_book
from anjian.runs.folder import LEDGER, Replied, RunFile, read_about
from anjian.runs.intact import read_judged
from anjian.runs.ledger import Ledger
from anjian.runs.money.purse import Purse
from anjian.runs.money.spending import Spent, since
from anjian.runs.reading import suite_of_run
from anjian.runs.seats import Seats, describe_models, lazily, model_names
from anjian.runs.session import carry_out
from anjian.scores.paired import Change, Metric, holm, of_group, paired_change
from anjian.scores.rows import Verdicted
from anjian.suites.base import Suite

Line = tuple[Verdicted, Replied]


class Flip(msgspec.Struct, frozen=True):
    """A reply that gets different labels; `labels` has one for each prompt, None where there is no verdict under it."""

    id: str
    epoch: int
    round: int
    labels: tuple[str | None, ...]
    reply: str


class Sensitivity(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        judge: Who judged.
        kind: What was asked.
        prompts: By name and hash, in the order given.
        replies: How many were judged.
        scored: How many verdicts there are under each prompt.
        changes: For each prompt after the first, every metric against the first.
        flips: Replies with different labels.
        both: How many replies have a verdict under every prompt.
        spent: What the judge used this time.
        stopped: Why not everything was judged.
    """

    judge: str
    kind: str
    prompts: tuple[str, ...]
    replies: int
    scored: tuple[int, ...]
    changes: tuple[tuple[Change, ...], ...]
    flips: list[Flip]
    spent: list[Spent]
    both: int
    stopped: str | None = None


async def judge_sensitivity(
    folder: Path,
    prompts: Sequence[Prompt],
    judge: str | None,
    console: Console,
    access: Access | None = None,
    budget: float | None = None,
) -> Sensitivity:
    """Judges a run's replies under each prompt, and compares.

    Args:
        folder: A finished run.
        prompts: Two or more.
        judge: A model; by default the run's judge.
        console: Where progress is shown.
        access: How the judge is reached.
        budget: The most that it may cost, earlier sessions included.

    Raises:
        UsageError: There is no such run, no judge that reads prompts, or fewer than two prompts for one kind.
    """
    about, access = read_about(folder), access or Access()
    suite = suite_of_run(about)
    if suite is None:
        raise UsageError(f"{folder} is a run of {about.run.get('suite')!r}, and there is no such suite here")
    name = judge or str(about.run.get("judge", ""))
    if not name or not reads_prompts(name):
        raise UsageError(f"{name or 'nobody'} judged {folder}, and reads no prompt; name a model with --judge")
    kind = _kind(suite, prompts)
    lines = _judgeable(folder, about, suite, kind)
    models = describe_models((None, name), msgspec.structs.replace(access, log=folder / "server.log"))
    versions, purse = versions_in_book(model_names([name])), Purse(model_names([name]), budget)
    with locked(folder), Ledger(folder / LEDGER) as ledger:
        purse.enter(folder / LEDGER, ledger.usage)
        roles = dict.fromkeys(members([name]), "judge")
        earlier = {(one.role, one.model): one for one in purse.spent(roles, others="earlier")}
        async with AsyncExitStack() as stack:
            seats = Seats([name], ledger, lazily(models, stack, console), versions, purse)
            judges = _judges(seats, name, kind, prompts)

            async def act(number: int) -> int:
                verdicts = [await _verdict(one, lines[number]) for one in judges]
                return sum(verdict.unscored is not None for verdict in verdicts)

            stopped = await carry_out(range(len(lines)), act, seats, access.concurrency or 64, console)
        ledger.commit()
        replay = _judges(Seats([name], ledger, {}, versions), name, kind, prompts)
        told = [[await _verdict(one, line) for line in lines] for one in replay]
    return Sensitivity(
        judge=name,
        kind=kind.name,
        prompts=tuple(prompt.tag for prompt in prompts),
        replies=len(lines),
        scored=tuple(sum(verdict.label is not None for verdict in verdicts) for verdicts in told),
        changes=tuple(tuple(_changes(suite, kind, told[0], other)) for other in told[1:]),
        flips=_flips(lines, told),
        spent=[
            since(one, earlier.get((one.role, one.model)))
            for one in purse.spent(roles, others="earlier")
            if one.role == "judge"
        ],
        both=sum(all(verdict.label is not None for verdict in verdicts) for verdicts in zip(*told, strict=True)),
        stopped=stopped,
    )


def _kind(suite: Suite, prompts: Sequence[Prompt]) -> Kind:
    """The one kind that all prompts ask."""
    kinds = {task.kind.name: task.kind for task in suite.tasks if task.kind and not task.kind.own}
    asked = {prompt.kind or next(iter(kinds), "") for prompt in prompts}
    if len(asked) > 1 or not asked <= kinds.keys():
        raise UsageError(
            f"--prompt: the prompts are for {', '.join(sorted(asked))}; give prompts for one of {', '.join(kinds)}"
        )
    if len({prompt.text for prompt in prompts}) < max(2, len(prompts)):
        raise UsageError("--prompt: give two or more different prompts")
    return kinds[asked.pop()]


def _judgeable(folder: Path, about: RunFile, suite: Suite, kind: Kind) -> list[Line]:
    """The lines of a run that are judged by a kind and have an answer."""
    tasks = {task.name for task in suite.tasks if task.kind == kind}
    both = read_judged(folder, about, suite)
    lines = [(line, reply) for line, reply in both if line.task in tasks and reply.answer.strip()]
    if not lines:
        raise UsageError(f"{folder} holds no replies that are judged by {kind.name}")
    return lines


def _judges(seats: Seats, name: str, kind: Kind, prompts: Sequence[Prompt]) -> list[Judge]:
    return [seats.judge([name], kind, prompts=[msgspec.structs.replace(one, kind=kind.name)]) for one in prompts]


async def _verdict(judge: Judge, line: Line) -> Verdicted:
    before, reply = line
    item = Item(id=before.id, suite="", category=before.category, turns=(reply.messages[-1].content,))
    found = await judge.judge(item, reply.messages, reply.answer)
    return msgspec.structs.replace(
        before, label=found.label, points=found.points, unscored=found.unscored, analysis=found.analysis
    )


def _changes(suite: Suite, kind: Kind, first: Sequence[Verdicted], other: Sequence[Verdicted]) -> list[Change]:
    """How every metric of the kind moves; ratios over many verdicts are left out."""
    changes = []
    for task in (task for task in suite.tasks if task.kind == kind):
        for measure in (measure for measure in task.measures if measure.value):
            metric = Metric(
                suite.name, task.name, measure.name, higher=measure.higher, role=measure.role, best=measure.best
            )
            before, after = (list(of_group(one, metric, task.counted, {})) for one in (first, other))
            changes.append(paired_change(metric, measure, before, after))
    return list(holm(changes))


def _flips(lines: Sequence[Line], told: Sequence[Sequence[Verdicted]]) -> list[Flip]:
    return [
        Flip(line.id, line.epoch, line.round, labels, reply.answer)
        for (line, reply), *verdicts in zip(lines, *told, strict=True)
        if len({*(labels := tuple(verdict.label for verdict in verdicts)), None}) > 2
    ]
