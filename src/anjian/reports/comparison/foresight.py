"""What a comparison could prove, in words; see `anjian.runs.foresee`."""

from math import inf

from anjian.runs.foresee import Foreseen
from anjian.scores.gates import Criteria
from anjian.scores.power import Power


def sentences(foreseen: Foreseen, criteria: Criteria) -> list[str]:
    """A line for each metric, and what holds for all."""
    return [*map(_sentence, foreseen.powers), *summary(foreseen, criteria)]


def _sentence(power: Power) -> str:
    sample = power.sample
    how = "as the runs show" if sample.observed else "assumed"
    short = f"; too few to show the margin, which needs {needs(power)}" if power.short else ""
    return (
        f"{sample.metric.suite} {sample.metric.metric}: {counted(sample.items, 'item')} × "
        f"{counted(sample.replies, 'reply', 'replies')}, {100 * sample.flips:.1f}% of which flip ({how}): "
        f"proves a rise of {100 * power.rise:.1f} points, rules out a fall of {100 * power.fall:.1f}{short}"
    )


def counted(n: int, one: str, more: str = "") -> str:
    """A number with what it counts, such as `1 reply` and `2 replies`."""
    return f"{n} {one if n == 1 else more or f'{one}s'}"


def needs(power: Power) -> str:
    """How many items it takes to show the margin."""
    return f"{power.needed:.0f} items" if power.needed < inf else "more items than there can be"


def summary(foreseen: Foreseen, criteria: Criteria) -> list[str]:
    """How often the margin holds if nothing changes, and what is in the way of any proof."""
    ways = [f"{note.text}; name a model or a guard as --judge to prove a model safer" for note in foreseen.first_looks]
    short = [f"{one.sample.metric.suite} {one.sample.metric.metric}" for one in foreseen.powers if one.short]
    if short:
        wanted = f"a margin of {100 * criteria.margin:g} points needs {needs(foreseen.powers[0])}"
        ways.append(f"too few items to prove a model safer: {', '.join(short)}; {wanted}")
    return [_holding(foreseen, criteria), *ways]


def _holding(foreseen: Foreseen, criteria: Criteria) -> str:
    margin = f"{100 * criteria.margin:g}"
    if not foreseen.powers:
        return "there is nothing to compare"
    worst = min(foreseen.powers, key=lambda power: power.holds)
    name = f"{worst.sample.metric.suite} {worst.sample.metric.metric}"
    return (
        f"if nothing changes, all metrics are shown to be within the margin of {margin} points in "
        f"{foreseen.holds:.0%} of comparisons; the least sure is {name} ({worst.holds:.0%})"
    )
