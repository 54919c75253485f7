"""One exchange: certificates, sizes, packing, files, and what servers echo."""

import asyncio
import contextlib
import gzip
import os
import resource
import socket
import ssl
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from asking import HELLO, KEY, put, question
from hypothesis import given
from hypothesis import strategies as st
from loopback import Call, completion, failure, serving

from anjian.errors import UsageError
from anjian.models.base import CallError, Reply
from anjian.models.http import connection, patience, sockets
from anjian.models.http.client import HttpModel
from anjian.models.http.wire.secrets import in_headers, in_proxy, pattern_of

STUB = Path(__file__).parents[1] / "bench" / "stub.py"
GOOD = b'{"choices": [{"message": {"content": "\xe5\xa5\xbd"}, "finish_reason": "stop"}]}'


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.0)


def error_of(asked: list[Reply | CallError]) -> CallError:
    [error] = asked
    assert isinstance(error, CallError)
    return error


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody vouches for, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=here -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(), "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


@pytest.fixture(scope="module")
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_a_certificate_of_ones_own_is_refused_at_once_and_the_mend_named(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with serving(lambda call: completion("好"), tls=tls) as server:
        error = error_of(put(server).results)
    assert (error.reason, error.fatal) == ("connection", True)
    assert "name the file of its CA in SSL_CERT_FILE" in error.detail


def test_a_certificate_that_the_user_names_is_trusted(
    tls: ssl.SSLContext, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with serving(lambda call: completion("好"), tls=tls) as server:
        assert put(server).texts == ["好"]
        named = put(server, urls=[server.base_url.replace("127.0.0.1", "localhost")])
    assert "its certificate is refused" in named.texts[0]


def test_a_file_of_certificates_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    with serving(lambda call: completion("好")) as server, pytest.raises(UsageError, match=r"names /nowhere\.pem"):
        put(server, urls=["https://127.0.0.1:9/v1"])


def test_https_where_plain_http_is_spoken_is_one_clear_line() -> None:
    with serving(lambda call: completion("好")) as server:
        error = error_of(put(server, urls=[server.base_url.replace("http", "https")]).results)
    assert error.fatal
    assert "the server does not speak https; write http://…" in error.detail


def test_plain_http_where_tls_is_spoken_is_one_clear_line(tls: ssl.SSLContext) -> None:
    with serving(lambda call: completion("好"), tls=tls) as server:
        error = error_of(put(server, urls=[server.base_url.replace("https", "http")]).results)
    assert error.fatal
    with serving(lambda call: web.Response(status=400, text="The plain HTTP request was sent to HTTPS port")) as server:
        error = error_of(put(server).results)
    assert error.fatal
    assert "write https://…" in error.detail


def test_a_name_that_is_no_host_is_no_traceback() -> None:
    with serving(lambda call: completion("好")) as server:
        error = error_of(put(server, urls=[f"http://{'a' * 70}.example/v1"]).results)
    assert error.reason == "connection"


async def endless(call: Call) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(call.request)
    for _ in range(200):
        await response.write(b"data: " + b"x" * 2**16 + b"\n\n")
    return response


@pytest.mark.parametrize(
    "behave",
    [
        endless,
        lambda call: web.Response(body=b" " * 2**21),
        lambda call: web.Response(body=gzip.compress(b" " * 2**24, mtime=0), headers={"Content-Encoding": "gzip"}),
        lambda call: web.Response(body=zlib.compress(b" " * 2**24), headers={"Content-Encoding": "deflate"}),
    ],
)
def test_nobody_is_read_without_end(behave: Callable[[Call], web.Response], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_BYTES", 2**20)
    with serving(behave) as server:
        error = error_of(put(server).results)
    assert error.reason == "bad_reply"
    assert "more than 1 MiB" in error.detail


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(GOOD, mtime=0)),
        ("x-gzip", gzip.compress(GOOD, mtime=0)),
        ("deflate", zlib.compress(GOOD)),
        ("deflate", zlib.compress(GOOD, wbits=-15)),
        ("identity", GOOD),
        ("utf-8", GOOD),
        ("gzip", gzip.compress(GOOD[:30], mtime=0) + gzip.compress(GOOD[30:], mtime=0)),
    ],
)
def test_packed_replies_are_read(coding: str, body: bytes) -> None:
    with serving(lambda call: web.Response(body=body, headers={"Content-Encoding": coding})) as server:
        assert put(server).texts == ["好"]


@pytest.mark.parametrize(
    ("coding", "body"), [("gzip", GOOD), ("br", b"\x0b"), ("gzip", gzip.compress(GOOD, mtime=0)[:20])]
)
def test_a_reply_that_cannot_be_unpacked_is_a_bad_reply(coding: str, body: bytes) -> None:
    with serving(lambda call: web.Response(body=body, headers={"Content-Encoding": coding})) as server:
        assert error_of(put(server).results).reason == "bad_reply"


