"""Which judge card holds for which task of a run, and what it says, for `run.toml` and reports."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.judges.card import Agreement, Card, Question, load_card, shipped
from anjian.judges.labels import CALIBRATED
from anjian.language import language_of
from anjian.runs.plan import Prepared
from anjian.scores.carded import Fitting

MIXED = 0.05
"""The share of items in another language from which on they count as in several."""
_LINES: Mapping[str, tuple[Question, ...]] = {
    "refusal": ("refusal", "unsafe", "label"),
    "over_refusal": ("refusal", "refusal_classes"),
    "points": ("points", "unsafe"),
}


class Line(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a card says of one question, as reports show it; `n` is 0 where no card exists.

    Attributes:
        task: The task of the suite whose replies were judged.
        judge: Who judged.
        kind: What was asked.
        language: Of the items; empty for several.
        question: What the card answers.
        n: Labelled replies.
        sources: Where the labels come from.
        note: Who labelled, and what the judge was tuned on.
        prompt: By which prompt a model judged.
    """

    task: str
    judge: str
    kind: str
    language: str = ""
    question: str = ""
    n: int = 0
    scored: int = 0
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    kappa: float | None = None
    kappa_low: float | None = None
    kappa_high: float | None = None
    sources: str = ""
    note: str = ""
    prompt: str = ""


class Cards(msgspec.Struct, frozen=True):
    """The cards of a run: those that correct rates, by task, what is shown of them, and what the user should know."""

    fitting: dict[str, Fitting]
    lines: list[Line]
    notes: list[str]


def cards_of(judge: str, given: Iterable[Path]) -> dict[str, Card]:
    """The user's cards by kind; raises UsageError for a file that is no card, or that of another judge."""
    found: dict[str, Card] = {}
    for path in given:
        card = load_card(path)
        if card.judge != judge:
            raise UsageError(
                f"--judge-card {path} is of {card.judge}, and {judge} judges here; run `anjian calibrate {judge}`"
            )
        if card.kind in found:
            raise UsageError(f"--judge-card {path} is a second card for {card.kind}; leave one out")
        found[card.kind] = card
    return found


def fit_cards(prepared: Prepared) -> Cards:
    """Finds the card of every task that people could judge: the user's, else one that comes with the judge.

    Raises:
        UsageError: A card of the user's cannot be used.
    """
    plan = prepared.plan
    given = cards_of(plan.judge, plan.cards)
    cards = Cards({}, [], [])
    kinds = set()
    for task in prepared.suite.tasks:
        asked = [item for item in prepared.items if prepared.suite.task_of(item) == task.name]
        if task.kind is None or task.kind.by or not asked:
            continue
        kind, language = task.kind.name, _language([item.turns[0] for item in asked])
        if task.kind in CALIBRATED:
            kinds.add(kind)
            card, prompt = given.get(kind) or shipped(plan.judge, kind), prepared.judge_prompts.get(kind, "")
            fault = _unfit(card, language, prompt) if card else ""
            if card and not fault:
                cards.fitting[task.name] = Fitting(card, language, shipped=kind not in given)
            elif kind in given:
                cards.notes.append(f"the card for {kind} is not used for {task.name}: {fault}")
        cards.lines.extend(_lines(task.name, plan.judge, kind, language, cards.fitting.get(task.name)))
    for kind in sorted(given.keys() - kinds):
        cards.notes.append(f"the card for {kind} is not used: {prepared.suite.name} asks nothing of that kind here")
    return cards


def _unfit(card: Card, language: str, prompt: str) -> str:
    """Why a card says nothing of replies in a language, judged by a prompt; empty where it does."""
    if card.prompt != prompt:
        return f"it was made by {card.prompt or 'a prompt that it does not name'}, and {prompt} judges here"
    known = sorted({name for answered in card.questions.values() for name in answered.by_language})
    if language in known:
        return ""
    where = f"in {language}" if language else "in several languages"
    held = f"it knows {', '.join(known)}" if known else "it has too few labels of any language"
    return f"the items are {where}, and {held}; calibrate on labels of that language"


def _language(questions: Sequence[str]) -> str:
    """The one language of nearly all questions; empty for several."""
    (first, count), *_ = Counter(map(language_of, questions)).most_common(1)
    return first if count > (1 - MIXED) * len(questions) else ""


def _lines(task: str, judge: str, kind: str, language: str, fitting: Fitting | None) -> Iterable[Line]:
    """What the card says; first that it says nothing, where it does not answer the first question of the kind."""
    asked = _LINES.get(kind, ())
    found = [(one, part) for one in asked if fitting and (part := fitting.part(one))]
    if not found or found[0][0] != asked[0]:
        yield Line(task=task, judge=judge, kind=kind, language=language)
    for question, part in found:
        if fitting:
            yield _line(task, kind, language, question, part, fitting.card)


def _line(task: str, kind: str, language: str, question: Question, part: Agreement, card: Card) -> Line:
    ends = {key: part.intervals.get(key, (None, None)) for key in ("accuracy", "kappa")}
    return Line(
        task=task,
        judge=card.judge,
        kind=kind,
        language=language,
        question=question,
        n=part.n,
        scored=part.scored,
        accuracy=part.accuracy,
        accuracy_low=ends["accuracy"][0],
        accuracy_high=ends["accuracy"][1],
        kappa=part.kappa,
        kappa_low=ends["kappa"][0],
        kappa_high=ends["kappa"][1],
        sources=", ".join(part.sources),
        note=card.note,
        prompt=card.prompt,
    )
