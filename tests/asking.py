"""Puts requests to a loopback server through the HTTP client, as tests of it do."""

import asyncio
from typing import Any

from loopback import Server

from anjian.items.records import Message
from anjian.models.base import CallError, Reply, Request
from anjian.models.http.client import HttpModel

KEY = "sk-verysecretkey123456"
HELLO = Request((Message("user", "你好"),))


class Asked:
    """What came of the requests: replies or errors in their order, what was told, what the model says of itself."""

    def __init__(self, results: list[Reply | CallError], told: list[str], about: dict[str, Any]) -> None:
        self.results = results
        self.told = told
        self.about = about

    @property
    def texts(self) -> list[str]:
        """The replies' texts; of errors, their details."""
        return [result.text if isinstance(result, Reply) else result.detail for result in self.results]


def put(server: Server, *requests: Request, at_once: bool = True, key: str | None = KEY, **options: Any) -> Asked:
    """Puts requests to a server, all at once or one after another; failed calls come back as their errors."""
    told: list[str] = []

    async def all_of_them() -> Asked:
        urls = options.pop("urls", [server.base_url])
        async with HttpModel("test/model", "model", urls, key, tell=told.append, **options) as model:
            calls = [model.complete(request) for request in requests or (HELLO,)]
            if at_once:
                results = await asyncio.gather(*calls, return_exceptions=True)
            else:
                results = [(await asyncio.gather(call, return_exceptions=True))[0] for call in calls]
            about = model.about()
        assert all(isinstance(result, Reply | CallError) for result in results), results
        return Asked([result for result in results if isinstance(result, Reply | CallError)], told, about)

    return asyncio.run(all_of_them())


def question(text: str, **more: Any) -> Request:
    """A request of one user turn."""
    return Request((Message("user", text),), **more)
