"""What a cascade saved: how many verdicts went up to the dear judge, and what the others would have cost there."""

from collections.abc import Iterable
from typing import Any

from anjian.judges.named import cascades, leaves
from anjian.runs.money.spending import Spent, money
from anjian.runs.plan import Plan
from anjian.scores.count import Count


def saved(plan: Plan, count: Count, spent: Iterable[Spent]) -> tuple[list[str], dict[str, Any]]:
    """Says what a cascade saved, in words and as tables for `run.toml`, one for each; nothing where none judged."""
    notes, tables = [], {}
    paid = list(spent)
    for judge, held in cascades(plan.judges).items():
        decided = {name: count.decided[name] for name in (held.cheap, held.dear)}
        n, up = sum(decided.values()), decided[held.dear]
        if not n:
            continue
        table: dict[str, Any] = {"verdicts": n, "went_up": up, "share": round(up / n, 6), "calls_saved": n - up}
        table |= {"loss": held.loss}
        note = f"{held.dear} was asked about {up} of {n} replies ({up / n:.1%}): {held.cheap} decided the others"
        note += f", {n - up} calls saved"
        known = [one for one in paid if one.model in leaves(held.dear) and one.cost is not None]
        if known and all(one.currency == known[0].currency for one in known):
            cost = (n - up) * sum((one.cost or 0.0) / one.calls for one in known)
            table |= {"saved": round(cost, 6), "currency": known[0].currency}
            note += f", about {money({known[0].currency: cost})}"
        notes.append(note)
        tables[judge] = table
    return notes, tables
