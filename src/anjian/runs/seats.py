"""Everybody who takes part in a run, each behind the ledger. Without models, they answer from what is stored."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec
from rich.console import Console

from anjian.errors import UsageError
from anjian.items.records import Item, Message
from anjian.judges.base import NO_JUDGE, Judge, Verdict
from anjian.judges.builtin import builtin_judges
from anjian.judges.cascade import Cascade
from anjian.judges.guards.family import families
from anjian.judges.guards.judge import GuardJudge
from anjian.judges.kinds import Kind
from anjian.judges.model import ModelJudge
from anjian.judges.named import Cascaded, Guarded, leaves, members, taken_apart
from anjian.judges.panel import Panel
from anjian.judges.prompting import Prompt
from anjian.models.base import PREFIX, Model, Reply, Request
from anjian.models.book import described
from anjian.models.resolve import Access, keyed_addresses, open_model
from anjian.models.spec import parse
from anjian.runs.asking import LedgerAsk
from anjian.runs.ledger import Ledger
from anjian.runs.money.purse import Purse


class Unable:
    """Stands for a built-in judge that cannot judge a kind of question: its verdicts say so."""

    def __init__(self, name: str, kind: Kind) -> None:
        """Takes the judge's name and the kind."""
        self.name = name
        self._why = f"{name} cannot judge by {kind.source}; name a model with --judge and run the same command again"

    async def judge(self, item: Item, dialogue: Sequence[Message], answer: str) -> Verdict:
        """Gives no verdict."""
        return Verdict(unscored=NO_JUDGE, analysis=self._why)


class Seats:
    """Asks by name; one model may have several parts to play."""

    def __init__(
        self,
        names: Iterable[str | None],
        ledger: Ledger,
        models: Mapping[str, Model],
        versions: Mapping[str, str] | None = None,
        purse: Purse | None = None,
    ) -> None:
        """Seats everybody who is named and is a model.

        Args:
            names: Target, judges, adversary.
            ledger: Where calls are stored.
            models: Who can be asked; the others answer from the ledger.
            versions: Which version of a model is asked, where the folder's identity does not tell.
            purse: Keeps to a budget.
        """
        told = versions or {}
        called = {name: f"{name}@{told[name]}" if name in told else name for name in model_names(names)}
        self.purse = purse
        self._asks = {name: LedgerAsk(called[name], ledger, models.get(name), purse) for name in called}

    def __getitem__(self, name: str) -> LedgerAsk:
        """Returns who asks a model."""
        return self._asks[name]

    def judge(
        self, names: Sequence[str], kind: Kind, strict_ties: bool = False, prompts: Iterable[Prompt] = ()
    ) -> Judge:
        """Returns the judge of one kind of question: its own, one model, a built-in judge, or a panel of several."""
        if kind.own:
            return kind.own()
        asked = next((prompt.of(kind) for prompt in prompts if prompt.kind == kind.name), kind)
        judges = [self._judge(name, kind, asked) for name in names]
        return judges[0] if len(judges) == 1 else Panel(judges, strict_ties)

    def _judge(self, name: str, kind: Kind, asked: Kind) -> Judge:
        """The judge of that name; models are asked by the prompt of `asked`, if it has one."""
        if name in builtin_judges():
            judge: Judge | None = builtin_judges()[name].judge_of(kind)
            return judge or Unable(name, kind)
        held = taken_apart(name)
        if isinstance(held, Cascaded):
            return Cascade(
                name, self._judge(held.cheap, kind, asked), self._judge(held.dear, kind, asked), kind, held.loss
            )
        if isinstance(held, Guarded):
            family = families()[held.family]
            return GuardJudge(name, family, self[held.model], kind) if family.judges(kind) else Unable(name, kind)
        return ModelJudge(name, self[name], asked)

    @property
    def tokens(self) -> int:
        """Tokens generated in this session, by everybody."""
        return sum(ask.tokens for ask in self._asks.values())

    @property
    def waiting(self) -> str:
        """Who waits, and for what; the target goes without its name. Empty while nobody does."""
        for place, (name, ask) in enumerate(self._asks.items()):
            if what := ask.waiting():
                return f"{re.split('[/#]', name)[-1][-20:]} {what}" if place else what
        return ""

    def check(self) -> None:
        """Raises StoppedError where the last of the work is done and somebody refused each call."""
        for ask in self._asks.values():
            if error := ask.unanswered:
                error.ever_answered = any(other.answered for other in self._asks.values())
                raise error

    @property
    def asked(self) -> int:
        """Calls of this session that the ledger did not hold."""
        return sum(ask.answered + ask.refused for ask in self._asks.values())


