"""The in-process backend: a checkpoint run through transformers, many requests in a batch.

Requests wait in a queue. One worker takes all that wait, sorts them by length, and answers batch after batch in a
thread; what arrives meanwhile forms the next round. With 32-bit weights a reply does not depend on the batch that its
request fell into (see `hf_generate`); with 16-bit weights rounding differs between shapes of batches, and a near tie
may fall the other way.
"""

import asyncio
import threading

from anjian.models.base import BAD_REPLY, NOT_ASKED, TOO_LONG, CallError, Model, Reply, Request
from anjian.models.hf_generate import Prompt, free_memory, generate, to_prompt, to_reply
from anjian.models.hf_load import Checkpoint, load
from anjian.text import one_line

ROUND_BATCHES = 4
"""Batches' worth of requests in flight: enough to sort by length, few enough to keep the queue short."""
GATHER_SECONDS = 0.005
"""A round begins once no request has arrived for this long."""

Waiting = tuple[Prompt, asyncio.Future[Reply]]


class HfModel:
    """A checkpoint that answers in this process; see `Model`."""

    def __init__(
        self,
        name: str,
        path: str,
        *,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int = 32,
        trust_remote_code: bool = False,
    ) -> None:
        """Describes the model; nothing is loaded before `async with`.

        Args:
            name: Who is asked, for the ledger and the report.
            path: A folder, or an ID on the Hugging Face hub.
            device: As torch names it; None takes the GPUs if there are any, else the CPU.
            dtype: As torch names it; None is float32 on the CPU and the checkpoint's own elsewhere.
            batch_size: Most requests in a batch; halved as often as memory demands.
            trust_remote_code: Lets the checkpoint run its own Python code.
        """
        self.name = name
        self.path = path
        self.batch_size = batch_size
        self.concurrency = ROUND_BATCHES * batch_size
        self._device, self._dtype, self._trust = device, dtype, trust_remote_code
        self._checkpoint: Checkpoint | None = None
        self._most_tokens: int | None = None

    async def __aenter__(self) -> Model:
        """Loads the checkpoint and starts the worker; raises UsageError if it cannot be used."""
        self._checkpoint = await asyncio.to_thread(
            load, self.path, device=self._device, dtype=self._dtype, trust_remote_code=self._trust
        )
        self._stop = threading.Event()
        self._queue: asyncio.Queue[Waiting | None] = asyncio.Queue()
        self._worker = asyncio.create_task(self._work(self._checkpoint))
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stops the batch under way at its next token, and frees the memory."""
        self._stop.set()
        self._queue.put_nowait(None)
        await self._worker
        self._checkpoint = None
        free_memory()

    async def complete(self, request: Request) -> Reply:
        """Answers one request, in a batch with those that wait beside it; see `Model.complete`."""
        if self._checkpoint is None:
            raise CallError(NOT_ASKED, f"{self.name} is not loaded", fatal=True)
        prompt = to_prompt(self._checkpoint, request)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((prompt, future))
        return await future

    async def _work(self, checkpoint: Checkpoint) -> None:
        while not (self._stop.is_set() and self._queue.empty()):
            waiting = await self._gather()
            # Longest first: a batch that does not fit into memory shows at once.
            waiting.sort(key=lambda one: (one[0].warp, len(one[0].ids)), reverse=True)
            while waiting:
                batch = self._next_batch(waiting)
                del waiting[: len(batch)]
                waiting[:0] = await self._answer(checkpoint, batch)

    async def _gather(self) -> list[Waiting]:
        """Waits for a request and for those that come with it."""
        gathered = [await self._queue.get()]
        known = 0
        while known < len(gathered) < self.concurrency:
            known = len(gathered)
            await asyncio.sleep(GATHER_SECONDS)
            while not self._queue.empty():
                gathered.append(self._queue.get_nowait())
        return [one for one in gathered if one is not None]

    def _next_batch(self, waiting: list[Waiting]) -> list[Waiting]:
        """The first requests that are drawn alike and fit into memory, as far as is known; at least one."""
        first = waiting[0][0]
        size = self.batch_size
        if self._most_tokens is not None:
            size = min(size, max(1, self._most_tokens // first.tokens))
        return [one for one in waiting[:size] if one[0].warp == first.warp]

    async def _answer(self, checkpoint: Checkpoint, batch: list[Waiting]) -> list[Waiting]:
        """Answers a batch; returns what must be asked again in smaller batches."""
        batch = [one for one in batch if not one[1].done()]
        if not batch:
            return []
        prompts = [prompt for prompt, _ in batch]
        try:
            rows = None if self._stop.is_set() else await asyncio.to_thread(generate, checkpoint, prompts, self._stop)
            replies = [to_reply(checkpoint, prompt, row) for prompt, row in zip(prompts, rows or (), strict=False)]
        except Exception as error:  # Whatever it is, the worker goes on with the next batch.
            _fail(batch, CallError(BAD_REPLY, one_line(repr(error)), fatal="CUDA error" in str(error)))
            return []
        if self._stop.is_set():
            # The replies were cut off, and nobody may take them for whole.
            _fail(batch, CallError(NOT_ASKED, f"{self.name} was closed"))
        elif replies:
            _succeed(batch, replies)
        elif len(batch) == 1:
            _fail(batch, CallError(TOO_LONG, f"a prompt of {len(prompts[0].ids)} tokens does not fit into memory"))
        else:
            self._most_tokens = len(batch) // 2 * prompts[0].tokens
            return batch
        return []


def _succeed(batch: list[Waiting], replies: list[Reply]) -> None:
    for (_, future), reply in zip(batch, replies, strict=True):
        if not future.done():
            future.set_result(reply)


def _fail(batch: list[Waiting], error: CallError) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
