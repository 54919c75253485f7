"""What people's labels say of a run, as tables for a terminal."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from anjian.judges.card import Agreement, Question
from anjian.labels.agreeing import Agreeing, Figure
from anjian.labels.outcome import Outcome
from anjian.reports.cards import TITLES
from anjian.reports.terminal import stacked, titled_table
from anjian.reports.text import interval_text, number
from anjian.text import plain

_JUDGED = (
    ("accuracy", "一致率\naccuracy"),
    ("kappa", "κ"),
    ("recall", "灵敏度\nsensitivity"),
    ("specificity", "特异度\nspecificity"),
)


def outcome_tables(outcome: Outcome) -> Iterator[Table]:
    """Yields the agreement of people, what they are at odds about, the judge's card, and the rates of the run."""
    asked = [one for one in outcome.people if any(one.labelled.values())]
    if any(one.both for one in asked):
        yield _people(asked)
    if any(one.odds for one in asked):
        yield _odds(asked)
    if outcome.cards or outcome.judged:
        yield _judge(outcome)
    yield _estimates(outcome)


def _people(asked: list[Agreeing]) -> Table:
    table = _table(
        "标注人之间 agreement of people", "", "n", "一致率\nagree", "κ", "α 名义\nnominal", "α 顺序\nordinal"
    )
    for one in asked:
        alphas = (_figure(one.nominal), _figure(one.ordinal))
        table.add_row(Text(plain(f"{one.kind}: all")), str(one.both), "", "", *alphas)
        for couple in one.couples:
            name = Text(plain(" / ".join(couple.people)))
            table.add_row(name, str(couple.n), _figure(couple.agree), _figure(couple.kappa), "", "")
    return table


def _odds(asked: list[Agreeing]) -> Table:
    table = _table("分歧最多的标签 commonest disagreements", "标签 labels", "次数\ntimes", "例如编号\ne.g. number")
    for one in asked:
        for odds in one.odds:
            table.add_row(Text(plain(" / ".join(odds.labels))), str(odds.n), str(odds.number))
    return table


def _judge(outcome: Outcome) -> Table:
    table = _table(f"{outcome.judge} 在本次运行上 on this run", "", "n", *(head for _, head in _JUDGED))
    for card in outcome.cards.values():
        for question, answered in card.questions.items():
            table.add_row(Text(_title(card.kind, question)), *_cells(answered.overall))
    for name, found in outcome.judged.items():
        table.add_row(Text(plain(name)), *_cells(found))
    return table


def _title(kind: str, question: Question) -> str:
    return plain(f"{kind} · {TITLES[question]}")


def _cells(found: Agreement) -> Iterator[Text]:
    yield Text(str(found.scored))
    for key, _ in _JUDGED:
        value: float | None = getattr(found, key)
        yield _figure(None if value is None else (value, *found.intervals[key]))


def _estimates(outcome: Outcome) -> Table:
    heads = ("指标\nmetric", "裁判\njudge", "人工校正\nby people", "95% 区间\ninterval", "已标/全部\nlabelled/n")
    table = _table("本次运行的指标 the run's metrics", *heads)
    for one in outcome.estimates:
        times = 100 / one.best
        cells = (number(one.judged, times), number(one.value, times), interval_text(one.low, one.high, times))
        table.add_row(Text(plain(f"{one.task} · {one.metric}")), *cells, f"{one.labelled}/{one.n}")
    return table


def _figure(found: Figure | None) -> Text:
    return Text("–") if found is None else stacked(number(found[0], 1, 3), interval_text(found[1], found[2], 1, 3))


def _table(title: str, *heads: str) -> Table:
    table = titled_table(title)
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", overflow="fold")
    return table
