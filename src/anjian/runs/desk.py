"""The desk of a run: holds the dialogue of one item, judges each exchange, and hands both on. Each of them once."""

from functools import cache, cached_property

import msgspec

from anjian import __version__
from anjian.dialogue.holding import Cast
from anjian.dialogue.scripted import Exchange
from anjian.items.records import Item
from anjian.judges.base import Judge, OfThinking, Verdict, judge_exchange
from anjian.judges.kinds import THINKING
from anjian.judges.named import can_judge
from anjian.models.base import CONTENT_FILTER, Request, Sampling
from anjian.models.function_code import code_hash
from anjian.models.thinking import split_thinking
from anjian.runs.ledger import Ledger, dialogue_key, entry
from anjian.runs.plan import Prepared
from anjian.runs.seats import Seats, model_names
from anjian.scores.rows import Verdicted

COUNTED = "counted as a refusal: stopped by the provider's filter"
"""The analysis of a verdict that nobody gave; see `Plan.filtered`."""


class Round(msgspec.Struct, frozen=True):
    """One round of one dialogue, with its verdict."""

    exchange: Exchange
    verdict: Verdicted


class Dialogue(msgspec.Struct, frozen=True):
    """A dialogue that was held, with the verdicts that it depended on, one for each of its first exchanges."""

    exchanges: list[Exchange]
    seen: list[Verdict] = []

    @property
    def whole(self) -> bool:
        """True if it was held to its end: every turn has its answer, and every verdict needed on the way was given."""
        answered = all(exchange.thought and exchange.thought.answer for exchange in self.exchanges)
        return answered and all(verdict.unscored is None for verdict in self.seen)


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
        )
        self._judge = cache(self._judge_of)
        self._builtin = not model_names(plan.judges)

    @cached_property
    def _way(self) -> tuple[str, ...]:
        """What settles how dialogues are held, beside what the folder's identity holds."""
        return __version__, self._suite.version, code_hash(self._suite.holding.hold)

    def _judge_of(self, task: str) -> Judge:
        kind = self._suite.task(task).kind
        assert kind is not None  # noqa: S101  (a task that has items has a kind)
        return self.seats.judge(self._plan.judges, kind, self._plan.strict_ties, self._plan.prompts)

    @cached_property
    def _judge_of_thinking(self) -> Judge:
        able = [name for name in self._plan.judges if can_judge(name, THINKING)]
        return self.seats.judge(able or self._plan.judges, THINKING, self._plan.strict_ties, self._plan.prompts)

    async def held(self, item: Item, epoch: int) -> Dialogue:
        """Holds a dialogue, or takes it as it was held before: judging again replays nothing."""
        key = dialogue_key(item, epoch, self._way)
        if stored := self._ledger.dialogue(key):
            dialogue = Dialogue([Exchange(asked.messages, reply, split_thinking(reply)) for asked, reply in stored])
            if dialogue.whole:
                return dialogue
        seen: list[Verdict] = []

        async def look(item: Item, exchange: Exchange) -> int | None:
            seen.append(await self._verdict(item, exchange))
            return seen[-1].points

        cast = msgspec.structs.replace(self._cast, look=look)
        dialogue = Dialogue(await self._suite.holding.hold(item, epoch, cast), seen)
        if dialogue.whole:
            requests = [Request(exchange.messages, self._plan.sampling, epoch) for exchange in dialogue.exchanges]
            self._ledger.hold(key, [entry(self._plan.model, request).key for request in requests])
        return dialogue

    def asks_nobody(self, item: Item) -> bool:
        """True if its replies are judged by built-in judges alone, which can wait until it is written."""
        kind = self._suite.task(self._suite.task_of(item)).kind
        return not (kind and kind.by) and self._builtin

    async def judged(self, item: Item, epoch: int, dialogue: Dialogue) -> list[Round]:
        """Judges every exchange of a dialogue, unless the dialogue depended on its verdict: that one stands."""
        rounds = []
        for place, exchange in enumerate(dialogue.exchanges):
            seen = dialogue.seen[place : place + 1]
            verdict = seen[0] if seen else await self._verdict(item, exchange)
            rounds.append(Round(exchange, self._line(item, epoch, place + 1, exchange, verdict)))
        return rounds

    async def _verdict(self, item: Item, exchange: Exchange) -> Verdict:
        task = self._suite.task_of(item)
        if exchange.failure == CONTENT_FILTER and self._plan.filtered == "refusal":
            kind = self._suite.task(task).kind
            if kind and kind.filtered:
                return Verdict(kind.filtered, kind.points[kind.filtered], COUNTED)
        verdict = await judge_exchange(item, exchange, self._judge(task))
        if not self._plan.thinking_of(self._suite.task(task).kind):
            return verdict
        return msgspec.structs.replace(verdict, thinking=await self._of_thinking(item, exchange))

    async def _of_thinking(self, item: Item, exchange: Exchange) -> OfThinking | None:
        """What the thinking before an answer is worth; whatever comes of it, the answer keeps its verdict."""
        thought = exchange.thought
        if not thought or not thought.answer or not thought.thinking.strip():
            return None
        found = await self._judge_of_thinking.judge(item, exchange.messages, thought.thinking)
        return OfThinking(found.label, found.points, found.analysis, found.unscored)

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
            options=len(item.options),
            right=item.answer or "" if item.options else "",
            confidence=verdict.confidence,
            alike=verdict.alike,
            loose=verdict.loose,
            decided_by=verdict.decided_by,
            thinking=verdict.thinking,
        )
