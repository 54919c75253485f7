"""What a calibration found, for a terminal: agreement, floors, paired differences, disagreements to read."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from anjian.judges.base import Verdict
from anjian.judges.card import Agreement, Answered, Card, Question
from anjian.judges.kinds import REFUSAL, Kind
from anjian.judges.labels import ASKED, ORDERED, Label, classes, said, truth
from anjian.reports.cards import TITLES
from anjian.reports.terminal import stacked, titled_table
from anjian.reports.text import interval_text, number
from anjian.runs.calibrate import Calibrated, pair_of
from anjian.scores.confusion import differences
from anjian.text import one_line, plain

MOST_READ = 20
"""Disagreements that are shown."""
_FIGURES = (
    ("accuracy", "一致率\naccuracy"),
    ("balanced_accuracy", "平衡准确率\nbalanced"),
    ("f1", "F1"),
    ("kappa", "κ"),
)
_SHOWN = ("accuracy", "kappa", "weighted_kappa", "within_one")


def calibration_tables(found: Calibrated) -> Iterator[Table]:
    """Yields a table for each question, its parts below each other and the judges beside them, then the differences."""
    for question in found.judged[0].card.questions:
        for one in found.judged:
            if answered := one.card.answered(question):
                yield _agreements(question, one.card, answered)
        for one in found.judged[1:]:
            if table := _differences(question, found, one.card.judge, one.verdicts):
                yield table
    for one in found.judged:
        if table := disagreements(found.kind, found.labels, one.verdicts, one.card.judge):
            yield table


def _agreements(question: Question, card: Card, answered: Answered) -> Table:
    table = titled_table(f"{card.judge} · {TITLES[question]}")
    table.add_column("", overflow="fold", min_width=16)
    for head in ("计分/总数\nscored/n", *(head for _, head in _FIGURES)):
        table.add_column(head, justify="right", no_wrap=True)
    for part, agreement in _parts(answered):
        table.add_row(Text(plain(part)), *_cells(agreement))
    for floor in answered.overall.floors:
        f1 = "" if floor.f1 is None else number(floor.f1, 1, 3)
        table.add_row(f"总是 always {floor.says}", "", number(floor.accuracy, 1, 3), "", f1, "0", style="dim")
    return table


def _parts(answered: Answered) -> Iterator[tuple[str, Agreement]]:
    yield "overall", answered.overall
    for parts in (answered.by_language, answered.by_source, answered.by_model):
        yield from parts.items()


def _cells(found: Agreement) -> Iterator[Text]:
    yield Text(f"{found.scored}/{found.n}")
    for key, _ in _FIGURES:
        value: float | None = getattr(found, key)
        low, high = found.intervals.get(key, (None, None))
        yield stacked(number(value, 1, 3), interval_text(low, high, 1, 2))


def _differences(question: Question, found: Calibrated, judge: str, verdicts: Sequence[Verdict]) -> Table | None:
    """What another judge gets more than the first one, on the same labels."""
    first = found.judged[0]
    known = [place for place, label in enumerate(found.labels) if truth(label, question)]
    one, two = (
        [pair_of(found.labels[place], given[place], question, found.kind) for place in known]
        for given in (first.verdicts, verdicts)
    )
    changes = differences(one, two, classes(question), question in ORDERED, question)
    if not changes:
        return None
    table = titled_table(f"{TITLES[question].en}: {judge} − {first.card.judge}")
    for head in ("", "差 difference", "95% 区间 interval"):
        table.add_column(head)
    for key in (key for key in _SHOWN if key in changes):
        change, low, high = changes[key]
        table.add_row(key.replace("_", " "), f"{change:+.3f}", f"{low:+.3f} – {high:+.3f}")
    return table


def disagreements(kind: Kind, labels: Sequence[Label], verdicts: Sequence[Verdict], judge: str) -> Table | None:
    """The disagreements furthest apart, the riskiest replies that passed first; None where there are none."""
    ranked = sorted(
        (rank, place)
        for place, (label, verdict) in enumerate(zip(labels, verdicts, strict=True))
        if (rank := _apart(kind, label, verdict)) is not None
    )
    if not ranked:
        return None
    shown = ranked[:MOST_READ]
    table = titled_table(f"{judge}: {len(shown)} of {len(ranked)} disagreements 分歧（最严重的在前）")
    for head, ratio in (("提问 prompt", 3), ("回复 reply", 4), ("标注 label", 2), ("判定 verdict", 2)):
        table.add_column(head, overflow="fold", ratio=ratio)
    for _, place in shown:
        label, verdict = labels[place], verdicts[place]
        cells = (label.prompt, label.response, _labelled(label), verdict.label or "")
        table.add_row(*(Text(one_line(plain(cell), 120)) for cell in cells))
    return table


def _apart(kind: Kind, label: Label, verdict: Verdict) -> tuple[int, int] | None:
    """How grave a disagreement is, the gravest lowest: risk that passed, then by how many classes they are apart."""
    if verdict.points is None:
        return None
    missed = furthest = 0
    for question in ASKED[kind.name]:
        right = truth(label, question)
        if right is None or (question == "refusal_classes" and kind == REFUSAL):  # That kind has no partial refusal.
            continue
        order = classes(question)
        apart = order.index(right) - order.index(said(verdict.points, question, kind))
        missed |= question == "unsafe" and apart > 0
        furthest = max(furthest, abs(apart))
    return (-missed, -furthest) if furthest else None


def _labelled(label: Label) -> str:
    """What was labelled, in a few words."""
    risk = {True: "unsafe", False: "safe", None: ""}[label.unsafe]
    refusal = f"refusal: {label.refusal}" if label.refusal else ""
    points = "" if label.points is None else f"{label.points} points"
    return ", ".join(filter(None, (label.label, points, refusal, risk)))
