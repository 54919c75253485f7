"""Addresses as people have them, and the way to a server: /v1 or not, queries, Azure's header."""

import pytest
from aiohttp import web
from asking import put, question
from loopback import Call, Server, completion, failure, serving

from anjian.errors import UsageError
from anjian.models.base import CallError
from anjian.models.http.address import chat_url, is_elsewhere, shown, versioned

CHAT = "http://h:1/v1/chat/completions"


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://h:1/v1", CHAT),
        ("http://h:1/v1/", CHAT),
        ("http://h:1/v1//", CHAT),
        ("http://h:1/v1/chat/completions", CHAT),
        ("http://h:1/v1/chat/completions/", CHAT),
        ("http://h:1/v1/chat", CHAT),
        ("http://h:1/v1/completions", CHAT),
        ("http://h:1", "http://h:1/chat/completions"),
        ("http://h:1/a%2Fb/v1?x=1%2B2&y", "http://h:1/a%2Fb/v1/chat/completions?x=1%2B2&y"),
        (
            "https://x.openai.azure.com/openai/deployments/d?api-version=2024-06-01",
            "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-06-01",
        ),
    ],
)
def test_every_form_of_a_base_url_means_its_chat_completions(base: str, url: str) -> None:
    assert str(chat_url(base)) == url


def test_a_base_url_is_shown_without_its_query() -> None:
    assert shown(chat_url("http://h:1/v1?token=secret")) == "http://h:1/v1"


def test_what_is_no_url_is_told_without_its_query() -> None:
    with pytest.raises(UsageError, match="is not a URL") as caught:
        chat_url("http://h\\x/v1?token=secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("path", ["/v1", "/v1beta/openai", "/api/paas/v4", "/api/v3/", "/openai/deployments/d"])
def test_a_path_that_names_a_version_is_left_alone(path: str) -> None:
    assert versioned(chat_url(f"http://h{path}")) is None


def test_a_path_without_a_version_gets_one() -> None:
    assert str(versioned(chat_url("http://h/api?x=1"))) == "http://h/api/v1/chat/completions?x=1"


@pytest.mark.parametrize(
    ("status", "body", "elsewhere"),
    [
        (404, b'{"detail":"Not Found"}', True),
        (405, b"Method Not Allowed", True),
        (200, b"  <!DOCTYPE html><title>Open WebUI</title>", True),
        (404, b"<html>404 page not found: model</html>", True),
        (404, b'{"error":{"message":"The model `x` does not exist"}}', False),
        (404, "模型不存在".encode(), False),
        (404, b'{"error":{"code":"DeploymentNotFound"}}', False),
        (200, b'{"choices": []}', False),
        (502, b"<html>", False),
        (403, b"<html>", False),
    ],
)
def test_a_page_or_an_unknown_path_is_no_api(status: int, body: bytes, elsewhere: bool) -> None:
    assert is_elsewhere(status, body) is elsewhere


def test_a_base_url_without_v1_is_mended_and_remembered() -> None:
    with serving(lambda call: completion("好")) as server:
        base = server.base_url.removesuffix("/v1")
        asked = put(server, *[question(f"{i}") for i in range(5)], urls=[base])
        again = put(server, question("甲"), question("乙"), urls=[base + "/"], at_once=False)
    assert asked.texts == ["好"] * 5
    assert again.texts == ["好"] * 2
    assert asked.told == [f"test/model: there is no API at {base}; {base}/v1 is asked instead"]
    assert asked.about == {"learned": ["the API is at /v1 of the address that was given"]}


def test_a_web_page_in_the_place_of_the_api_is_left_for_v1() -> None:
    def front(call: Call) -> web.Response:
        return web.Response(text="<!doctype html><title>x</title>", content_type="text/html")

    with serving(front, path="") as page:
        [error] = put(page, urls=[page.base_url]).results
    assert isinstance(error, CallError)
    assert "give the base URL of the API, such as http://HOST:PORT/v1" in error.detail


def test_where_there_is_no_api_at_all_the_error_names_the_mend() -> None:
    with serving(lambda call: completion("好"), path="/elsewhere") as server:
        [error] = put(server, urls=[server.base_url.replace("elsewhere", "wrong")]).results
    assert isinstance(error, CallError)
    assert (error.fatal, error.status) == (True, 404)
    assert "/wrong; give the base URL of the API" in error.detail


def test_a_model_that_is_unknown_is_not_looked_for_elsewhere() -> None:
    with serving(lambda call: failure(404, "The model `m` does not exist"), path="") as server:
        [error] = put(server).results
    assert len(server.calls) == 1
    assert isinstance(error, CallError)
    assert error.fatal
    assert "base URL" not in error.detail


def test_a_404_after_successes_is_told_as_it_is() -> None:
    def firewall(call: Call) -> web.Response:
        return web.Response(status=404, text="<html>blocked</html>") if call.said == "险" else completion("好")

    with serving(firewall, path="/api") as server:
        asked = put(server, question("好"), question("险"), at_once=False)
    assert asked.texts[0] == "好"
    assert "base URL" not in asked.texts[1]
    assert len(server.calls) == 2


def test_a_redirect_is_not_followed_and_names_where_to() -> None:
    moved = lambda call: web.Response(status=308, headers={"Location": "https://api.example/v1?key=sk-abcdefghij"})  # noqa: E731
    with serving(moved) as server:
        [detail] = put(server).texts
    assert "https://api.example/v1" in detail
    assert "abcdefghij" not in detail


def test_azure_gets_its_query_and_the_key_in_a_header_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def served(server: Server) -> Server:
        put(server, urls=[f"{server.base_url}?api-version=2024-06-01"])
        return server

    monkeypatch.setattr("anjian.models.http.address.AZURE", ("127.0.0.1",))
    with serving(lambda call: completion("好")) as server:
        [call] = served(server).calls
    assert call.request.query["api-version"] == "2024-06-01"
    assert call.request.headers["api-key"] == "sk-verysecretkey123456"
    monkeypatch.undo()
    with serving(lambda call: completion("好")) as server:
        assert "api-key" not in served(server).calls[0].request.headers
