"""Everybody who takes part in a run, each behind the ledger. Without models, they answer from what is stored."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from rich.console import Console

from anjian.items.records import Item, Message
from anjian.judges.base import Judge, Verdict
from anjian.judges.kinds import Kind
from anjian.judges.model import ModelJudge
from anjian.judges.panel import Panel
from anjian.judges.rules.judge import RulesJudge
from anjian.models.base import Model
from anjian.models.resolve import Access, open_model
from anjian.runs.asking import LedgerAsk
from anjian.runs.ledger import Ledger

RULES = RulesJudge.name
SLOW_TO_OPEN = ("hf/", "tiny/", "vllm/", "sglang/")


class Later:
    """Stands in for the rules while replies are collected: they ask nobody, and verdicts are derived afterwards."""

    name = RULES

    async def judge(self, item: Item, dialogue: Sequence[Message], answer: str) -> Verdict:
        """Puts the verdict off."""
        return Verdict(label="later", points=0)


class Seats:
    """Asks by name; one model may have several parts to play."""

    def __init__(
        self, names: Iterable[str | None], ledger: Ledger, models: Mapping[str, Model], rules_later: bool = False
    ) -> None:
        """Seats everybody who is named and is a model.

        Args:
            names: Target, judges, adversary.
            ledger: Where calls are stored.
            models: Who can be asked; the others answer from the ledger.
            rules_later: Puts the verdicts of a lone `rules-v1` off; not for dialogues that depend on them.
        """
        self._rules_later = rules_later
        self._asks = {
            name: LedgerAsk(name, ledger, models.get(name)) for name in dict.fromkeys(names) if name and name != RULES
        }

    def __getitem__(self, name: str) -> LedgerAsk:
        """Returns who asks a model."""
        return self._asks[name]

    def judge(self, names: Sequence[str], kind: Kind, strict_ties: bool = False) -> Judge:
        """Returns the judge of one kind of question: one model, the rules, or a panel of several."""
        if self._rules_later and tuple(names) == (RULES,):
            return Later()
        judges = [RulesJudge(kind) if name == RULES else ModelJudge(name, self[name], kind) for name in names]
        return judges[0] if len(judges) == 1 else Panel(judges, strict_ties)

    @property
    def tokens(self) -> int:
        """Tokens generated in this session, by everybody."""
        return sum(ask.tokens for ask in self._asks.values())

    @property
    def missed(self) -> int:
        """Calls that a replay did not find in the ledger."""
        return sum(ask.missed for ask in self._asks.values())


def describe_models(names: Iterable[str | None], access: Access) -> dict[str, Model]:
    """Resolves everybody who is a model, opening nothing; raises UsageError for the first that cannot be."""
    return {name: open_model(name, access) for name in dict.fromkeys(names) if name and name != RULES}


@contextlib.asynccontextmanager
async def entered(models: Mapping[str, Model], console: Console) -> AsyncIterator[dict[str, Model]]:
    """Opens models for the block: connects, loads weights, launches servers; says so where that takes a while."""
    ready = {}
    async with contextlib.AsyncExitStack() as stack:
        for name, model in models.items():
            if name.startswith(SLOW_TO_OPEN):
                console.print(f"opening {name}", markup=False, highlight=False)
            ready[name] = await stack.enter_async_context(model)
        yield ready
