"""The calls of the Batch API: upload a file, create a batch, find it, look at it, download what came of it.

What may pass is tried again, with growing pauses that honour Retry-After: a batch takes hours, and so may a server's
trouble. A batch is created once: before a second try it is looked for.
"""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
import msgspec

from anjian.models.base import CONNECTION, CallError
from anjian.models.batch.forms import Job, decode_object, endpoint_of, job_of, jobs_of
from anjian.models.http.client import HttpModel
from anjian.models.http.wire.errors import error_of, is_passing, pause_of
from anjian.text import one_line

T = TypeVar("T")
WINDOW = "24h"
TRIES = 30
TRIES_BEFORE_FIRST_CONTACT = 3
FIRST_LOOK, LONGEST_LOOK = 5.0, 60.0
"""Seconds between two looks at a batch, at first and in the end; Retry-After comes before them."""
NO_API = {404, 405, 501}


class NoBatchApiError(CallError):
    """The server does not know files or batches."""


class Api:
    """The Batch API of one model's server, with the model's own session, key and headers."""

    def __init__(self, model: HttpModel) -> None:
        """Takes the model, which must be open for all calls."""
        self._model = model

    @property
    def endpoint(self) -> str:
        """What lines and batches name as their endpoint."""
        return endpoint_of(self._model.model, self._model.base_url.path)

    async def upload(self, lines: bytes) -> str:
        """Uploads the lines of a batch; returns the file's id."""
        border = uuid.uuid4().hex
        head = (
            f'--{border}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="batch.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        body = head.encode() + lines + f"\r\n--{border}--\r\n".encode()
        try:
            told, _ = await self._ask(
                decode_object, "POST", "files", body, kind=f"multipart/form-data; boundary={border}"
            )
        except CallError as error:
            if error.status in NO_API:
                raise NoBatchApiError(error.reason, error.detail, fatal=True, status=error.status) from None
            raise
        return str(told["id"])

    async def create(self, file: str) -> Job:
        """Creates the batch of a file."""
        wanted = {"input_file_id": file, "endpoint": self.endpoint, "completion_window": WINDOW}
        tries = 0
        while True:
            tries += 1
            try:
                said, _ = await self._once("POST", "batches", msgspec.json.encode(wanted))
                return job_of(decode_object(said))
            except CallError as error:
                if not is_passing(error) or tries >= TRIES:
                    raise
                await asyncio.sleep(_pause(tries, error))
            if found := await self.find(file):
                return found

    async def find(self, file: str) -> Job | None:
        """Looks for the batch of a file among the newest; None where there is none, or no list of them."""
        try:
            jobs, _ = await self._ask(jobs_of, "GET", "batches", limit="100")
        except CallError as error:
            if error.status in (*NO_API, 400, 422):
                return None
            raise
        return next((job for job in jobs if job.input == file), None)

    async def look(self, batch: str, times: int) -> tuple[Job, float]:
        """The batch as it is now, and the seconds until the next look; `times` says how often was looked before."""
        told, pause = await self._ask(decode_object, "GET", f"batches/{batch}")
        growing = min(LONGEST_LOOK, FIRST_LOOK * 1.5 ** min(times, 20))
        return job_of(told), growing if pause is None else pause

    async def content(self, file: str) -> bytes:
        """Downloads a file of results; some servers name an address elsewhere, which gets no key."""
        if not file.startswith(("https://", "http://")):
            return (await self._ask(bytes, "GET", f"files/{file}/content"))[0]
        async with aiohttp.ClientSession(trust_env=True) as session:
            return (await _again(lambda: _download(session, file)))[0]

    async def _ask(
        self, read: Callable[[bytes], T], method: str, path: str, body: bytes | None = None, **how: str
    ) -> tuple[T, float | None]:
        async def once() -> tuple[T, float | None]:
            said, pause = await self._once(method, path, body, **how)
            return read(said), pause

        return await _again(once)

    async def _once(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json", **query: str
    ) -> tuple[bytes, float | None]:
        answer = await self._model.fetch(method, path, body, kind=kind, **query)
        pause = pause_of(answer.headers, b"")
        if answer.status in (200, 201):
            return answer.body, pause
        raise _RefusedError(self._model.refusal(answer), answer.status, f"{method} /{path}", pause)


class _RefusedError(CallError):
    """What a server refused, and the pause that it named."""

    def __init__(self, error: CallError, status: int, what: str, pause: float | None) -> None:
        super().__init__(error.reason, f"{what}: {error.detail}", error.fatal, status)
        self.pause = pause


async def _again(once: Callable[[], Awaitable[T]]) -> T:
    tries = 0
    while True:
        tries += 1
        try:
            return await once()
        except CallError as error:
            patience = TRIES_BEFORE_FIRST_CONTACT if error.fatal else TRIES
            if not (error.reason == CONNECTION or is_passing(error)) or tries >= patience:
                raise
            await asyncio.sleep(_pause(tries, error))


async def _download(session: aiohttp.ClientSession, address: str) -> tuple[bytes, int]:
    try:
        async with session.get(address) as answer:
            said, status = await answer.read(), answer.status
    except (aiohttp.ClientError, OSError, TimeoutError) as fault:
        raise CallError(CONNECTION, f"the results cannot be downloaded: {one_line(str(fault))}") from None
    if status != 200:
        raise _RefusedError(error_of(status, said), status, "the results cannot be downloaded", None)
    return said, status


def _pause(tries: int, error: CallError) -> float:
    if isinstance(error, _RefusedError) and error.pause is not None:
        return error.pause
    return min(LONGEST_LOOK, 0.5 * 2.0 ** min(tries, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
