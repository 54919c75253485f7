"""The desk of a run: holds the dialogue of one item, judges each exchange, and hands both on. Each of them once."""

from collections.abc import Sequence
from functools import cache

import msgspec

from anjian.dialogue.holding import Cast
from anjian.dialogue.scripted import Exchange
from anjian.items.records import Item
from anjian.judges.base import Judge, Verdict, judge_exchange
from anjian.models.base import Request, Sampling
from anjian.models.thinking import split_thinking
from anjian.runs.ledger import Ledger, dialogue_key, entry
from anjian.runs.plan import Prepared
from anjian.runs.seats import Seats, model_names
from anjian.scores.rows import Verdicted


class Round(msgspec.Struct, frozen=True):
    """One round of one dialogue, with its verdict."""

    exchange: Exchange
    verdict: Verdicted


class Desk:
    """A prepared run with everybody in their seats; in seats without models, a replay of what is stored."""

    def __init__(self, prepared: Prepared, ledger: Ledger, seats: Seats) -> None:
        """Casts target, judges and adversary."""
        plan = prepared.plan
        self.seats = seats
        self._suite = prepared.suite
        self._plan = plan
        self._ledger = ledger
        self._cast = Cast(
            target=seats[plan.model],
            sampling=plan.sampling,
            adversary=seats[plan.adversary] if plan.adversary else None,
            adversary_sampling=Sampling(seed=plan.sampling.seed),
            rounds=plan.rounds,
            look=self._look,
        )
        self._judge = cache(self._judge_of)
        self._builtin = not model_names(plan.judges)

    def _judge_of(self, task: str) -> Judge:
        kind = self._suite.task(task).kind
        assert kind is not None  # noqa: S101  (a task that has items has a kind)
        return self.seats.judge(self._plan.judges, kind, self._plan.strict_ties)

    async def rounds(self, item: Item, epoch: int) -> list[Round]:
        """Holds and judges one dialogue."""
        return await self.judged(item, epoch, await self.held(item, epoch))

    async def held(self, item: Item, epoch: int) -> list[Exchange]:
        """Holds a dialogue, or takes it as it was held before: judging again replays nothing."""
        key = dialogue_key(item, epoch)
        if stored := self._ledger.dialogue(key):
            return [Exchange(request.messages, reply, split_thinking(reply)) for request, reply in stored]
        exchanges = await self._suite.holding.hold(item, epoch, self._cast)
        if all(exchange.reply for exchange in exchanges):
            requests = [Request(exchange.messages, self._plan.sampling, epoch) for exchange in exchanges]
            self._ledger.hold(key, [entry(self._plan.model, request).key for request in requests])
        return exchanges

    def asks_nobody(self, item: Item) -> bool:
        """True if its replies are judged by built-in judges alone, which can wait until it is written."""
        kind = self._suite.task(self._suite.task_of(item)).kind
        return not (kind and kind.by) and self._builtin

    async def judged(self, item: Item, epoch: int, exchanges: Sequence[Exchange]) -> list[Round]:
        """Judges every exchange of a dialogue."""
        judge = self._judge(self._suite.task_of(item))
        return [
            Round(exchange, self._line(item, epoch, number, exchange, await judge_exchange(item, exchange, judge)))
            for number, exchange in enumerate(exchanges, 1)
        ]

    async def _look(self, item: Item, exchange: Exchange) -> int | None:
        return (await judge_exchange(item, exchange, self._judge(self._suite.task_of(item)))).points

    def _line(self, item: Item, epoch: int, number: int, exchange: Exchange, verdict: Verdict) -> Verdicted:
        task = self._suite.task_of(item)
        return Verdicted(
            id=item.id,
            task=task,
            category=item.category,
            judge=self._judge(task).name,
            history=bool(item.history),
            epoch=epoch,
            round=number,
            label=verdict.label,
            points=verdict.points,
            unscored=verdict.unscored,
            shape=exchange.thought.shape if exchange.thought else None,
            analysis=verdict.analysis,
            votes=verdict.votes,
            unit=self._suite.unit(item),
        )
