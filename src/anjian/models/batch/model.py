"""A model whose calls are gathered, sent as batches, and answered when those are done.

Whoever asks waits for a reply as of any other model. When nobody has asked anything new for a moment, all that was
asked becomes a batch; what came of it is handed out, and the next questions of the same dialogues become the next one.
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from anjian.errors import AnjianError, UsageError
from anjian.models.base import CONNECTION, HTTP_ERROR, CallError, Model, Reply, Request
from anjian.models.batch.api import Api, NoBatchApiError
from anjian.models.batch.forms import Job, Line, line_of, lines_of, outcome_of
from anjian.models.batch.parts import Batch, BatchFailedError, Call, unanswered
from anjian.models.batch.room import Room
from anjian.models.batch.store import Store
from anjian.models.http.client import HttpModel
from anjian.models.http.dialect import may_teach
from anjian.models.http.wire.errors import is_passing
from anjian.models.http.wire.reply import is_empty, used_in

TRIES = 4
"""In how many batches a call is sent, where it fails for what may pass."""
LOOK_SECONDS = 0.1
"""So often is looked whether calls are to become a batch."""
KEPT_SECONDS = 1.0
"""So long after replies were handed out, the ledger has committed them."""


class BatchModel:
    """One model, asked through the Batch API of its server; see `Model`."""

    def __init__(
        self,
        model: HttpModel,
        folder: Path,
        tell: Callable[[str], None] | None = None,
        *,
        live: bool = False,
        settings: bytes = b"",
    ) -> None:
        """Describes the model.

        Args:
            model: Who is asked, and how: address, key, headers, parameters.
            folder: Where `batches.jsonl` lies.
            tell: Told in one line what was submitted.
            live: Asks one by one where the server has no Batch API; otherwise that is an error.
            settings: What decides replies beside name and request: a batch sent with others is not taken for this one.
        """
        self.name = model.name
        self._model = model
        self._api = Api(model)
        self._store = Store(folder, model.name)
        self._tell = tell or (lambda line: None)
        self._live = live
        self._settings = settings
        self._room = Room()
        self.concurrency = self._room.most
        self._without_api = False
        self._calls: dict[str, Call] = {}
        self._pending: dict[str, Call] = {}
        self._known: dict[str, Batch] = {}
        self._under_way: list[Batch] = []
        self._ended: list[Batch] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._gathering = False
        self._asked_at = self._handed_out_at = 0.0

    async def __aenter__(self) -> Model:
        """Opens the connection, and reads which batches are outstanding."""
        for one in self._store.outstanding():
            batch = Batch(one.calls, file=one.file, id=one.batch, before=True)
            self._known |= dict.fromkeys(one.calls, batch)
        await self._model.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Closes the connection; batches that are under way are left to the next run."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._model.__aexit__(*exc)
        if self._ended and not any(exc):
            await asyncio.sleep(max(0.0, self._handed_out_at + KEPT_SECONDS - time.monotonic()))
            for batch in self._ended:
                self._store.taken(batch.file, () if batch.taken >= set(batch.names) else tuple(sorted(batch.taken)))

    def about(self) -> dict[str, Any]:
        """What the model settled, and that it was asked in batches."""
        return self._model.about() | ({} if self._without_api else {"batches": True})

    def waiting(self) -> str:
        """How far the batches under way are, such as `waiting: batch_abc, 120 of 200 done`."""
        under_way = [batch for batch in self._under_way if batch.id]
        if not under_way:
            return self._model.waiting()
        which = under_way[0].id if len(under_way) == 1 else f"{len(under_way)} batches"
        done = sum(batch.done for batch in under_way)
        return f"waiting: {which}, {done} of {sum(len(batch.names) for batch in under_way)} done"

    async def complete(self, request: Request) -> Reply:
        """Answers one request, with the batch that it becomes part of; see `Model.complete`."""
        name = self._name(request)
        if name not in self._calls and not self._without_api:
            self._calls[name] = call = self._call(name, request)
            self._take(call)
        try:
            return await (self._model.complete(request) if self._without_api else self._calls[name].reply)
        except NoBatchApiError:
            return await self._model.complete(request)

    def _name(self, request: Request) -> str:
        """Names a call, on every machine and in every session alike: it is the `custom_id` of its line."""
        words = b"\0".join((self.name.encode(), self._settings, msgspec.json.encode(request)))
        return hashlib.blake2b(words, digest_size=16).hexdigest()

    def _call(self, name: str, request: Request) -> Call:
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        reply.add_done_callback(lambda _: self._forget(name))
        return Call(name, request, reply, self._model.talk(request))

    def _forget(self, name: str) -> None:
        self._calls.pop(name, None)
        self._pending.pop(name, None)

    def _take(self, call: Call) -> None:
        """Finds a call in a batch that is outstanding, or lays it by for the next."""
        batch = self._known.pop(call.name, None)
        if batch is None:
            self._lay_by(call)
        elif batch.lines is not None:
            batch.calls[call.name] = call
            self._settle(batch, batch.lines)
        else:
            batch.calls[call.name] = call
            if batch not in self._under_way:
                self._start(batch)

    def _lay_by(self, call: Call) -> None:
        self._pending[call.name] = call
        self._asked_at = time.monotonic()
        if not self._gathering:
            self._gathering = True
            self._at_work(self._gather())

    async def _gather(self) -> None:
        """Sends batches as long as calls are waiting for one."""
        while self._pending:
            under_way = sum(len(batch.calls) for batch in self._under_way)
            if self._room.ready(len(self._pending), under_way, time.monotonic() - self._asked_at):
                self._start(*self._next())
            else:
                await asyncio.sleep(LOOK_SECONDS)
        self._gathering = False

    def _next(self) -> tuple[Batch, bytes]:
        lines, chosen = bytearray(), list[str]()
        for name, call in self._pending.items():
            body = msgspec.json.encode(self._model.body(call.request, call.talk))
            line = line_of(name, self._api.endpoint, body)
            if chosen and not self._room.holds(len(chosen) + 1, len(lines) + len(line)):
                break
            lines += line
            chosen.append(name)
        return Batch(tuple(chosen), {name: self._pending.pop(name) for name in chosen}), bytes(lines)

    def _start(self, batch: Batch, lines: bytes = b"") -> None:
        self._under_way.append(batch)
        self._at_work(self._carry_out(batch, lines))

    def _at_work(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, batch: Batch, lines: bytes) -> None:
        """Brings one batch to its end, whatever that is."""
        try:
            try:
                await self._submit(batch, lines)
                job = await self._end_of(batch)
                batch.lines, batch.status = await self._results(job), job.status
            finally:
                self._under_way.remove(batch)
            self._room.took()
            self._ended.append(batch)
            self._settle(batch, batch.lines)
        except NoBatchApiError as error:
            self._go_without(batch, error)
        except CallError as error:
            self._refused(batch, error)
        except Exception as error:  # Such as a full disk: whoever waits must hear of it.
            self._fail(batch, error)

    async def _submit(self, batch: Batch, lines: bytes) -> None:
        """Uploads and creates what is not uploaded and created; each is noted before the next is done."""
        count = f"{len(batch.names):,} call{'s' * (len(batch.names) != 1)}"
        if batch.id:
            self._tell(f"{self.name}: waiting for batch {batch.id} of {count}, submitted before")
            return
        job = await self._api.find(batch.file) if batch.file else None
        if not batch.file:
            batch.file = await self._api.upload(lines)
            self._store.uploaded(batch.file, batch.names)
        batch.id = (job or await self._api.create(batch.file)).id
        self._store.created(batch.file, batch.id)
        mend = "leave with Ctrl-C and come back with the same command"
        self._tell(f"{self.name}: batch {batch.id} of {count} submitted; {mend}")

    async def _end_of(self, batch: Batch) -> Job:
        """Looks at a batch until it has ended; raises CallError if it failed as a whole."""
        looks = 0
        while True:
            job, pause = await self._api.look(batch.id, looks)
            batch.done = job.done
            if job.status == "failed" and not job.files:
                raise BatchFailedError(batch, job)
            if job.ended:
                return job
            looks += 1
            await asyncio.sleep(pause)

    async def _results(self, job: Job) -> dict[str, Line]:
        """What came of each call; the line of a reply stands before that of an error."""
        found: dict[str, Line] = {}
        for file in job.files:
            for line in lines_of(await self._api.content(file)):
                if line.call not in found or line.status == 200:
                    found[line.call] = line
        return found

    def _settle(self, batch: Batch, lines: dict[str, Line]) -> None:
        """Hands out what came of the calls that somebody waits for: replies first, then errors."""
        failed = []
        for call in [batch.calls.pop(name) for name in list(batch.calls)]:
            batch.taken.add(call.name)
            line = lines.get(call.name)
            outcome = outcome_of(line) if line else unanswered(batch)
            if isinstance(outcome, CallError):
                failed.append((call, outcome, line.body if line else b""))
            elif not call.reply.done():
                self._answer(call, self._model.masked(outcome))
        self._handed_out_at = time.monotonic()
        for call, error, said in failed:
            error.used = used_in(said)
            if self._learns(call, error, said):
                self._lay_by(call)
            elif is_passing(error):
                self._again(call, error)
            else:
                call.fail(error)

    def _answer(self, call: Call, reply: Reply) -> None:
        if is_empty(reply) and call.tries + 1 < TRIES:
            call.tries += 1
            call.talk.learn_from_nothing(self._model.body(call.request, call.talk))
            self._lay_by(call)
        else:
            call.talk.understood(self._model.body(call.request, call.talk))
            call.reply.set_result(msgspec.structs.replace(reply, prefilled=self._model.prefilled))

    def _learns(self, call: Call, error: CallError, said: bytes) -> bool:
        """True if the server refuses something that can be left out."""
        return may_teach(error) and call.talk.learn(error, said, self._model.body(call.request, call.talk))

    def _again(self, call: Call, error: CallError) -> None:
        """Sends a call in the next batch, a few times."""
        call.tries += 1
        if call.tries >= TRIES:
            call.fail(error)
        elif not call.reply.done():
            self._lay_by(call)

    def _refused(self, batch: Batch, error: CallError) -> None:
        """Makes the best of a batch that came to nothing: smaller ones, later ones, one without the bad lines."""
        lost = error.status in (400, 404) and (batch.id or batch.before)
        if not error.fatal and error.reason != CONNECTION and self._room.refused(len(batch.names), error.detail):
            for call in batch.calls.values():
                self._lay_by(call)
        elif isinstance(error, BatchFailedError):
            error.fatal = len(error.bad) == len(batch.names)  # Every further batch would fail, too.
            for call in batch.calls.values():
                if call.name not in error.bad:
                    self._again(call, error)
                elif self._learns(call, CallError(HTTP_ERROR, error.detail, status=400), error.detail.encode()):
                    self._lay_by(call)
                else:
                    call.fail(error)
        elif lost:
            for call in batch.calls.values():
                self._again(call, error)
        else:  # It may still be there: the next run looks.
            return self._fail(batch, error)
        with contextlib.suppress(AnjianError):  # Else the next run looks once more.
            self._store.taken(batch.file)
        return None

    def _fail(self, batch: Batch, error: Exception) -> None:
        for call in batch.calls.values():
            call.fail(error)

    def _go_without(self, batch: Batch, error: CallError) -> None:
        """Asks one by one, if that is wanted, where the server knows no batches."""
        self._without_api = self._live
        why = f"{self.name}: its server has no Batch API ({error.detail})"
        if self._live:
            self._tell(f"{why}; it is asked call by call")
        for call in list(self._calls.values()):
            call.fail(error if self._live else UsageError(f"{why}; leave --batch out"))
