"""What is under way: calls that somebody waits for, and batches of them."""

import asyncio

import msgspec

from anjian.models.base import BAD_REPLY, HTTP_ERROR, TIMEOUT, CallError, Reply, Request
from anjian.models.batch.forms import Job, Line
from anjian.models.http.dialect import Talk


class Call(msgspec.Struct, eq=False):
    """A call that somebody waits for.

    Attributes:
        name: The `custom_id` of its line.
        request: What is asked.
        reply: The reply to come.
        talk: What was learned of it.
        tries: How often it failed.
    """

    name: str
    request: Request
    reply: asyncio.Future[Reply]
    talk: Talk
    tries: int = 0

    def fail(self, error: Exception) -> None:
        """Tells whoever waits, if anybody still does."""
        if not self.reply.done():
            self.reply.set_exception(error)


class Batch(msgspec.Struct, eq=False):
    """A batch: all its calls by name, those that somebody waits for, and what the server calls it.

    Attributes:
        taken: The calls that were handed out.
        lines: What came of its calls, once it has ended.
        status: How it has ended.
        before: It was sent by an earlier session.
    """

    names: tuple[str, ...]
    calls: dict[str, Call] = {}
    file: str = ""
    id: str = ""
    done: int = 0
    taken: set[str] = set()
    lines: dict[str, Line] | None = None
    status: str = ""
    before: bool = False


class BatchFailedError(CallError):
    """A batch that failed as a whole; `bad` are the calls that the server finds fault with, all if it names none."""

    def __init__(self, batch: Batch, job: Job) -> None:
        """Takes the batch and what the server says of it."""
        super().__init__(HTTP_ERROR, f"batch {batch.id} failed: {job.words or 'no reason is given'}")
        named = {batch.names[line - 1] for line in job.bad_lines if 0 < line <= len(batch.names)}
        self.bad = named or set(batch.names)


def unanswered(batch: Batch) -> CallError:
    """Why a call that the results do not mention has no reply."""
    if batch.status == "completed":
        return CallError(BAD_REPLY, f"batch {batch.id} says nothing of this call")
    return CallError(TIMEOUT, f"batch {batch.id} is {batch.status}, and this call was not answered")
