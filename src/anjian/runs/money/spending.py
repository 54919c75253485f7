"""What a run has used, role by role: calls, tokens, and what they cost where `models.toml` has a price."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from rich.cells import cell_len, set_cell_size

from anjian.models.book import Price, described
from anjian.runs.money.usage import Usage
from anjian.text import one_line

NARROW = 79
_VERSION = re.compile(r"@[0-9a-f]{8,}$")


class Spent(msgspec.Struct, frozen=True):
    """What one model used in one role, over all sessions of a run.

    Attributes:
        role: `target`, `judge`, `adversary`; joined by `+` where one model has several.
        model: Its name.
        calls: Calls that were answered.
        prompt_tokens: Of all prompts.
        completion_tokens: Of all replies, thinking included.
        cost: In `currency`; None without a price.
        currency: Of the price.
        estimated: Calls whose tokens nobody counted: with a price, they are estimated from the texts' lengths.
    """

    role: str
    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None = None
    currency: str = ""
    estimated: int = 0


def spent_in(role: str, model: str, used: Usage, price: Price | None) -> Spent:
    """What calls used, and what that costs."""
    if price is None:
        return Spent(role, model, used.calls, used.prompt_tokens, used.completion_tokens)
    prompt, reply = used.tokens
    cost = round(price.of(prompt, reply), 9)
    return Spent(role, model, used.calls, round(prompt), round(reply), cost, price.currency, used.silent)


def since(one: Spent, earlier: Spent | None) -> Spent:
    """What was used after an earlier count of the same model in the same role."""
    if earlier is None:
        return one
    return msgspec.structs.replace(
        one,
        calls=one.calls - earlier.calls,
        prompt_tokens=one.prompt_tokens - earlier.prompt_tokens,
        completion_tokens=one.completion_tokens - earlier.completion_tokens,
        cost=None if one.cost is None else round(one.cost - (earlier.cost or 0.0), 9),
        estimated=one.estimated - earlier.estimated,
    )


def roles_of(model: str, judges: Iterable[str], adversary: str | None) -> dict[str, str]:
    """Who takes part as what, by name.

    >>> roles_of("a", ["a", "b"], None)
    {'a': 'target+judge', 'b': 'judge'}
    """
    found = {model: "target"}
    for name, role in (*((judge, "judge") for judge in judges), (adversary, "adversary")):
        if name:
            found[name] = f"{found[name]}+{role}" if name in found else role
    return found


def named(model: str) -> str:
    """The name of a model without its version, as `anjian.runs.seats` puts one behind it.

    >>> named("mine@0123abcd")
    'mine'
    """
    return _VERSION.sub("", model)


def price_of(model: str) -> Price | None:
    """The price of a model, by the name that a ledger knows it by; None where the book has none."""
    one = described(model) or described(named(model))
    return one.price if one else None


def table_of(spent: Iterable[Spent]) -> dict[str, dict[str, Any]]:
    """Lines as tables by role, for `run.toml`; further models in the same role are numbered, as in `judge-2`."""
    found: dict[str, dict[str, Any]] = {}
    for one in spent:
        number = 1 + sum(line["role"] == one.role for line in found.values())
        line = {name: value for name, value in msgspec.structs.asdict(one).items() if value not in (None, "")}
        if not one.estimated:
            del line["estimated"]
        found[one.role if number == 1 else f"{one.role}-{number}"] = line
    return found


def amount(value: float) -> str:
    """A sum of money without its currency: two digits, four for less than one.

    >>> amount(49.871), amount(0.01234), amount(0.00001)
    ('49.87', '0.0123', '<0.0001')
    """
    if 0 < value < 0.0001:
        return "<0.0001"
    return f"{value:,.2f}" if value >= 1 else f"{value:.4f}"


def money(costs: dict[str, float]) -> str:
    """Sums by currency, which are never added up.

    >>> money({"CNY": 1.5, "USD": 0.25})
    '1.50 CNY + 0.2500 USD'
    """
    return " + ".join(f"{amount(value)} {one_line(currency, 12)}" for currency, value in costs.items())


def lines_of(spent: Mapping[str, Any]) -> list[str]:
    """A table of `table_of` as text: a line for each role, at most 79 columns wide, and the sums of what has a cost."""
    lines, sums, priced, without = [], dict[str, float](), 0, list[str]()
    for one in msgspec.convert(list(spent.values()), list[Spent]):
        tokens = f", {one.prompt_tokens:,} + {one.completion_tokens:,} tokens" if one.completion_tokens else ""
        rest = f": {one.calls:,} call{'s' if one.calls > 1 else ''}{tokens}"
        if one.cost is not None:
            priced += 1
            sums[one.currency] = sums.get(one.currency, 0.0) + one.cost
            rest += f", {'about ' if one.estimated else ''}{money({one.currency: one.cost})}"
        else:
            without.append(one.role)
        lines.append(f"{one.role} {_cut(one.model, max(12, NARROW - len(one.role) - 1 - len(rest)))}{rest}")
    if not priced or len(lines) == 1:
        return lines
    return [*lines, f"in all {money(sums)}{f', without the {chr(44).join(without)}' if without else ''}"]


def _cut(name: str, room: int) -> str:
    name = one_line(name)
    return name if cell_len(name) <= room else f"{set_cell_size(name, room - 1).rstrip()}…"
