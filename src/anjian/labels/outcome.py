"""What people's labels say of a run: how far they agree, what its judge is worth here, what its rates come to."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Literal

import msgspec

from anjian.files import locked, replace
from anjian.judges.base import Verdict
from anjian.judges.card import Agreement, Answered, Card, Labelled, Question, save_card
from anjian.judges.kinds import OVER_REFUSAL, POINTS, REFUSAL, Kind
from anjian.judges.labels import CALIBRATED, ORDERED, Label, Refused, truth
from anjian.labels.agreeing import Agreeing, agreeing
from anjian.labels.drawing import Entry
from anjian.labels.people import PEOPLE, kept_people, read_settled, settle, votes_of
from anjian.labels.pool import LABELS, Judged, Pool
from anjian.labels.sheets import json_lines, rows_of
from anjian.labels.weighing import weighted
from anjian.language import language_of
from anjian.runs.calibrate import card_of, pair_of
from anjian.scores.confusion import Pair, agreement
from anjian.scores.corrected import Corrected, Sampled, ppi
from anjian.scores.measures import Measure, Task

RESULT, UNSETTLED = "labels.json", "unsettled.jsonl"
_REFUSED: dict[int, Refused] = {-1: "none", 0: "full", 1: "partial", 2: "none"}
_POINTS: tuple[Literal[0, 1, 2], ...] = (0, 1, 2)


class Estimate(msgspec.Struct, frozen=True):
    """A rate of the run by its judge, and by the people who labelled a part of it.

    Attributes:
        task: The task that it belongs to.
        metric: Its name, as in `scores.json`.
        judged: The judge's value; None where its verdicts leave open what the metric rests on.
        value: What people would give to all replies, with `low` and `high`; None where too few are labelled.
        best: What the best reply counts, 1 or 100.
        n: Judged replies.
        labelled: How many of them have a settled label.
        strata: By what the sample was split where the estimate was made; coarser where strata have no label.
    """

    task: str
    metric: str
    judged: float | None
    value: float | None
    low: float | None
    high: float | None
    best: float
    n: int
    labelled: int
    strata: str


class Outcome(msgspec.Struct, frozen=True):
    """All that labels say of a run.

    Attributes:
        judge: Who judged the run.
        people: Agreement of people, by kind of question.
        settled: How many replies have a settled label.
        unsettled: The numbers of replies that people are at odds about.
        cards: By kind, the judge's card on this run.
        judged: By kind that has no card, the agreement of the judge with settled labels.
        estimates: The rates of the run.
    """

    judge: str
    people: list[Agreeing]
    settled: int
    unsettled: list[int]
    cards: dict[str, Card]
    judged: dict[str, Agreement]
    estimates: list[Estimate]


def outcome_of(pool: Pool, entries: Sequence[Entry]) -> Outcome:
    """Counts all labels that the run holds; raises UsageError where there are none."""
    people = kept_people(pool)
    by_hand = {one.id: one.label for one in read_settled(pool)}
    settled: dict[str, str] = {}
    unsettled = []
    for entry in entries:
        votes = [*votes_of(people, entry).values()] if entry.number is not None else []
        label = by_hand.get(entry.id) or settle(votes, pool.judged[entry.id].kind)
        if label:
            settled[entry.id] = label
        elif votes:
            unsettled.append(entry.number or 0)
    asked = {entry.kind for entry in entries}
    judge, weights = str(pool.about.run.get("judge", "")), weights_of(entries, settled)
    cards: dict[str, Card] = {}
    judged: dict[str, Agreement] = {}
    for name, kind in pool.kinds.items():
        held = {one: weight for one, weight in weights.items() if pool.judged[one].kind.name == name}
        if held and kind in CALIBRATED:
            cards[name] = _card(pool, judge, kind, held, settled, len(people))
        elif held:
            judged[name] = _agreement(pool, kind, held, settled)
    return Outcome(
        judge=judge,
        people=[agreeing(kind, entries, people) for name, kind in pool.kinds.items() if name in asked],
        settled=len(settled),
        unsettled=sorted(unsettled),
        cards=cards,
        judged=judged,
        estimates=estimates_of(pool, entries, settled),
    )


def _label(one: Judged, text: str, pool: Pool) -> Label:
    """A settled label as the labels of `anjian calibrate` are written."""
    *history, asked = one.reply.messages
    points = one.kind.points[text]
    return Label(
        prompt=asked.content,
        response=one.reply.answer,
        refusal=_REFUSED[points] if one.kind == OVER_REFUSAL else None,
        label=text if one.kind == REFUSAL else None,
        points=_POINTS[points] if one.kind == POINTS else None,
        language=language_of(asked.content),
        source=pool.suite.name,
        model=str(pool.about.run.get("model", "")),
        history=tuple(history),
        harmless=True if one.kind == OVER_REFUSAL else None,
    )


def _card(pool: Pool, judge: str, kind: Kind, held: Mapping[str, float], settled: Mapping[str, str], n: int) -> Card:
    """The judge's card; where replies were drawn with different chances, overall and by language by their weights."""
    labels = [_label(pool.judged[one], settled[one], pool) for one in held]
    verdicts = [_verdict(pool.judged[one]) for one in held]
    card = card_of(judge, kind, labels, verdicts)
    lines = list(zip(labels, verdicts, held.values(), strict=True))

    def part(question: Question, plain: Agreement, language: str = "") -> Agreement:
        known = [line for line in lines if truth(line[0], question) and language in ("", line[0].language)]
        pairs = [pair_of(label, verdict, question, kind) for label, verdict, _ in known]
        return weighted(plain, pairs, [weight for _, _, weight in known], question in ORDERED)

    answered = {
        question: Answered(
            overall=part(question, found.overall),
            by_language={name: part(question, plain, name) for name, plain in found.by_language.items()},
        )
        for question, found in card.questions.items()
    }
    note = f"{n} people labelled {len(held)} replies of this run; weighed by strata"
    files = sorted((pool.folder / LABELS / PEOPLE).glob("*.jsonl"))
    prompts: dict[str, str] = pool.about.run.get("judge_prompt", {})
    prompt = prompts.get(kind.name, "")
    return msgspec.structs.replace(card, prompt=prompt, note=note, labels=tuple(map(_taken, files)), **answered)