class Lazy:
    """A model that is opened at its first call, and closed with the stack that it was given."""

    def __init__(self, model: Model, stack: AsyncExitStack, console: Console) -> None:
        """Takes who is asked, what closes it in the end, and where it is said that opening takes a while."""
        self.name = model.name
        self.concurrency = model.concurrency
        self.model = model
        self._stack = stack
        self._console = console
        self._ready: Model | None = None
        self._fault: Exception | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Model:
        """Opens the model, once."""
        async with self._lock:
            if self._fault:
                raise self._fault
            if self._ready is None:
                try:
                    self._ready = await self._opened()
                except Exception as error:  # Whoever waits for it meets the same fault, and nobody tries again.
                    self._fault = error
                    raise
            return self._ready

    async def _opened(self) -> Model:
        slow = not self.name.startswith(PREFIX) and parse(self.name).is_local
        if slow:
            self._console.print(f"opening {self.name}", markup=False, highlight=False)
        ready = await self._stack.enter_async_context(self.model)
        about = self.model.about()
        if slow and "dtype" in about:
            self._console.print(f"{self.name}: {about['dtype']} on {about['device']}", markup=False, highlight=False)
        return ready

    async def __aexit__(self, *exc: object) -> None:
        """Leaves it open for the next run."""

    def about(self) -> dict[str, Any]:
        """What the model settled at opening."""
        return self.model.about()

    def waiting(self) -> str:
        """What the model waits for at present."""
        return self.model.waiting()

    async def complete(self, request: Request) -> Reply:
        """Answers one request."""
        return await (self._ready or await self.__aenter__()).complete(request)


def model_names(names: Iterable[str | None]) -> list[str]:
    """The models among those that are named, and within the judges that are, each once."""
    return [name for name in members(filter(None, names)) if name not in builtin_judges()]


def judges_version(judges: Iterable[str], versions: Mapping[str, str]) -> str:
    """The versions of all models of some judges, joined."""
    each = ("+".join(versions[one] for one in leaves(judge) if versions.get(one)) for judge in judges)
    return "+".join(each).strip("+")


def describe_models(
    names: Iterable[str | None], access: Access, known: Mapping[str, Model] | None = None
) -> dict[str, Model]:
    """Resolves everybody who is a model, opening nothing; the settings of the target belong to the first alone.

    Args:
        names: The target, then the others.
        access: How models are to be reached.
        known: Models described before, taken as they are.

    Raises:
        UsageError: A model cannot be resolved.
    """
    found = dict(known or {})
    target, *others = names
    named = [target, *members(filter(None, others))]
    if taken := [name for name in named if name in builtin_judges() and (name == named[0] or described(name))]:
        raise UsageError(f"{taken[0]} is the name of a built-in judge; describe the model under another one")
    mine = [name for name in model_names(named) if not name.startswith(PREFIX)]
    if access.keyed is None:
        access = msgspec.structs.replace(access, keyed=keyed_addresses(mine))
    if (access.system or access.extra_body) and named[0] in named[1:]:
        option = "--system" if access.system else "--extra-body"
        raise UsageError(
            f"{option} is for the target alone, and {named[0]} has another part too: describe it for that part under a "
            "name of its own in models.toml"
        )
    for name in model_names(named):
        if name not in found and name.startswith(PREFIX):
            raise UsageError(f"{name} is a Python function: give the function itself, or compare a finished run of it")
        if name not in found:
            found[name] = open_model(name, access if name == named[0] else access.others)
    return found


def lazily(models: Mapping[str, Model], stack: AsyncExitStack, console: Console) -> dict[str, Model]:
    """Opens each model at its first call: connects, loads weights, launches servers; says so where that takes long."""
    return {name: model if isinstance(model, Lazy) else Lazy(model, stack, console) for name, model in models.items()}
