"""The client of every OpenAI-compatible server.

A call is tried again, with growing pauses, after what may pass: a lost connection, a 429, a 5xx, a broken body. Pauses
honour Retry-After; a 429 also lowers the number of requests in flight, which grows back with successes.
"""

import asyncio
import os
import random
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import yarl

from anjian.models.base import BAD_REPLY, CONNECTION, RATE_LIMIT, TIMEOUT, CallError, Model, Reply, Request
from anjian.models.endpoints import Endpoint, Endpoints
from anjian.models.wire.body import encode_body
from anjian.models.wire.errors import BUDGET, RETRY_STATUS, error_of, retry_after
from anjian.models.wire.reply import decode_body
from anjian.models.wire.secrets import key_pattern
from anjian.text import one_line

TRIES = {CONNECTION: 6, RATE_LIMIT: 40, TIMEOUT: 2, BAD_REPLY: 3}
"""How often a call is tried, by what went wrong last; TRIES_OTHERWISE for the rest."""
TRIES_OTHERWISE = 6
TRIES_BEFORE_FIRST_CONTACT = 3
LONGEST_PAUSE = 60.0
NOTHING: Mapping[str, Any] = MappingProxyType({})
CONNECT_SECONDS = 15.0


class _PassingError(Exception):
    """A failed attempt that may be tried again, after `pause` seconds if the server named them."""

    def __init__(self, error: CallError, pause: float | None = None) -> None:
        super().__init__(error)
        self.error = error
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
            base_urls: What `/chat/completions` is appended to; several share the load.
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
        self._headers = dict(headers)
        self._extra_body = dict(extra_body)
        self._tell = tell or _silent
        self._key = api_key
        self._key_pattern = key_pattern(api_key) if api_key else None
        self._urls = [url.rstrip("/") + "/chat/completions" for url in base_urls]
        self._yarl = {url: yarl.URL(url) for url in self._urls}
        self._reached = False
        self._schema_works = True

    async def __aenter__(self) -> Model:
        """Opens the connection pool."""
        headers = {"Content-Type": "application/json", **self._headers}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._endpoints = Endpoints(self._urls, self.concurrency)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            timeout=aiohttp.ClientTimeout(total=self.timeout, sock_connect=min(CONNECT_SECONDS, self.timeout)),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=_behind_proxy(self._urls),
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Closes the connections."""
        await self._session.close()

    def about(self) -> dict[str, Any]:
        """Nothing was settled here; see `Model.about`."""
        return {}

    def waiting(self) -> str:
        """Nothing holds it up; see `Model.waiting`."""
        return ""

    async def complete(self, request: Request) -> Reply:
        """Answers one request, trying again where that may help; see `Model.complete`."""
        tries = 0
        while True:
            tries += 1
            with_schema = self._schema_works
            body = encode_body(self.model, request, with_schema)
            try:
                return await self._attempt(body)
            except _PassingError as passing:
                error = passing.error
                if tries >= self._most_tries(error.reason):
                    raise error from None
                pause = passing.pause
            except CallError as error_for_good:
                refused = error_for_good.detail.startswith(("HTTP 400", "HTTP 422"))
                if refused and request.sampling.budget and BUDGET.search(error_for_good.detail):
                    # Left to itself, the server gives as much as it has.
                    request = _without_budget(request)
                elif refused and request.schema and with_schema:
                    # The server may not know response_format; the same call without it settles that.
                    self._schema_works = False
                else:
                    raise
                continue
            await asyncio.sleep(_backoff(tries) if pause is None else pause)

    def _most_tries(self, reason: str) -> int:
        if reason == CONNECTION and not self._reached:
            return TRIES_BEFORE_FIRST_CONTACT
        return TRIES.get(reason, TRIES_OTHERWISE)

    async def _attempt(self, body: bytes) -> Reply:
        endpoint = await self._endpoints.acquire()
        try:
            reply = await self._post(endpoint, body)
        except _PassingError as passing:
            if passing.error.reason == RATE_LIMIT:
                self._endpoints.refused(endpoint, passing.pause or 0.0)
            else:
                self._endpoints.failed(endpoint)
            raise
        finally:
            self._endpoints.release(endpoint)
        self._endpoints.succeeded(endpoint)
        return reply

    async def _post(self, endpoint: Endpoint, body: bytes) -> Reply:
        url = self._yarl[endpoint.url]
        try:
            async with self._session.post(url, data=body, allow_redirects=False) as response:
                self._reached = True
                raw = self._masked(await response.read())
                status, later = response.status, response.headers.get("Retry-After")
        except TimeoutError:
            raise _PassingError(CallError(TIMEOUT, f"no reply within {self.timeout:g} s")) from None
        except aiohttp.ClientPayloadError:
            raise _PassingError(CallError(BAD_REPLY, "the connection broke off in the middle of the reply")) from None
        except (aiohttp.ClientError, OSError) as error:
            reason = self._masked(_reason(error).encode(errors="replace")).decode()
            detail = f"{endpoint.url.removesuffix('/chat/completions')}: {one_line(reason)}"
            raise _PassingError(CallError(CONNECTION, detail, fatal=not self._reached)) from None
        if status != 200:
            raise self._error(status, raw, retry_after(later or ""))
        try:
            reply = decode_body(raw)
        except CallError as error:
            if error.reason == BAD_REPLY:
                raise _PassingError(error) from None
            raise
        return msgspec.structs.replace(reply, prefilled=True) if self.prefilled else reply

    @property
    def base_url(self) -> yarl.URL:
        """Where the other paths of the API hang, of the first server."""
        return self._yarl[self._urls[0]].parent.parent

    async def fetch(
        self, method: str, path: str, body: bytes | None = None, *, kind: str = "application/json", **query: str
    ) -> tuple[int, bytes, float | None]:
        """Calls another path of the first server, once.

        Args:
            method: Of HTTP.
            path: Below the base URL, such as `batches`.
            body: What is sent.
            kind: Its content type.
            query: Added to the query of the base URL.

        Returns:
            The status, what the server says, masked, and the seconds that Retry-After names.

        Raises:
            CallError: Nothing came back; fatal where nothing ever did.
        """
        url = self.base_url.joinpath(path).with_query({**self._yarl[self._urls[0]].query, **query})
        headers = {"Content-Type": kind} if body else None
        try:
            async with self._session.request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
                said = await answer.read()
                self._reached = True
                return answer.status, self._masked(said), retry_after(answer.headers.get("Retry-After", ""))
        except TimeoutError:
            raise CallError(TIMEOUT, f"no reply within {self.timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            why = one_line(self._masked(_reason(error).encode(errors="replace")).decode())
            raise CallError(CONNECTION, f"{self.base_url}: {why}", fatal=not self._reached) from None

    def _masked(self, said: bytes) -> bytes:
        """All that a server says passes here, before it is read or cut."""
        return self._key_pattern.sub(b"***", said) if self._key_pattern else said

    def _error(self, status: int, raw: bytes, pause: float | None) -> Exception:
        error = error_of(status, raw)
        if status in (401, 403) and error.fatal and self.key_env:
            error.detail += f" (the key in {self.key_env} was refused)" if self._key else f" (set {self.key_env})"
        if status in RETRY_STATUS and not error.fatal:
            return _PassingError(error, pause)
        return error


def _silent(line: str) -> None:
    """Nobody wants to know."""


def _without_budget(request: Request) -> Request:
    return msgspec.structs.replace(request, sampling=msgspec.structs.replace(request.sampling, budget=None))


def _backoff(tries: int) -> float:
    """Half to all of 0.5, 1, 2, 4 … seconds, so that clients do not come back in step."""
    return min(LONGEST_PAUSE, 0.5 * 2.0 ** (tries - 1)) * random.uniform(0.5, 1.0)  # noqa: S311


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or str(error.os_error)
    return str(error) or type(error).__name__


def _behind_proxy(urls: Sequence[str]) -> bool:
    """Proxies from the environment count for servers elsewhere, never for this machine."""
    local = {"localhost", "127.0.0.1", "::1"}
    wanted = any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"))
    return wanted and not all(urlsplit(url).hostname in local for url in urls)