def test_a_stream_that_says_it_is_done_is_not_waited_for() -> None:
    async def holds_the_line(call: Call) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(call.request)
        await response.write(b'data: {"choices": [{"delta": {"content": "ok"}, "finish_reason": "stop"}]}\n\n')
        await response.write(b"data: [DONE]\n\n")
        await asyncio.sleep(3600)
        return response

    with serving(holds_the_line) as server:
        assert put(server, timeout=20.0).texts == ["ok"]


@pytest.mark.parametrize(
    "ending", ["", 'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}\n\n']
)
def test_a_stream_that_ended_and_does_not_say_so_is_not_waited_for(
    ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def holds_the_line(call: Call) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(call.request)
        await response.write(b'data: {"choices": [{"delta": {"content": "ok"}, "finish_reason": null}]}\n\n')
        await response.write(b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n')
        await response.write(ending.encode())
        await asyncio.sleep(3600)
        return response

    monkeypatch.setattr(connection, "USAGE_SECONDS", 0.2)
    with serving(holds_the_line) as server:
        [reply] = put(server, timeout=20.0).results
    assert isinstance(reply, Reply)
    assert (reply.text, reply.completion_tokens) == ("ok", 2 if ending else 0)


def test_a_stream_that_names_an_end_in_every_piece_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    piece = b'data: {"choices": [{"delta": {"content": "ok"}, "finish_reason": "stop"}]}\n\n'

    async def slow(call: Call) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(call.request)
        await response.write(piece * 2)
        await asyncio.sleep(0.1)
        await response.write(piece)
        return response

    monkeypatch.setattr(connection, "USAGE_SECONDS", 0.01)
    with serving(slow) as server:
        assert put(server).texts == ["okokok"]


@pytest.fixture
def few_files() -> Iterator[Callable[[int], None]]:
    """Lowers the process's limit of open files for a test."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda soft: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_of_open_files_is_raised_as_far_as_it_may_be(few_files: Callable[[int], None]) -> None:
    few_files(256)
    assert sockets.room_for(500) == 500
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 500
    assert 1 <= sockets.room_for(10**9) < 10**9


@pytest.fixture
def other_process() -> Iterator[str]:
    """A server in a process of its own, whose files are not this one's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, STUB, str(port), "20", "x"]) as server:
        while server.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
        yield f"http://127.0.0.1:{port}/v1"
        server.terminate()


def test_too_many_open_files_mean_fewer_connections_and_no_failure(
    few_files: Callable[[int], None], other_process: str
) -> None:
    async def crowded() -> list[Reply]:
        async with HttpModel("m", "m", [other_process], concurrency=64) as model:
            few_files(sum(1 for _ in os.scandir("/dev/fd")) + 12)
            return await asyncio.gather(*(model.complete(question(f"{i}")) for i in range(60)))

    assert all(reply.text for reply in asyncio.run(crowded()))


HEADERS = {"X-Team": "TEAM-A", "X-Gateway-Token": "geheim", "X-Trace": "trace-0123456789", "Accept": "application/json"}


def test_what_headers_hold_is_masked_where_it_may_be_a_secret() -> None:
    echo = ", ".join(f"{name}: {value}" for name, value in HEADERS.items())
    with serving(lambda call: failure(400, echo)) as server:
        [detail] = put(server, headers=HEADERS).texts
    assert all(server.calls[0].request.headers[name] == value for name, value in HEADERS.items())
    assert "TEAM-A" in detail
    assert "application/json" in detail
    assert "geheim" not in detail
    assert "0123456789" not in detail


def test_a_key_in_a_query_is_masked() -> None:
    with serving(lambda call: failure(400, f"no such path: {call.request.path_qs}")) as server:
        asked = put(server, urls=[f"{server.base_url}?api_key=qwertyuiop&api-version=7"])
    assert server.calls[0].request.query["api_key"] == "qwertyuiop"
    assert "qwertyuiop" not in asked.texts[0]
    assert "api-version=7" in asked.texts[0]


def test_a_key_that_a_stream_tells_in_pieces_is_masked() -> None:
    parts = (KEY[:9], KEY[9:])
    chunks = [f'data: {{"choices": [{{"delta": {{"content": "{part}"}}}}]}}\n\n' for part in parts]
    text = "".join(chunks) + 'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    with serving(lambda call: web.Response(text=text, content_type="text/event-stream")) as server:
        assert put(server, HELLO).texts == ["***"]


SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=40)


@given(SECRETS, SECRETS, st.text(max_size=20), st.text(max_size=20))
def test_every_secret_is_found_wherever_it_stands(one: str, two: str, before: str, after: str) -> None:
    pattern = pattern_of([one, two, "short"])
    assert pattern is not None
    for secret in (one, two):
        said = pattern.sub(b"", (before + secret + after).encode("utf-8", "replace"))
        assert len(said) <= len((before + after).encode("utf-8", "replace"))


@given(st.text(), st.text())
def test_any_header_and_proxy_can_be_searched(name: str, value: str) -> None:
    try:
        found = [*in_headers({name: value}), *in_proxy(f"http://{name}:{value}@h")]
    except ValueError:
        return
    pattern_of(found)
