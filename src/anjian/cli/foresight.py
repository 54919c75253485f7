"""`anjian compare --dry-run`: what could be proven with these items, as a table."""

from anjian.console import plain_console
from anjian.reports.comparison.foresight import summary
from anjian.reports.names import Lexicon
from anjian.reports.terminal import titled_table
from anjian.reports.words import english
from anjian.runs.compare import Wanted
from anjian.runs.foresee import foresee
from anjian.scores.gates import POOLED
from anjian.scores.power import CHANCE, Power
from anjian.text import plain

HEADS = ("metric", "items", "replies", "flips", "rise", "fall", "holds")


def describe(wanted: Wanted, agreement: float) -> None:
    """Prints what each metric could prove. Nothing is opened or written."""
    foreseen, console = foresee(wanted, agreement), plain_console()
    table = titled_table("能证明什么 what could be proven")
    for place, head in enumerate(HEADS):
        table.add_column(head, justify="right" if place else "left", no_wrap=bool(place))
    lexicon = Lexicon(foreseen.suites)
    for power in foreseen.powers:
        table.add_row(*_line(power, lexicon))
    console.print(table)
    margin = f"{100 * wanted.criteria.margin:g}"
    for line in (
        f"rise: points by which a metric must truly rise to be proven better in {CHANCE:.0%} of comparisons",
        f"fall: the margin that an unchanged metric keeps in {CHANCE:.0%}; holds: how often it keeps that of {margin}",
        f"flips: share of replies that differ by chance; * as the runs show, else 1 − --agreement {100 * agreement:g}%",
        *summary(foreseen, wanted.criteria),
    ):
        console.print(plain(line), soft_wrap=True)


def _line(power: Power, lexicon: Lexicon) -> tuple[str, ...]:
    sample = power.sample
    suites = sample.metric.suite.split(POOLED)
    first = lexicon.metric(type(sample.metric)(suites[0], sample.metric.task, sample.metric.metric))
    named = f"{POOLED.join(english(lexicon.suite(suite)) for suite in suites)} {english(first)}"
    seen = "*" if sample.observed else ""
    points = (f"{100 * share:.1f}" for share in (power.rise, power.fall))
    return (
        plain(named),
        str(sample.items),
        str(sample.replies),
        f"{100 * sample.flips:.1f}%{seen}",
        *points,
        f"needs {power.needed:g}" if power.short else f"{power.holds:.0%}",
    )
