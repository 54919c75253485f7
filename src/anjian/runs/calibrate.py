"""Calibrates judges: has labelled replies judged, and counts how far verdicts agree with labels.

Calls go through a ledger, as in any run: run again, a calibration goes on where it stopped, and pays nothing twice.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console

from anjian import __version__
from anjian.errors import UsageError
from anjian.items.records import Message
from anjian.judges.base import NO_JUDGE, Verdict
from anjian.judges.card import Agreement, Answered, Card, Labelled, Question, shipped
from anjian.judges.kinds import POINTS, REFUSAL, Kind
from anjian.judges.labels import ASKED, CALIBRATED, ORDERED, Label, classes, fitting, pooled, read_labels, said, truth
from anjian.judges.named import members
from anjian.judges.prompting import Prompt, prompt_of, reads_prompts, settled
from anjian.models.base import Sampling
from anjian.models.resolve import Access
from anjian.models.settled import versions_in_book
from anjian.runs.folder import LEDGER, Identity, opened, write_run
from anjian.runs.ledger import Ledger
from anjian.runs.money.purse import Purse
from anjian.runs.money.spending import named, table_of
from anjian.runs.seats import Seats, describe_models, judges_version, lazily, model_names
from anjian.runs.session import carry_out
from anjian.scores.confusion import Pair, agreement

FEWEST = 20
"""Labels that a language, a source or a model must have to stand in the card by itself."""
NAME = "calibrate"


class Calibration(msgspec.Struct, frozen=True):
    """What is to be calibrated; the options of `anjian calibrate` with the same names.

    Attributes:
        judges: Each a name, or the names of a panel.
        labels: Files of labels.
        kind: The name of a kind; empty for that which the labels answer.
        prompts: What models read, where that is not the usual prompt.
    """

    judges: tuple[tuple[str, ...], ...]
    labels: tuple[Path, ...]
    kind: str = ""
    note: str = ""
    prompts: tuple[Prompt, ...] = ()
    budget: float | None = None
    access: Access = Access()


class Judged(msgspec.Struct, frozen=True):
    """One judge's card, and its verdict on each label."""

    card: Card
    verdicts: list[Verdict]


class Calibrated(msgspec.Struct, frozen=True):
    """What came of a calibration: the labels that were judged, what each judge said, what the user should know."""

    kind: Kind
    labels: list[Label]
    judged: list[Judged]
    notes: list[str]
    stopped: str | None = None


async def calibrate(wanted: Calibration, folder: Path, console: Console) -> Calibrated:
    """Has every label judged by every judge, and makes their cards.

    Args:
        wanted: What is to be calibrated.
        folder: Where the ledger is.
        console: Where progress is shown.

    Raises:
        UsageError: Labels, judges or the folder cannot be used; names every fault of a file of labels.
        AnjianError: The disk is full, a server does not start.
    """
    files = {path: read_labels(path) for path in dict.fromkeys(wanted.labels)}
    every, repeats = pooled(files)
    kind = _kind(wanted.kind, every)
    labels = fitting(every, kind)
    if not labels:
        raise UsageError(
            f"--labels hold no answer to what --kind {kind.name} asks; choose another kind or other labels"
        )
    notes = []
    if repeats:
        notes.append(f"{repeats} labels repeat another one word for word: each is counted once")
    if len(labels) < len(every):
        notes.append(f"{len(every) - len(labels)} labels answer nothing that {kind.name} asks")
    notes += [note for judge in wanted.judges if (note := _trained_on("+".join(judge), kind, labels))]
    prompts = settled(wanted.prompts, [kind], [name for judge in wanted.judges for name in judge])
    names = [name for judge in wanted.judges for name in judge]
    models = describe_models((None, *names), msgspec.structs.replace(wanted.access, log=folder / "server.log"))
    versions = versions_in_book(model_names(names))
    purse = Purse(model_names(names), wanted.budget)
    identity = Identity(NAME, kind.name, 1, Sampling(), "")
    with opened(folder, identity):
        write_run(folder, identity, {}, [], notes)
        with Ledger(folder / LEDGER) as ledger:
            purse.enter(folder / LEDGER, ledger.usage)
            async with AsyncExitStack() as stack:
                seats = Seats(names, ledger, lazily(models, stack, console), versions, purse)
                stopped = await _ask(wanted, kind, labels, prompts, seats, console)
            ledger.commit()
            replay = Seats(names, ledger, {}, versions)
            verdicts = [await _verdicts(judge, kind, labels, prompts, replay) for judge in wanted.judges]
    spent = purse.spent(dict.fromkeys(members(names), "judge"))
    taken = tuple(_taken(path, fitting(pooled({path: read})[0], kind)) for path, read in files.items())
    judged = []
    for judge, found in zip(wanted.judges, verdicts, strict=True):
        card = card_of("+".join(judge), kind, labels, found)
        version = judges_version(judge, versions)
        costs = table_of(one for one in spent if named(one.model) in members(judge))
        prompt = prompt_of(kind, prompts).tag if any(map(reads_prompts, judge)) else ""
        card = msgspec.structs.replace(
            card, version=version, prompt=prompt, labels=taken, spent=costs, note=wanted.note
        )
        judged.append(Judged(card, found))
    return Calibrated(kind, labels, judged, notes, stopped)


