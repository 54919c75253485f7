"""Writes replies and verdicts in the order of the items, whatever the order in which they come."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import BinaryIO

import msgspec

from anjian.runs.desk import Round
from anjian.runs.folder import Replied
from anjian.scores.count import Count

MOST_WAITING = 2048
"""Dialogues kept in memory until their turn comes; those beyond are read again from the ledger."""

Replay = Callable[[int], Awaitable[list[Round]]]
"""Reads a dialogue again from the ledger, by its number."""


class Output:
    """Takes each dialogue by its number, and writes and counts as far as none is missing."""

    def __init__(self, model: str, replies: BinaryIO, verdicts: BinaryIO, count: Count, replay: Replay) -> None:
        """Takes who was asked, the two files, what counts, and what reads a dialogue again."""
        self._model = model
        self._replies = replies
        self._verdicts = verdicts
        self._count = count
        self._replay = replay
        self._waiting: dict[int, list[Round] | None] = {}
        self._next = 0
        self._lock = asyncio.Lock()

    async def put(self, number: int, rounds: list[Round]) -> None:
        """Takes one dialogue."""
        self._waiting[number] = rounds if len(self._waiting) < MOST_WAITING else None
        if number == self._next:
            async with self._lock:
                while self._next in self._waiting:
                    self._write(self._waiting.pop(self._next) or await self._replay(self._next))
                    self._next += 1

    async def finish(self, total: int) -> None:
        """Reads whatever is missing from the ledger, and writes it."""
        async with self._lock:
            while self._next < total:
                self._write(self._waiting.pop(self._next, None) or await self._replay(self._next))
                self._next += 1

    def _write(self, rounds: list[Round]) -> None:
        for one in rounds:
            self._replies.write(msgspec.json.encode(_replied(self._model, one)) + b"\n")
            self._verdicts.write(msgspec.json.encode(one.verdict) + b"\n")
            self._count.add(msgspec.structs.replace(one.verdict, analysis=""))


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
