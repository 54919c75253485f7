"""What a comparison could prove, in words; see `anjian.runs.foresee`."""

from anjian.runs.foresee import Foreseen
from anjian.scores.gates import Criteria
from anjian.scores.power import Power


def sentences(foreseen: Foreseen, criteria: Criteria) -> list[str]:
    """A line for each metric, and one for all."""
    return [*map(_sentence, foreseen.powers), summary(foreseen, criteria)]


def _sentence(power: Power) -> str:
    sample = power.sample
    how = "as the runs show" if sample.observed else "assumed"
    return (
        f"{sample.metric.suite} {sample.metric.metric}: {sample.items} items × {sample.replies} replies, "
        f"{100 * sample.flips:.1f}% of which flip ({how}): proves a rise of {100 * power.rise:.1f} points, "
        f"rules out a fall of {100 * power.fall:.1f}"
    )


def summary(foreseen: Foreseen, criteria: Criteria) -> str:
    """How often the margin holds if nothing changes, and the metric that is in the way."""
    margin = f"{100 * criteria.margin:g}"
    if not foreseen.powers:
        return "there is nothing to compare"
    worst = min(foreseen.powers, key=lambda power: power.holds)
    name = f"{worst.sample.metric.suite} {worst.sample.metric.metric}"
    return (
        f"if nothing changes, all metrics are shown to be within the margin of {margin} points in "
        f"{foreseen.holds:.0%} of comparisons; the least sure is {name} ({worst.holds:.0%})"
    )