def weights_of(entries: Sequence[Entry], settled: Mapping[str, str]) -> dict[str, float]:
    """For how many replies of its stratum each settled one stands; those left blank or unsettled are made up for."""
    sizes = Counter(entry.stratum for entry in entries)
    known = Counter(entry.stratum for entry in entries if entry.id in settled)
    return {entry.id: sizes[entry.stratum] / known[entry.stratum] for entry in entries if entry.id in settled}


def _taken(path: Path) -> Labelled:
    content = path.read_bytes()
    return Labelled(path.name, content.count(b"\n"), hashlib.sha256(content).hexdigest())


def _verdict(one: Judged) -> Verdict:
    return Verdict(label=one.line.label, points=one.line.points, alike=one.line.alike)


def _agreement(pool: Pool, kind: Kind, held: Mapping[str, float], settled: Mapping[str, str]) -> Agreement:
    """The judge's agreement on a kind that cards do not know, such as a rubric of the user's own."""
    pairs = [Pair(pool.judged[one].line.id, settled[one], pool.judged[one].label) for one in held]
    plain = agreement(pairs, [label.text for label in kind.labels], True, kind.name)
    return weighted(plain, pairs, [*held.values()], True)


def estimates_of(pool: Pool, entries: Sequence[Entry], settled: Mapping[str, str]) -> list[Estimate]:
    """The rates of a run, of which people labelled some replies."""
    tasks = {pool.judged[entry.id].line.task for entry in entries}
    measures = [(task, measure) for task, measure in pool.suite.measures() if task.name in tasks and measure.value]
    return [_estimate(task, measure, pool, entries, settled) for task, measure in measures]


def _estimate(
    task: Task, measure: Measure, pool: Pool, entries: Sequence[Entry], settled: Mapping[str, str]
) -> Estimate:
    """The rate of one task by its judge and by people.

    Replies to one item may all depend on each other: intervals are wider by the root of how many an item has.
    """
    mine = [entry for entry in entries if pool.judged[entry.id].line.task == task.name]
    told = [entry for entry in mine if measure.tells(pool.judged[entry.id].line)]
    counted = {entry.id: _worth(measure, pool.judged[entry.id].line.points or 0) for entry in mine}
    known = {
        entry.id: _worth(measure, pool.judged[entry.id].kind.points[settled[entry.id]])
        for entry in mine
        if entry.id in settled
    }
    found, strata = (None, "") if len(told) < len(mine) else _by_strata(mine, counted, known)
    value, low, high = found or (None, None, None)
    if found:
        wider = sqrt(len(mine) / len({entry.item for entry in mine}))
        low = max(0.0, found[0] - wider * (found[0] - found[1]))
        high = min(1.0, found[0] + wider * (found[2] - found[0]))
    value, low, high = (None if one is None else round(one * measure.best, 6) for one in (value, low, high))
    mean = measure.best * sum(counted.values()) / len(mine)
    judged = round(mean, 6) if len(told) == len(mine) else None
    return Estimate(task.name, measure.name, judged, value, low, high, measure.best, len(mine), len(known), strata)


def _worth(measure: Measure, points: int) -> float:
    return float(measure.value(points)) / measure.best if measure.value else 0.0


def _by_strata(
    entries: Sequence[Entry], counted: Mapping[str, float], known: Mapping[str, float]
) -> tuple[Corrected | None, str]:
    """The estimate within the strata of the sample; within verdicts, or over all, where strata have no label."""
    ways: dict[str, Callable[[Entry], str]] = {
        "strata": lambda entry: entry.stratum,
        "verdict": lambda entry: entry.verdict,
        "none": lambda entry: "",
    }
    for name, stratum in ways.items():
        items = [Sampled(counted[entry.id], known.get(entry.id), stratum(entry)) for entry in entries]
        if found := ppi(items):
            return found, name
    return None, ""


def save_outcome(pool: Pool, entries: Sequence[Entry], outcome: Outcome) -> list[Path]:
    """Writes the judge's cards, all figures, and what is left to be settled, into the run's folder of labels."""
    folder = pool.folder / LABELS
    people = kept_people(pool)
    by_number = {entry.number: entry for entry in entries}
    open_ = [
        msgspec.structs.replace(row, note=_at_odds(votes_of(people, by_number[row.number])))
        for row in rows_of(pool, entries)
        if row.number in outcome.unsettled
    ]
    single = len({entry.kind for entry in entries}) == 1
    with locked(pool.folder):
        replace(folder / RESULT, msgspec.json.format(msgspec.json.encode(outcome), indent=1) + b"\n")
        replace(folder / UNSETTLED, json_lines(open_))
        paths = [folder / ("card.json" if single else f"card.{name}.json") for name in outcome.cards]
        for path, card in zip(paths, outcome.cards.values(), strict=True):
            save_card(card, path)
    return paths


def _at_odds(votes: Mapping[str, str]) -> str:
    return "; ".join(f"{person}: {label}" for person, label in votes.items())
