"""The client of everything that speaks the chat-completion API of OpenAI.

A call is tried again, with growing pauses, after what may pass: a lost connection, a 429, a 5xx, a broken body. Pauses
honour what the server asks for; a 429 also lowers the number of requests in flight, which grows back with successes.
What a model refuses is learned once, see `dialect`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from yarl import URL

from anjian.models.base import CONNECTION, HTTP_ERROR, RATE_LIMIT, CallError, Model, Reply, Request
from anjian.models.http.address import chat_url, is_azure, is_elsewhere, shown, versioned
from anjian.models.http.connection import Answer, Connection, OutOfFilesError
from anjian.models.http.dialect import Dialect, Talk, may_teach
from anjian.models.http.endpoints import Endpoint, Endpoints
from anjian.models.http.pace import Pace
from anjian.models.http.patience import (
    EMPTY,
    NO_FILES,
    QUOTA,
    QUOTA_TRIES_BEFORE_FIRST_SUCCESS,
    TRIES,
    TRIES_BEFORE_FIRST_CONTACT,
    Patience,
    Waits,
    why_of,
)
from anjian.models.http.sockets import room_for
from anjian.models.http.wire.body import body_of, settle
from anjian.models.http.wire.errors import error_of, is_passing, is_spent, pause_of
from anjian.models.http.wire.reply import decode_body, is_empty, used_in
from anjian.text import one_line

NOTHING: Mapping[str, Any] = MappingProxyType({})
FILES_PAUSE = 0.2
MOST_BYTES_OF_A_FILE = 2**32
SPEAKS_TLS = re.compile(rb"HTTP request[^.]{0,40}HTTPS (?:port|server)", re.IGNORECASE)
SAYS_KEY = re.compile(r"key|auth|token|permission|credential|密钥|鉴权|认证|权限|令牌", re.IGNORECASE)
MEND = "give the base URL of the API, such as http://HOST:PORT/v1"


class _FailedError(Exception):
    """A failed attempt: what it stands for, all that the server said, and the pause that it asked for."""

    def __init__(self, error: CallError, said: bytes = b"", pause: float | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.said = said
        self.pause = pause


class HttpModel:
    """One model behind one or more base URLs."""

    def __init__(
        self,
        name: str,
        model: str,
        base_urls: Sequence[str],
        api_key: str | None = None,
        *,
        concurrency: int = 64,
        timeout: float = 600.0,
        prefilled: bool = False,
        key_env: str = "",
        headers: Mapping[str, str] = NOTHING,
        extra_body: Mapping[str, Any] = NOTHING,
        rpm: int | None = None,
        tpm: int | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Describes the model; nothing is opened before `async with`.

        Args:
            name: Who is asked, for the ledger and the report.
            model: The model's name as the server knows it.
            base_urls: What `/chat/completions` is appended to, if it is not there yet; several share the load.
            api_key: Sent as a bearer token; never written anywhere, and masked in all that the server says.
            concurrency: Most requests in flight.
            timeout: Seconds for one attempt, the whole reply included.
            prefilled: True if the server's template opens the thinking and the reply comes without the opening tag.
            key_env: The variable that holds the key, named in the message about a refused key.
            headers: Sent with every call; their values are masked as the key is.
            extra_body: Keys of the body that the user settles: they win over all others, and None takes a key out.
            rpm: Most calls a minute, evenly spread.
            tpm: Most tokens a minute, prompts and replies together.
            tell: Told in one line what is learned of the model, once for each thing.
        """
        self.name = name
        self.model = model
        self.concurrency = concurrency
        self.timeout = timeout
        self.prefilled = prefilled
        self.key_env = key_env
        self._key = api_key
        self._own = dict(extra_body)
        self._limits = rpm, tpm
        self._urls = [chat_url(url) for url in base_urls]
        self._say = tell or _silent
        self._dialect = Dialect(self._tell)
        self._moved: list[str] = []
        self._answered = False
        self._waits = Waits()
        self._pace: Pace | None = None
        self._connection = Connection(self._urls, api_key, headers, timeout)
        self._endpoints = Endpoints(self._urls, concurrency)

    async def __aenter__(self) -> Model:
        """Opens the connection pool.

        Raises:
            UsageError: A proxy or a file of certificates cannot be used.
        """
        self._endpoints = Endpoints(self._urls, room_for(self.concurrency))
        self._pace = Pace(*self._limits) if any(self._limits) else None
        await self._connection.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Closes the connections."""
        await self._connection.close()

    def about(self) -> dict[str, Any]:
        """What was learned of the model so far; see `Model.about`."""
        learned = [*self._dialect.learned, *self._moved]
        return {"learned": learned} if learned else {}

    def waiting(self) -> str:
        """What its calls wait for, if more wait than are under way; see `Model.waiting`."""
        paced = self._pace.waiting if self._pace else 0
        under_way = sum(one.in_flight for one in self._endpoints.all) - paced
        if len(self._waits) > under_way:
            return self._waits.line()
        return f"waiting: {self._pace.limits}" if self._pace and paced else ""

    def talk(self, request: Request) -> Talk:
        """The talk about one call, which learns what the model refuses."""
        return Talk(self._dialect, request, self._own)

    def body(self, request: Request, talk: Talk | None = None) -> dict[str, Any]:
        """The JSON body of a call, as far as it is known how the model wants it."""
        body = body_of(self.model, request)
        if self._own.get("stream"):
            body["stream_options"] = {"include_usage": True}
        self._dialect.apply(body)
        if talk:
            talk.apply(body)
        if self._own:
            settle(body, self._own)
        return body

    async def complete(self, request: Request) -> Reply:
        """Answers one request, trying again where that may help; see `Model.complete`."""
        patience, talk, before = Patience(), None, (0, 0)
        while True:
            body = self.body(request, talk)
            try:
                reply = await self._attempt(msgspec.json.encode(body))
            except _FailedError as failed:
                before = failed.error.used = _sum(before, failed.error.used)
                talk = talk or self.talk(request)
                await self._after(failed, body, talk, patience)
                continue
            if says_nothing(reply):
                used = reply.prompt_tokens, reply.completion_tokens
                talk = talk or self.talk(request)
                if talk.learn_from_nothing(body):
                    before = _sum(before, used)
                    continue
                if is_empty(reply) and (pause := patience.pause(EMPTY, TRIES[EMPTY])) is not None:
                    before = _sum(before, used)
                    await self._waits.wait(pause, why_of(EMPTY, CallError(EMPTY, "")))
                    continue
            if talk and not is_empty(reply):
                talk.understood(body)
            elif not talk:
                self._dialect.answered(body)
            self._answered = True
            return msgspec.structs.replace(reply, before=before) if any(before) else reply

    async def _after(self, failed: _FailedError, body: dict[str, Any], talk: Talk, patience: Patience) -> None:
        """Prepares the next try after a failure, or raises what it stands for."""
        error = failed.error
        if may_teach(error) and talk.learn(error, failed.said, body):
            return
        kind = NO_FILES if isinstance(error, OutOfFilesError) else error.reason
        if kind == RATE_LIMIT and is_spent(error.detail):
            kind = QUOTA
        pause = patience.pause(kind, self._most_tries(kind), failed.pause) if is_passing(error) else None
        if pause is None:
            error.fatal |= kind == QUOTA or (kind == CONNECTION and not self._connection.reached)
            raise error from None
        await self._waits.wait(pause, why_of(kind, error))

    def _most_tries(self, kind: str) -> int:
        if kind == CONNECTION and not self._connection.reached:
            return TRIES_BEFORE_FIRST_CONTACT
        if kind == QUOTA and not self._answered:
            return QUOTA_TRIES_BEFORE_FIRST_SUCCESS
        return TRIES.get(kind, TRIES[HTTP_ERROR])

    async def _attempt(self, body: bytes) -> Reply:
        endpoint = await self._endpoints.acquire()
        try:
            expected = await self._pace.turn(len(body)) if self._pace else 0.0
            reply = await self._post(endpoint, body)
        except _FailedError as failed:
            self._give_way(endpoint, failed)
            raise
        finally:
            self._endpoints.release(endpoint)
        self._endpoints.succeeded(endpoint)
        if self._pace:
            self._pace.used(len(body), expected, reply.prompt_tokens, reply.completion_tokens)
        return reply

    def _give_way(self, endpoint: Endpoint, failed: _FailedError) -> None:
        if isinstance(failed.error, OutOfFilesError):
            self._endpoints.refused(endpoint, FILES_PAUSE)
        elif failed.error.reason == RATE_LIMIT:
            self._endpoints.refused(endpoint, failed.pause or 0.0)
            if self._pace:
                self._pace.hold(failed.pause or 0.0)
        elif is_passing(failed.error):
            self._endpoints.failed(endpoint)

    async def _post(self, endpoint: Endpoint, body: bytes) -> Reply:
        url = endpoint.url
        try:
            answer = await self._send(url, body)
            lost = not endpoint.answers and is_elsewhere(answer.status, answer.body)
            if lost:
                answer = await self._elsewhere(endpoint, url, body, answer)
        except CallError as error:
            raise _FailedError(error) from None
        try:
            if answer.status != 200:
                raise self.refusal(answer)
            reply = self.masked(decode_body(answer.body))
        except CallError as error:
            if lost and not endpoint.answers and is_elsewhere(answer.status, answer.body):
                error.detail += f" (asked at {shown(url)}; {MEND})"
            error.used = used_in(answer.body)
            pause = pause_of(answer.headers, answer.body) if is_passing(error) else None
            raise _FailedError(error, answer.body, pause) from None
        endpoint.answers = True
        return msgspec.structs.replace(reply, prefilled=True) if self.prefilled else reply

    async def _send(self, url: URL, body: bytes) -> Answer:
        headers = {"api-key": self._key} if self._key and is_azure(url) else None
        return await self._connection.send("POST", url, body, headers)

    async def _elsewhere(self, endpoint: Endpoint, asked: URL, body: bytes, answer: Answer) -> Answer:
        """Asks at the same server's /v1, where the API usually is, and stays there if it is."""
        other = endpoint.url if endpoint.url != asked else versioned(asked)
        if other is None:
            return answer
        found = await self._send(other, body)
        if is_elsewhere(found.status, found.body):
            return answer
        if endpoint.url == asked:
            endpoint.url = other
            self._moved.append("the API is at /v1 of the address that was given")
            self._tell(f"there is no API at {shown(asked)}; {shown(other)} is asked instead")
        return found

    def masked(self, reply: Reply) -> Reply:
        """The reply without secrets that came in pieces, in events or parts, and were joined."""
        return self._connection.masked_reply(reply)

    def _tell(self, line: str) -> None:
        self._say(f"{self.name}: {line}")

    def refusal(self, answer: Answer) -> CallError:
        """What an answer stands for that is none, with the mend where it is known."""
        error = error_of(answer.status, answer.body)
        about_key = answer.status == 401 or (answer.status == 403 and SAYS_KEY.search(error.detail))
        if about_key and error.fatal and self.key_env:
            error.detail += f" (the key in {self.key_env} was refused)" if self._key else f" (set {self.key_env})"
        if 300 <= answer.status < 400 and (place := answer.headers.get("Location")):
            error.detail += f": it names {one_line(self._connection.masked_text(place))}"
        if b"HTTPS" in answer.body and SPEAKS_TLS.search(answer.body):
            return CallError(HTTP_ERROR, f"{error.detail} (write https://…)", fatal=True, status=answer.status)
        return error

    @property
    def base_url(self) -> URL:
        """Where the other paths of the API hang, of the first server."""
        return self._endpoints.all[0].url.parent.parent

    async def fetch(
        self, method: str, path: str, body: bytes | None = None, *, kind: str = "application/json", **query: str
    ) -> Answer:
        """Calls another path of the first server, once.

        Args:
            method: Of HTTP.
            path: Below the base URL, such as `batches`.
            body: What is sent.
            kind: Its content type.
            query: Added to the query of the base URL.

        Raises:
            CallError: Nothing came back; fatal where nothing ever did.
        """
        here = dict(self._endpoints.all[0].url.query)
        url = self.base_url.joinpath(path).with_query(here | query)
        headers = {"Content-Type": kind} if body else {}
        if self._key and is_azure(url):
            headers["api-key"] = self._key
        try:
            return await self._connection.send(method, url, body, headers, most_bytes=MOST_BYTES_OF_A_FILE)
        except CallError as error:
            error.fatal |= error.reason == CONNECTION and not self._connection.reached
            raise


def says_nothing(reply: Reply) -> bool:
    """True for what a model that is held to a schema says where it cannot: nothing, blanks up to the limit, or `{}`."""
    return reply.text.strip() in ("", "{}") and not reply.reasoning.strip()


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _silent(line: str) -> None:
    """Nobody wants to know."""
