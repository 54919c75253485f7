"""Writes replies and verdicts in the order of the items, whatever the order in which they come."""

import asyncio
from collections import Counter
from typing import BinaryIO

import msgspec

from anjian.models.base import CONTENT_FILTER
from anjian.runs.desk import Desk, Dialogue, Round
from anjian.runs.folder import Replied
from anjian.runs.plan import Prepared
from anjian.runs.repeats import Repeats
from anjian.scores.count import Count
from anjian.text import one_line

MOST_WAITING = 2048
"""Dialogues kept in memory until their turn comes; those beyond are read again from the ledger."""
STRETCH = 512
"""Dialogues from which on writing begins: judges that ask nobody are quicker when they are not interrupted."""
BREATH = 32
"""Dialogues written before calls under way are looked after again."""

Held = Dialogue | list[Round]
"""A dialogue that was held, or was judged, too."""


class Output:
    """Takes each dialogue by its number; judges, writes and counts as far as none is missing."""

    def __init__(self, prepared: Prepared, desk: Desk, replies: BinaryIO, verdicts: BinaryIO, count: Count) -> None:
        """Takes the run, a desk that reads from the ledger, the two files, and what counts."""
        self._prepared = prepared
        self._desk = desk
        self._replies = replies
        self._verdicts = verdicts
        self._count = count
        self._waiting: dict[int, Held | None] = {}
        self._next = self._withheld = self._counted = 0
        self._thought = 0
        self._unknown: Counter[str] = Counter()
        self._repeats = Repeats()
        # Tasks whose replies are judged as a whole, not by an option or a number in them.
        self._in_words = {task.name for task in prepared.suite.tasks if task.kind and not task.kind.own}
        self._writing: asyncio.Task[None] | None = None

    async def put(self, number: int, held: Held) -> None:
        """Takes one dialogue; waits where more come than can be written."""
        self._waiting[number] = held if len(self._waiting) < MOST_WAITING else None
        if self._next in self._waiting and len(self._waiting) >= STRETCH:
            if self._writing is None or self._writing.done():
                await self.rest()
                self._writing = asyncio.create_task(self._write_ready())
            if len(self._waiting) >= MOST_WAITING // 2:
                await self.rest()

    async def rest(self) -> None:
        """Ends once nothing is being written.

        Raises:
            AnjianError: The disk is full.
        """
        if self._writing:
            await self._writing

    async def finish(self) -> None:
        """Reads whatever is missing from the ledger, and writes it."""
        await self.rest()
        while self._next < self._prepared.total:
            await self._write(self._waiting.pop(self._next, None))

    async def _write_ready(self) -> None:
        while self._next in self._waiting:
            await self._write(self._waiting.pop(self._next))
            if self._next % BREATH == 0:
                await asyncio.sleep(0)

    async def _write(self, held: Held | None) -> None:
        item, epoch = self._prepared.sample(self._next)
        held = held or await self._desk.held(item, epoch)
        self._next += 1
        for one in held if isinstance(held, list) else await self._desk.judged(item, epoch, held):
            self._replies.write(msgspec.json.encode(_replied(self._prepared.plan.model, one)) + b"\n")
            self._verdicts.write(msgspec.json.encode(one.verdict) + b"\n")
            self._count.add(one.verdict)
            self._notice(one)
            if one.exchange.thought and one.verdict.task in self._in_words:
                self._repeats.add(one.exchange.messages[-1].content, one.exchange.thought.answer)

    def _notice(self, one: Round) -> None:
        if one.exchange.failure == CONTENT_FILTER:
            self._withheld += 1
            self._counted += one.verdict.label is not None
        if one.exchange.thought and one.exchange.thought.unknown:
            self._unknown[one.exchange.thought.unknown] += 1

        self._thought += one.verdict.thinking is not None

    def notes(self) -> list[str]:
        """What the user should know about the replies, once all are written."""
        notes = self._repeats.notes()
        notes += [
            f"{count} replies open with {one_line(mark)}: an unknown mark of thinking? it was judged with the answer"
            for mark, count in self._unknown.most_common(3)
        ]
        plan = self._prepared.plan
        if not self._thought and any(plan.thinking_of(task.kind) for task in self._prepared.suite.tasks):
            notes.append("no reply came with thinking: --judge-thinking judged none")
        if self._withheld:
            left = self._withheld - self._counted
            how = f"{left} of them are left unscored; --filtered refusal counts them as refusals"
            if self._prepared.plan.filtered == "refusal":
                how = f"{self._counted} of them are counted as refusals (--filtered refusal), {left} are left unscored"
            notes.append(f"a provider's filter withheld {self._withheld} of {self._count.n} replies: {how}")
        return notes


def _replied(model: str, one: Round) -> Replied:
    exchange, verdict = one.exchange, one.verdict
    reply, thought = exchange.reply, exchange.thought
    return Replied(
        id=verdict.id,
        model=model,
        messages=exchange.messages,
        epoch=verdict.epoch,
        round=verdict.round,
        answer=thought.answer if thought else "",
        thinking=thought.thinking if thought else "",
        shape=verdict.shape,
        finish_reason=reply.finish_reason if reply else None,
        prompt_tokens=reply.prompt_tokens if reply else 0,
        completion_tokens=reply.completion_tokens if reply else 0,
        failure=exchange.failure,
    )
