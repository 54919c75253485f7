"""The money of a run: what is spent, by the ledgers' counts, and the budget that it keeps to.

A call is let through while what is spent, what calls under way may still cost and what it may cost itself stay within
the budget; else it waits for those under way. A call may cost as much as the longest reply of that model so far: so the
budget is overshot by about one call at most. The money is spent when nothing is under way and a call of usual cost does
not fit: run again with the same budget, a run finds the same and asks nothing.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from functools import reduce
from pathlib import Path
from urllib.parse import urlsplit

from anjian.errors import AnjianError, UsageError
from anjian.models.base import PREFIX, Model, Reply, Request
from anjian.models.book import Price, described
from anjian.models.spec import parse
from anjian.runs.money.spending import Spent, amount, money, named, price_of, spent_in
from anjian.runs.money.usage import TOKENS_PER_BYTE, Usage
from anjian.text import one_line

LONG_REPLY = 32_768
"""Tokens that a reply may have of which nothing is known."""
ENOUGH = 16
"""Replies after which something is."""
MEND = "raise --budget and run the same command to go on"
_THIS_MACHINE = re.compile(r"localhost|127(\.\d+){3}|::1")


class BudgetSpentError(AnjianError):
    """The next call would go beyond the budget."""


class Purse:
    """What may be spent, and what is: one for a run, or for all runs of a comparison.

    Attributes:
        budget: The most; None where there is no bound.
        closed: True once it is spent.
    """

    def __init__(self, names: Iterable[str], budget: float | None = None) -> None:
        """Looks at the prices of everybody who takes part.

        Raises:
            UsageError: There is a budget, and a model has no price, or prices are in several currencies.
        """
        self.budget = budget
        self.closed = False
        self._currency = "" if budget is None else _currency(dict.fromkeys(names))
        self._prices: dict[str, Price | None] = {}
        self._usage: dict[Path, Mapping[str, Usage]] = {}
        self._under_way = 0
        self._reserved = 0.0
        self._changed = asyncio.Event()

    def enter(self, ledger: Path, usage: Mapping[str, Usage]) -> None:
        """Takes what the calls in a ledger used; counts that still grow are seen as they are."""
        self._usage[ledger] = usage

    def costs(self) -> dict[str, float]:
        """What was spent, by currency."""
        found: dict[str, float] = {}
        for usage in self._usage.values():
            for model, used in usage.items():
                if price := self._price(model):
                    found[price.currency] = found.get(price.currency, 0.0) + price.of(*used.tokens)
        return found

    def shown(self) -> str:
        """What was spent, for the line of progress; empty without prices."""
        return money(self.costs())

    def spent(self, roles: Mapping[str, str], ledger: Path | None = None, others: str = "judge") -> list[Spent]:
        """What was spent, role by role, the target first.

        Args:
            roles: Of those who take part, by name.
            ledger: Of one run alone.
            others: What those are called whom a ledger knows beside them; in a run they judged before.
        """
        found: dict[tuple[str, str], Usage] = {}
        for path, usage in self._usage.items():
            for model, used in usage.items():
                if ledger in (None, path) and used.calls:
                    name = model if model in roles else named(model)
                    key = roles.get(name, others), name
                    found[key] = found.get(key, Usage()).joined(used)
        order = [*roles.values(), others]
        lines = [spent_in(role, name, used, self._price(name)) for (role, name), used in found.items()]
        return sorted(lines, key=lambda one: order.index(one.role))

    @property
    def remark(self) -> str | None:
        """Why the run ends here, once the budget is spent."""
        if not self.closed:
            return None
        spent = amount(self.costs().get(self._currency, 0.0))
        return f"the budget of {self.budget:g} {one_line(self._currency, 12)} is spent ({spent}): {MEND}"

    async def paid(self, model: Model, name: str, request: Request, size: int) -> Reply:
        """Makes a call if there is money for it; where that is not sure, waits for those under way.

        Args:
            model: Who is asked.
            name: What the ledger calls it.
            request: What is asked.
            size: Its bytes.

        Raises:
            BudgetSpentError: There is no money for it.
        """
        price = self._price(name)
        if self.budget is None or price is None or not (price.input or price.output):
            return await model.complete(request)
        likely = self._likely(price, name, request, size)
        while not self._admits(likely, self.budget):
            await self._changed.wait()
        self._under_way += 1
        self._reserved += likely
        try:
            return await model.complete(request)
        finally:
            self._under_way -= 1
            self._reserved = self._reserved - likely if self._under_way else 0.0
            self._wake()

    def _admits(self, likely: float, budget: float) -> bool:
        if self.closed:
            raise BudgetSpentError(self.remark)
        spent = self.costs().get(self._currency, 0.0)
        if self._under_way:
            return spent + self._reserved + likely <= budget
        if spent < budget and spent + self._dearest() <= budget:
            return True
        self.closed = True
        self._wake()
        raise BudgetSpentError(self.remark)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _likely(self, price: Price, name: str, request: Request, size: int) -> float:
        """What a call may cost: a prompt of its length, and the longest reply so far."""
        used, most = self._used(name), request.sampling.max_tokens
        prompt, reply = (tokens / max(1, used.calls) for tokens in used.tokens)
        longest = max(reply, used.longest) if used.calls >= ENOUGH else LONG_REPLY
        return price.of(max(prompt, TOKENS_PER_BYTE * size), min(longest, most or longest))

    def _dearest(self) -> float:
        """What a call costs on average, of whoever costs most."""
        known = ((name, self._price(name)) for name in {name for usage in self._usage.values() for name in usage})
        used = ((price, self._used(name)) for name, price in known if price)
        return max((price.of(*one.tokens) / max(1, one.calls) for price, one in used), default=0.0)

    def _used(self, name: str) -> Usage:
        return reduce(Usage.joined, (usage[name] for usage in self._usage.values() if name in usage), Usage())

    def _price(self, model: str) -> Price | None:
        if model not in self._prices:
            self._prices[model] = price_of(model)
        return self._prices[model]


def _currency(names: Iterable[str]) -> str:
    """The currency of a budget; raises UsageError where none can be kept."""
    models = {name: described(name) for name in names}
    prices = {name: one.price for name, one in models.items() if one and one.price}
    for name in models:
        if name not in prices and _is_served(name) and not (prices and _is_here(name)):
            raise UsageError(
                f"--budget: {one_line(name, 80)} has no price; give it one in models.toml, "
                'such as price = { input = 2.0, output = 8.0, currency = "CNY" }, or 0 and 0 if it is free'
            )
    said = {price.currency: name for name, price in prices.items()}
    if len(said) > 1:
        raise UsageError(
            f"--budget is in one currency, but the prices of {' and '.join(said.values())} are in "
            f"{' and '.join(said)}; give them in one, in models.toml"
        )
    return next(iter(said), "")


def _is_served(name: str) -> bool:
    return not name.startswith(PREFIX) and parse(name).kind in ("provider", "url")


def _is_here(name: str) -> bool:
    """True for a server on this machine."""
    urls = parse(name).urls
    return bool(urls) and all(_THIS_MACHINE.fullmatch(urlsplit(url).hostname or "") for url in urls)
