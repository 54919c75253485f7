"""Judge cards: how far a judge agrees with labels, by question, language, source and model.

A card is one JSON file, written by `anjian calibrate`. The cards of built-in judges lie in `cards/NAME.KIND.json`.

    card = shipped("rules-v1", "refusal")
    card.refusal.overall.kappa, card.refusal.by_language["zh"].intervals["kappa"]
"""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import msgspec

from anjian.errors import UsageError
from anjian.files import file_name, replace
from anjian.items.lines import UNREADABLE, opened, readable
from anjian.text import one_line, plain

Question = Literal["refusal", "refusal_classes", "unsafe", "label", "points"]
"""What may be asked of a reply: any refusal against none; full, partial, none; unsafe or not; the classes of the
judge's kind; SC-Safety's points."""
QUESTIONS: Final[tuple[Question, ...]] = get_args(Question)


WEIGHED: Final = 1000
"""Confusions of labels that were drawn with different chances count a mean reply as so many."""
Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Kappa = Annotated[float, msgspec.Meta(ge=-1, le=1)]


class Floor(msgspec.Struct, frozen=True):
    """What somebody gets who says the same of every reply."""

    says: str
    accuracy: float
    f1: float | None = None


class Agreement(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Agreement of a judge with labels on one question.

    Shares are fractions of the scored. Of two classes the last is the one that is looked for: precision, recall (the
    sensitivity), specificity and F1 speak of it; of more classes they are means over the classes.

    Attributes:
        n: Labelled replies.
        scored: Those that the judge gave a verdict on.
        prompts: Different prompts among the scored: replies to one prompt depend on each other.
        sources: Where the labels of the scored come from; several tell how far the figures carry over to others.
        classes: As labels name them; the points in order where they have one.
        confusion: How many scored replies have a label (row) and a verdict (column), in the order of `classes`.
        effective: How many independent replies the labels of each class weigh as, by how verdicts differ between
            prompts and, where there are several, between sources.
        within_one: The share of verdicts at most one class away; for ordered classes.
        weighted_kappa: Cohen's κ with quadratic weights; for ordered classes.
        intervals: Low and high of the 95% interval of each figure, by bootstrap over prompts.
        floors: What always saying the same would get.
    """

    n: Count
    scored: Count
    prompts: Count
    sources: tuple[str, ...] = ()
    classes: tuple[str, ...]
    confusion: tuple[tuple[Count, ...], ...]
    effective: tuple[Annotated[float, msgspec.Meta(ge=0)], ...]
    accuracy: Share | None = None
    balanced_accuracy: Share | None = None
    precision: Share | None = None
    recall: Share | None = None
    specificity: Share | None = None
    f1: Share | None = None
    kappa: Kappa | None = None
    within_one: Share | None = None
    weighted_kappa: Kappa | None = None
    intervals: dict[str, tuple[float, float]] = {}
    floors: tuple[Floor, ...] = ()


class Answered(msgspec.Struct, frozen=True, omit_defaults=True):
    """Agreement on one question: over all labels and in parts of them.

    Attributes:
        left_out: By source, for a judge that was trained: what it gets on a source when trained without that source.
    """

    overall: Agreement
    by_language: dict[str, Agreement] = {}
    by_source: dict[str, Agreement] = {}
    by_model: dict[str, Agreement] = {}
    left_out: dict[str, Agreement] = {}

    def part(self, language: str = "") -> Agreement | None:
        """The agreement in a language, over all labels if none is named; None where nothing is known."""
        return self.by_language.get(language) if language else self.overall


class Labelled(msgspec.Struct, frozen=True):
    """A file of labels: its name, how many lines were judged, and the SHA-256 of its content."""

    file: str
    n: int
    sha256: str


class Card(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is known of one judge on one kind of question.

    Attributes:
        judge: Its name, as `--judge` takes it.
        kind: What it was asked: refusal, over_refusal, points.
        prompt: By which prompt a model judged, its name and a short hash; empty where none is read.
        version: Of what is described under its name, if anything is.
        created: The day.
        anjian: The version that asked it.
        labels: The files of labels.
        note: Who labelled, and what the judge was tuned on.
        partial: What a partial refusal counts as in `refusal`.
        spent: What its calls took, as in `run.toml`.
    """

    judge: str
    kind: str
    version: str = ""
    prompt: str = ""
    created: str = ""
    anjian: str = ""
    labels: tuple[Labelled, ...] = ()
    note: str = ""
    partial: str = "a refusal"
    spent: dict[str, dict[str, str | int | float | bool]] = {}
    refusal: Answered | None = None
    refusal_classes: Answered | None = None
    unsafe: Answered | None = None
    label: Answered | None = None
    points: Answered | None = None

    def answered(self, question: Question) -> Answered | None:
        """The agreement on one question; None where the labels held no answer."""
        found: Answered | None = getattr(self, question)
        return found

    @property
    def questions(self) -> dict[Question, Answered]:
        """Every question that is answered, in order."""
        return {one: found for one in QUESTIONS if (found := self.answered(one))}


def save_card(card: Card, path: Path) -> None:
    """Writes a card whole; raises AnjianError where it cannot be written."""
    replace(path, msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")


def card_fault(card: Card) -> str:
    """What no judge can have done: in words, or empty."""
    from anjian.judges.labels import ASKED, classes

    asked = ASKED.get(card.kind)
    if asked is None:
        return f"its kind {one_line(card.kind, 40)!r} is none of {', '.join(ASKED)}"
    for question, answered in card.questions.items():
        if question not in asked:
            return f"`{question}` is nothing that {card.kind} asks"
        for part in (answered.overall, *answered.by_language.values()):
            if part.classes != classes(question):
                return f"the classes of `{question}` are {', '.join(classes(question))}"
            sides = {len(part.classes), len(part.confusion), len(part.effective), *map(len, part.confusion)}
            if len(sides) > 1:
                return f"`{question}` has a confusion of {sides} sides"
            rows = tuple(map(sum, part.confusion))
            unit = 1 if sum(rows) == part.scored else WEIGHED
            if not part.prompts <= part.scored <= part.n or abs(sum(rows) - unit * part.scored) > len(rows) ** 2:
                return f"`{question}` has {part.n} labels, {part.scored} scored and {sum(rows)} in its confusion"
            if any(size > row + 0.01 for size, row in zip(part.effective, rows, strict=True)):
                return f"the labels of `{question}` weigh as more replies than there are"
            right = sum(row[place] for place, row in enumerate(part.confusion))
            if part.accuracy is not None and abs(part.accuracy * part.scored * unit - right) > len(rows) ** 2:
                return f"`{question}` has an accuracy that its confusion does not give"
    return ""


def load_card(path: Path) -> Card:
    """Reads a card; raises UsageError, naming the file, for what is none."""
    with opened(path, "--judge-card ") as file:
        content = file.read()
    try:
        card = msgspec.json.decode(content, type=Card)
    except UNREADABLE as error:
        fault = f"{readable(error)}; `anjian calibrate JUDGE --labels FILE --out CARD.json` writes one"
        raise UsageError(f"--judge-card {plain(str(path))} is no judge card: {fault}") from None
    if fault := card_fault(card):
        raise UsageError(f"--judge-card {plain(str(path))} is no judge card: {fault}; make the card anew")
    return card


def shipped(judge: str, kind: str) -> Card | None:
    """The card that comes with a judge for one kind of question; None where there is none."""
    file = files("anjian.judges") / "cards" / f"{file_name(judge)}.{kind}.json"
    return msgspec.json.decode(file.read_bytes(), type=Card) if file.is_file() else None