def _trained_on(judge: str, kind: Kind, labels: Sequence[Label]) -> str:
    """A warning where a built-in judge learnt from sources of these names; empty where it did not."""
    card = shipped(judge, kind.name)
    learnt = {source for answered in card.questions.values() for source in answered.left_out} if card else set()
    seen = sorted(learnt & {label.source for label in labels})
    if not seen:
        return ""
    return f"{judge} learnt from {', '.join(seen)}: this agreement flatters it; its shipped card is out of fold"


def _kind(name: str, labels: Sequence[Label]) -> Kind:
    """The kind of that name; where none is named, points if that is all that is labelled, else refusal."""
    if name:
        return next(kind for kind in CALIBRATED if kind.name == name)
    asked = any(label.refusal or label.unsafe is not None or label.label for label in labels)
    return REFUSAL if asked else POINTS


async def _ask(
    wanted: Calibration, kind: Kind, labels: Sequence[Label], prompts: Sequence[Prompt], seats: Seats, console: Console
) -> str | None:
    """Has every label judged; what the ledger holds is not asked again."""
    judges = [seats.judge(names, kind, prompts=prompts) for names in wanted.judges if model_names(names)]
    if not judges:
        return None

    async def act(number: int) -> int:
        unscored = 0
        for judge in judges:
            verdict = await judge.judge(labels[number].item(number), _dialogue(labels[number]), labels[number].response)
            unscored += verdict.unscored is not None
        return unscored

    return await carry_out(range(len(labels)), act, seats, wanted.access.concurrency or 64, console)


async def _verdicts(
    names: Sequence[str], kind: Kind, labels: Sequence[Label], prompts: Sequence[Prompt], seats: Seats
) -> list[Verdict]:
    """The verdicts of one judge, from the ledger; raises UsageError for a judge that cannot judge the kind."""
    judge = seats.judge(names, kind, prompts=prompts)
    found = [
        await judge.judge(label.item(number), _dialogue(label), label.response) for number, label in enumerate(labels)
    ]
    if all(verdict.unscored == NO_JUDGE for verdict in found):
        raise UsageError(f"{judge.name} cannot judge --kind {kind.name}; choose another kind, or another judge")
    return found


def _dialogue(label: Label) -> tuple[Message, ...]:
    return (*label.history, Message("user", label.prompt))


def card_of(judge: str, kind: Kind, labels: Sequence[Label], verdicts: Sequence[Verdict]) -> Card:
    """The card of a judge by its verdicts on labelled replies.

    Args:
        judge: Its name.
        kind: What it was asked.
        labels: What the right verdicts are.
        verdicts: Its verdict on each of them.
    """
    found = {
        question: _answered(question, kind, labels, verdicts)
        for question in ASKED[kind.name]
        if any(truth(label, question) for label in labels)
    }
    day = datetime.now(UTC).date().isoformat()
    return msgspec.structs.replace(Card(judge=judge, kind=kind.name, created=day, anjian=__version__), **found)


def _answered(question: Question, kind: Kind, labels: Sequence[Label], verdicts: Sequence[Verdict]) -> Answered:
    known = [(label, verdict) for label, verdict in zip(labels, verdicts, strict=True) if truth(label, question)]
    pairs = [(label, pair_of(label, verdict, question, kind)) for label, verdict in known]

    def whole(part: Iterable[Pair], name: str) -> Agreement:
        return agreement(list(part), classes(question), question in ORDERED, f"{question}/{name}")

    def parts(group: Callable[[Label], str | None]) -> Mapping[str, Agreement]:
        sizes = Counter(name for label, _ in pairs if (name := group(label)))
        return {
            name: whole((pair for label, pair in pairs if group(label) == name), name)
            for name, size in sorted(sizes.items())
            if size >= FEWEST
        }

    return Answered(
        overall=whole((pair for _, pair in pairs), "overall"),
        by_language=dict(parts(lambda label: label.language)),
        by_source=dict(parts(lambda label: label.source)),
        by_model=dict(parts(lambda label: label.model)),
    )


def pair_of(label: Label, verdict: Verdict, question: Question, kind: Kind) -> Pair:
    """Label and verdict of one reply as classes of a question that the label answers."""
    says = {said(points, question, kind) for points in (verdict.points, *verdict.alike) if points is not None}
    verdict_says = says.pop() if len(says) == 1 else None
    return Pair(
        "\n".join(message.content for message in _dialogue(label)),
        truth(label, question) or "",
        verdict_says,
        label.source or "",
    )


def _taken(path: Path, labels: Sequence[Label]) -> Labelled:
    return Labelled(path.name, len(labels), hashlib.sha256(path.read_bytes()).hexdigest())
