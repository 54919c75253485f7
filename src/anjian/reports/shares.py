"""The chart of what the replies were: stacked bars of a judge's labels, overall and by area."""

from collections import Counter

from anjian.judges.kinds import Label
from anjian.reports.entries import RunPage
from anjian.reports.marks import SERIES, TONE_COLOURS, Figure, narrow, quoted, scale, tick, ticks
from anjian.reports.names import Lexicon
from anjian.reports.text import interval_text, number
from anjian.scores.intervals import wilson

OVERALL = "overall"
_DARK = "#1d2329"
_FADED = (1.0, 0.6, 0.35)
"""Of labels with one colour, the worse are paler."""


def label_shares(run: RunPage, epochs: int) -> list[Figure]:
    """One chart for each task whose verdicts are the labels of its kind; the best label first."""
    charts = []
    for task in dict.fromkeys(task for task, _, _ in run.counts.labels):
        counts = {(area, label): n for (of, area, label), n in run.counts.labels.items() if of == task}
        kind = run.lexicon.kind(run.suite, task)
        if kind and {label for _, label in counts} <= {one.text for one in kind.labels}:
            # Replies to one item depend on each other: their intervals stand with the metrics, which know the items.
            single = epochs * run.counts.rounds.get(task, 1) == 1
            chart = _stacked(counts, kind.labels[::-1], run.lexicon, run.suite, single)
            charts.append(chart | {"title": str(run.lexicon.task(run.suite, task))})
    return charts


def _stacked(
    counts: dict[tuple[str, str], int], labels: tuple[Label, ...], lexicon: Lexicon, suite: str, single: bool
) -> Figure:
    groups: dict[str, dict[str, int]] = {OVERALL: {label.text: 0 for label in labels}}
    for (area, text), n in counts.items():
        for group in {OVERALL, area or OVERALL}:
            groups.setdefault(group, {label.text: 0 for label in labels})[text] += n
    order_of = {group: place for place, group in enumerate(lexicon.places(suite))}
    names = sorted(groups, key=lambda group: order_of.get(group, -1))
    shown = [tick(lexicon, suite, group) for group in names]
    heads = [quoted(str(lexicon.group(suite, group))) for group in names]
    tones: Counter[str] = Counter()
    data = []
    for label in labels:
        trace = _trace(label, [groups[group] for group in names], heads, single)
        trace["marker"]["opacity"] = _FADED[min(tones[label.tone], 2)]
        tones[label.tone] += 1
        data.append(trace | {"y": names})
    layout = {"barmode": "stack", "height": 90 + 42 * len(names), "yaxis": ticks(names, shown, 17)}
    layout |= {"xaxis": scale({}), "uniformtext": {"minsize": 10, "mode": "hide"}, "legend": {"traceorder": "normal"}}
    return {"data": data, "layout": layout, "narrow": narrow(shown, 7)}


def _trace(label: Label, groups: list[dict[str, int]], heads: list[str], single: bool) -> Figure:
    name, shares, texts = quoted(str(label.title)) or quoted(label.text), [], []
    for head, counts in zip(heads, groups, strict=True):
        count, scored = counts[label.text], sum(counts.values())
        interval = f"95% 区间 {interval_text(*wilson(count / scored, scored))}<br>" if single else ""
        shares.append(100 * count / scored)
        texts.append(f"{head}<br>{name} {number(count / scored)}%<br>{interval}{count} / {scored} 条计分回复")
    return {
        "type": "bar",
        "orientation": "h",
        "name": quoted(label.title.zh or label.title.en or label.text),
        "x": shares,
        "text": [f"{share:.0f}%" for share in shares],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "insidetextfont": {"color": _DARK if label.tone == "harmless" else "#ffffff"},
        "marker": {"color": TONE_COLOURS.get(label.tone, SERIES[-1])},
        "hovertext": texts,
        "hoverinfo": "text",
    }
