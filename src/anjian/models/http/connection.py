"""One exchange with a server: proxies, certificates, limits on what is read, and what went wrong in one clear line."""

import asyncio
import contextlib
import os
import re
import ssl
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import aiohttp
import msgspec
from yarl import URL

from anjian.errors import UsageError
from anjian.models.base import BAD_REPLY, CONNECTION, TIMEOUT, CallError, Reply
from anjian.models.http.address import shown
from anjian.models.http.proxies import proxies_set, proxy_of
from anjian.models.http.sockets import TOO_MANY
from anjian.models.http.wire.secrets import in_headers, in_proxy, in_query, pattern_of
from anjian.models.http.wire.stream import STARTS
from anjian.text import one_line

CONNECT_SECONDS = 15.0
MOST_BYTES = 32 * 2**20
"""Of a reply; whoever sends more is not read on."""
CERTIFICATES = "SSL_CERT_FILE"
_DONE = re.compile(rb"(?:\A|[\r\n])data:\s*\[DONE\]\s*\Z")
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"(?!null")[a-z]')
USAGE_SECONDS = 2.0
"""How long a stream is read on that has said why the reply ended, and not that this is all."""
_PLAIN_CODINGS = ("", "identity", "none", "utf-8", "utf8", "ascii", "8bit", "binary")
"""What says nothing of packing; some servers put the character set there."""
_GZIP = b"\x1f\x8b"
_TLS = re.compile(r"\\x15\\x03|\x15\x03|wrong.version.number|record.layer.failure|http.request", re.IGNORECASE)


class Answer(msgspec.Struct, frozen=True):
    """What a server answered; the body has passed the mask."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OutOfFilesError(CallError):
    """This process has too many files open: fewer connections at once will do."""


class Connection:
    """A pool of connections to the servers of one model, and the mask for all that they say."""

    def __init__(self, urls: Iterable[URL], key: str | None, headers: Mapping[str, str], timeout: float) -> None:
        """Takes where calls go, what is sent with each of them, and the seconds that one may last."""
        self.urls = list(urls)
        self.timeout = timeout
        self.reached = False
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        given = {name.lower() for name in headers}
        self._headers = {name: value for name, value in self._headers.items() if name.lower() not in given}
        self._headers.update(headers)
        secrets = [key or "", *in_headers(headers)]
        secrets += [secret for url in self.urls for secret in in_query(url.query.items())]
        secrets += [secret for proxy in proxies_set() for secret in in_proxy(proxy)]
        self._secret = pattern_of(secrets)

    async def open(self) -> None:
        """Opens the pool.

        Raises:
            UsageError: The proxy or the file of certificates cannot be used.
        """
        proxies = {url.origin(): proxy_of(url) for url in self.urls}
        self._proxies = proxies if any(proxies.values()) else {}
        secure = any(url.scheme == "https" for url in self.urls)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, ssl=_trusted() if secure else True),
            timeout=aiohttp.ClientTimeout(total=self.timeout, sock_connect=min(CONNECT_SECONDS, self.timeout)),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    async def send(
        self,
        method: str,
        url: URL,
        body: bytes | None,
        headers: Mapping[str, str] | None = None,
        most_bytes: int | None = None,
    ) -> Answer:
        """Sends one request and reads the answer, which may be of so many bytes, or of MOST_BYTES.

        Raises:
            CallError: Nothing came back, or nothing that could be read; fatal where nothing ever will.
        """
        proxy = self._proxies[url.origin()] if self._proxies else None
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False, proxy=proxy
            ) as response:
                self.reached = True
                raw = await _read(response, most_bytes or MOST_BYTES)
                return Answer(response.status, response.headers, self.masked(raw))
        except aiohttp.ConnectionTimeoutError:
            raise self._lost(url, f"no connection within {min(CONNECT_SECONDS, self.timeout):g} s") from None
        except TimeoutError:
            raise CallError(TIMEOUT, f"no reply within {self.timeout:g} s") from None
        except aiohttp.ClientPayloadError:
            raise CallError(BAD_REPLY, "the connection broke off in the middle of the reply") from None
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            raise self._error(url, proxy, error) from None

    def masked(self, said: bytes) -> bytes:
        """All that a server says passes here, before it is read or cut."""
        return self._secret.sub(b"***", said) if self._secret else said

    def masked_text(self, said: str) -> str:
        """The same for text."""
        return self.masked(said.encode("utf-8", "replace")).decode() if self._secret else said

    def masked_reply(self, reply: Reply) -> Reply:
        """The same for a reply that was joined from events or parts, each of which may have held half of a secret."""
        if not self._secret:
            return reply
        said = {name: self.masked_text(getattr(reply, name)) for name in ("text", "reasoning", "finish_reason")}
        return msgspec.structs.replace(reply, **said)

    def _error(self, url: URL, proxy: URL | None, error: Exception) -> CallError:
        through = f"the proxy {proxy.with_user(None)}" if proxy else ""
        if isinstance(error, OSError) and _errno(error) in TOO_MANY:
            return OutOfFilesError(CONNECTION, "too many open files; raise `ulimit -n` or lower --concurrency")
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return CallError(CONNECTION, f"{shown(url)}: {_untrusted(error.certificate_error)}", fatal=True)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            said = f"{through} answers HTTP {error.status} {error.message}; see NO_PROXY"
            return CallError(CONNECTION, self.masked_text(one_line(said)), fatal=error.status in (401, 403, 407))
        if isinstance(error, aiohttp.ClientProxyConnectionError):
            return self._lost(url, f"{through} cannot be reached: {_reason(error)}")
        said = _reason(error)
        if _TLS.search(said) or (isinstance(error, aiohttp.ClientSSLError) and not self.reached):
            other = "http" if url.scheme == "https" else "https"
            mend = f"the server does not speak {url.scheme}; write {other}://…"
            return CallError(CONNECTION, f"{shown(url)}: {mend} ({self._one_line(said)})", fatal=not self.reached)
        hung_up = isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError)
        asks = " (is it https?)" if hung_up and url.scheme == "http" and not self.reached else ""
        return self._lost(url, f"{said}{asks}")

    def _lost(self, url: URL, why: str) -> CallError:
        return CallError(CONNECTION, f"{shown(url)}: {self._one_line(why)}")

    def _one_line(self, said: str) -> str:
        return one_line(self.masked_text(said))


def _trusted() -> ssl.SSLContext:
    """The system's certificates, or those in the file that the user names."""
    file = os.environ.get(CERTIFICATES, "")
    if file and not Path(file).is_file():
        raise UsageError(f"{CERTIFICATES} names {file}, which is no file")
    return ssl.create_default_context()


