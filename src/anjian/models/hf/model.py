"""The model that others ask: it loads the checkpoint, and one thread decodes what arrives."""

import asyncio
import threading
import warnings
from functools import partial
from typing import Any

from anjian.errors import UsageError
from anjian.installing import install
from anjian.models.access import Access
from anjian.models.base import BAD_REPLY, NOT_ASKED, CallError, Model, Reply, Request
from anjian.models.hf.inbox import Inbox
from anjian.models.hf.prompts import to_prompt, to_reply
from anjian.models.hf.setup import Checkpoint
from anjian.text import one_line

BATCH_SIZE = 32
IN_FLIGHT = 4
"""Batches' worth of requests in flight: enough that one always waits, few enough to keep the queue short."""


LOADING = threading.Lock()
"""Transformers sets the default device of the process while it loads: two at once would load into nowhere."""


class HfModel:
    """A checkpoint that answers in this process; see `Model`."""

    def __init__(self, name: str, path: str, access: Access | None = None) -> None:
        """Describes the model; nothing is loaded before `async with`.

        Args:
            name: Who is asked, for the ledger and the report.
            path: A folder, or an ID on the Hugging Face hub.
            access: How it is loaded and run.
        """
        self.name = name
        self.path = path
        self._access = access or Access()
        self._batch_size = self._access.batch_size or BATCH_SIZE
        self.concurrency = IN_FLIGHT * self._batch_size
        self._checkpoint: Checkpoint | None = None

    async def __aenter__(self) -> Model:
        """Loads the checkpoint and starts to decode; raises UsageError if it cannot be used."""
        self._checkpoint = checkpoint = await asyncio.to_thread(_load, self.path, self._access)
        self._inbox = Inbox(partial(to_reply, checkpoint), self.concurrency)
        self._decoding = asyncio.create_task(self._decode(checkpoint, self._inbox))
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stops the decoding at its next token, and frees the memory."""
        from anjian.models.hf.memory import free_memory

        self._checkpoint = None
        self._inbox.close(CallError(NOT_ASKED, f"{self.name} was closed"))
        await self._decoding
        free_memory()

    def waiting(self) -> str:
        """Nothing holds it up; see `Model.waiting`."""
        return ""

    async def complete(self, request: Request) -> Reply:
        """Answers one request, beside those that are under way; see `Model.complete`."""
        if self._checkpoint is None:
            raise CallError(NOT_ASKED, f"{self.name} is not loaded", fatal=True)
        return await self._inbox.ask(to_prompt(self._checkpoint, request))

    async def _decode(self, checkpoint: Checkpoint, inbox: Inbox) -> None:
        from anjian.models.hf import refill, static

        serve = refill.serve if refill.can_refill(checkpoint.model) else static.serve
        try:
            await asyncio.to_thread(serve, checkpoint, inbox, self._batch_size)
        except Exception as error:  # Nobody else decodes: who waits would wait for ever.
            inbox.close(CallError(BAD_REPLY, one_line(repr(error)), fatal=True))

    def about(self) -> dict[str, Any]:
        """What was taken at opening, for `run.toml`: device, dtype, parameters, versions; empty before."""
        return self._checkpoint.about if self._checkpoint else {}


def _load(path: str, access: Access) -> Checkpoint:
    warnings.filterwarnings("ignore", message="IProgress not found")  # Notebooks: no progress bar is shown anyway.
    try:
        from anjian.models.hf.load import load
    except ImportError as error:
        raise UsageError(f"an in-process model needs more packages ({error}): {install('local')}") from None
    with LOADING:
        return load(path, access)
