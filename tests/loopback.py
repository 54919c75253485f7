"""A real HTTP server on the loopback interface, in a thread, that answers as a test tells it to."""

import asyncio
import contextlib
import json
import ssl
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiohttp import web

Behave = Callable[["Call"], Awaitable[web.StreamResponse] | web.StreamResponse]


class Call:
    """One request: its body, its headers, its number (from 0) and how many were in flight when it came."""

    def __init__(self, request: web.Request, body: dict[str, Any], number: int, in_flight: int) -> None:
        self.request = request
        self.body = body
        self.number = number
        self.in_flight = in_flight

    @property
    def said(self) -> str:
        """The last message's text."""
        return str(self.body["messages"][-1]["content"])


class Server:
    """What a test sees of the server: its address and the calls it got."""

    def __init__(self, behave: Behave, path: str = "/v1", scheme: str = "http") -> None:
        self.calls: list[Call] = []
        self.port = 0
        self.path = path
        self.scheme = scheme
        self._behave = behave
        self._in_flight = 0
        self._changed = threading.Condition()

    @property
    def base_url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{self.path}"

    @property
    def peak(self) -> int:
        """Most requests in flight at once."""
        return max((call.in_flight for call in self.calls), default=0)

    @property
    def bodies(self) -> list[str]:
        """The requests as canonical text, to see whether one was repeated."""
        return [json.dumps(call.body, sort_keys=True, ensure_ascii=False) for call in self.calls]

    def wait_for(self, count: int, client: subprocess.Popen[Any]) -> None:
        """Blocks until so many calls have come, or until the process that makes them has ended."""

        def watch() -> None:
            client.wait()
            with self._changed:
                self._changed.notify_all()

        threading.Thread(target=watch, daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: len(self.calls) >= count or client.poll() is not None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self._in_flight += 1
        try:
            call = Call(request, await request.json(), len(self.calls), self._in_flight)
            with self._changed:
                self.calls.append(call)
                self._changed.notify_all()
            answer = self._behave(call)
            return answer if isinstance(answer, web.StreamResponse) else await answer
        finally:
            self._in_flight -= 1


def completion(text: str | None, *, status: int = 200, **message: Any) -> web.Response:
    """A chat completion; keywords go into the message."""
    body = {
        "choices": [{"message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 11},
    }
    return web.json_response(body, status=status)


def failure(status: int, message: str = "", headers: dict[str, str] | None = None, **error: Any) -> web.Response:
    """An error in the API's form."""
    return web.json_response({"error": {"message": message, **error}}, status=status, headers=headers)


async def half_a_body(call: Call) -> web.StreamResponse:
    """Breaks off in the middle of a reply."""
    response = web.StreamResponse(headers={"Content-Length": "500", "Content-Type": "application/json"})
    await response.prepare(call.request)
    await response.write(b'{"choices": [{"mess')
    assert call.request.transport is not None
    call.request.transport.close()
    return response


async def silence(_: Call) -> web.StreamResponse:
    """Never answers."""
    await asyncio.sleep(3600)
    raise AssertionError


@contextlib.contextmanager
def listening(app: Callable[[], web.Application], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Runs an application in a thread of its own while the block runs; yields its port."""
    loop, ready, ports = asyncio.new_event_loop(), threading.Event(), list[int]()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(app(), shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024, ssl_context=tls).start()
        ports.append(runner.addresses[0][1])
        return runner

    def work() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@contextlib.contextmanager
def serving(behave: Behave, path: str = "/v1", tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Runs a server while the block runs; at other paths it knows nothing."""
    server = Server(behave, path, "https" if tls else "http")

    def app() -> web.Application:
        made = web.Application(client_max_size=2**24)
        made.router.add_post(f"{path}/chat/completions", server.handle)
        return made

    with listening(app, tls) as server.port:
        yield server