def _untrusted(error: Exception) -> str:
    why = one_line(getattr(error, "verify_message", "") or str(error))
    if "expired" in why or "not valid" in why or "mismatch" in why:
        return f"its certificate is refused: {why}"
    file = os.environ.get(CERTIFICATES)
    mend = f"{file} in {CERTIFICATES} does not vouch for it" if file else f"name the file of its CA in {CERTIFICATES}"
    return f"its certificate is not trusted ({why}); {mend}"


def _errno(error: OSError) -> int | None:
    return error.os_error.errno if isinstance(error, aiohttp.ClientConnectorError) else error.errno


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        words = error.os_error.strerror or str(error.os_error)
        # asyncio says where it called, which is known, in the place of why that failed.
        return os.strerror(error.os_error.errno or 0) if words.startswith("Connect call failed") else words
    return str(error) or type(error).__name__


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The whole body, unpacked."""
    length = response.content_length
    if length is None:
        raw = await _read_on(response.content, most)
    elif length > most:
        raise _too_long(most)
    else:
        raw = await response.read()
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    return _unpacked(raw, coding, most) if raw and coding not in _PLAIN_CODINGS else raw


def _too_long(most: int) -> CallError:
    return CallError(BAD_REPLY, f"a reply of more than {most // 2**20} MiB")


async def _read_on(content: aiohttp.StreamReader, most: int) -> bytes:
    """Reads until the end, which for a stream of events is where it says so: some servers then hold the line."""
    chunks: list[bytes] = []
    size, tail, ends = 0, b"", 0
    while chunk := await (_usage(content) if ends == 1 else content.readany()):
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            raise _too_long(most)
        # Some servers name a reason in every piece: it is the end where one alone does.
        if chunks[0].lstrip().startswith(STARTS):
            ends += len(_FINISH.findall(chunk))
        tail = (tail + chunk)[-32:]
        if _DONE.search(tail) and not content.is_eof():
            with contextlib.suppress(TimeoutError):
                # What ends the body is on its way, as a rule, and lets the connection be used again.
                await asyncio.wait_for(content.readany(), 0.1)
            break
    return b"".join(chunks)


async def _usage(content: aiohttp.StreamReader) -> bytes:
    """What a stream says after its end, if it does so soon."""
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(content.readany(), USAGE_SECONDS)
    return b""


def _unpacked(raw: bytes, coding: str, most: int) -> bytes:
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise CallError(BAD_REPLY, f"a reply packed as {one_line(coding, 20)}, which was not asked for")
    for bits in (47, -15):  # gzip or zlib, as they say; deflate without a head, as some send it.
        with contextlib.suppress(zlib.error):
            return _unpacked_as(bits, raw, most)
    raise CallError(BAD_REPLY, f"a reply that cannot be unpacked as {coding}")


def _unpacked_as(bits: int, raw: bytes, most: int) -> bytes:
    plain = b""
    while raw:
        packed = zlib.decompressobj(bits)
        plain += packed.decompress(raw, most + 1 - len(plain))
        if len(plain) > most:
            raise _too_long(most)
        # gzip may come in several parts.
        raw = packed.unused_data if packed.unused_data.startswith(_GZIP) else b""
    return plain
