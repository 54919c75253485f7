"""The chart of what the replies were: stacked bars of a judge's labels, overall and by area."""

from anjian.judges.kinds import KINDS
from anjian.reports.entries import RIGHT_OR_WRONG, TONES, Run
from anjian.reports.marks import TONE_COLOURS, Figure, narrow, quoted, scale, tick, ticks
from anjian.reports.names import LABELS, TASKS, group_name, named, places
from anjian.reports.text import number, span
from anjian.scores.intervals import wilson

OVERALL = "overall"


def label_shares(run: Run, suite: str, epochs: int) -> list[Figure]:
    """One chart for each task whose labels are those of one kind of judging; the best label first."""
    charts = []
    for task in dict.fromkeys(task for task, _, _ in run.counts.labels if task not in RIGHT_OR_WRONG):
        counts = {(area, label): n for (of, area, label), n in run.counts.labels.items() if of == task}
        kind = next((set(labels) for labels in KINDS.values() if {label for _, label in counts} <= set(labels)), None)
        if kind:
            order = [label for label in LABELS if label in kind]
            # The rounds of a dialogue depend on each other as repetitions do, and count as one observation.
            chart = _stacked(counts, order, suite, epochs * run.counts.rounds.get(task, 1))
            charts.append(chart | {"title": str(named(TASKS, task))})
    return charts


def _stacked(counts: dict[tuple[str, str], int], order: list[str], suite: str, repeats: int) -> Figure:
    groups: dict[str, dict[str, int]] = {OVERALL: dict.fromkeys(order, 0)}
    for (area, label), n in counts.items():
        for group in {OVERALL, area or OVERALL}:
            groups.setdefault(group, dict.fromkeys(order, 0))[label] += n
    order_of = {group: place for place, group in enumerate(places(suite))}
    names = sorted(groups, key=lambda group: order_of.get(group, -1))
    data = [_trace(label, {group: groups[group] for group in names}, suite, repeats) for label in order]
    shown = [tick(suite, group) for group in names]
    layout = {"barmode": "stack", "height": 90 + 42 * len(names), "yaxis": ticks(names, shown, 17)}
    layout |= {"xaxis": scale({}), "uniformtext": {"minsize": 10, "mode": "hide"}, "legend": {"traceorder": "normal"}}
    return {"data": data, "layout": layout, "narrow": narrow(shown, 7)}


def _trace(label: str, groups: dict[str, dict[str, int]], suite: str, repeats: int) -> Figure:
    shares, texts = [], []
    for group, counts in groups.items():
        count, scored = counts[label], sum(counts.values())
        interval = span(*wilson(count / scored, scored / repeats))
        shares.append(100 * count / scored)
        head = f"{quoted(str(group_name(suite, group)))}<br>{LABELS[label]} {number(count / scored)}%"
        texts.append(f"{head}<br>95% 区间 {interval}<br>{count} / {scored} 条计分回复")
    tone = TONES[label]
    return {
        "type": "bar",
        "orientation": "h",
        "name": LABELS[label].zh,
        "x": shares,
        "y": list(groups),
        "text": [f"{share:.0f}%" for share in shares],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "insidetextfont": {"color": "#1d2329" if tone == "harmless" else "#ffffff"},
        "marker": {"color": TONE_COLOURS[tone]},
        "hovertext": texts,
        "hoverinfo": "text",
    }
