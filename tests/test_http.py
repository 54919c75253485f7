"""The HTTP client against a real server."""

import asyncio
import base64
import email.utils
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st
from loopback import Call, Server, completion, failure, half_a_body, serving, silence

from anjian.items.records import Message
from anjian.models.base import CallError, Reply, Request, Sampling
from anjian.models.http import patience
from anjian.models.http.client import HttpModel
from anjian.models.http.wire.errors import LONGEST_RETRY_AFTER, retry_after
from anjian.models.thinking import split_thinking

KEY = "sk-verysecretkey123456"
ODD_KEY = "very/secret+key=.99"
HELLO = Request((Message("user", "你好"),))


def ask(
    server: Server, requests: Sequence[Request] = (HELLO,), key: str = KEY, **options: Any
) -> list[Reply | CallError]:
    """Puts requests to a server at once; failed calls come back as their errors."""

    async def all_at_once() -> list[Reply | CallError]:
        urls = options.pop("urls", [server.base_url])
        async with HttpModel("test/model", "model", urls, key, **options) as model:
            results = await asyncio.gather(*(model.complete(r) for r in requests), return_exceptions=True)
        assert all(isinstance(result, Reply | CallError) for result in results), results
        return results  # type: ignore[return-value]

    return asyncio.run(all_at_once())


def many(count: int) -> list[Request]:
    return [Request((Message("user", f"第{i}问"),)) for i in range(count)]


def error_from(server: Server, **options: Any) -> CallError:
    [error] = ask(server, **options)
    assert isinstance(error, CallError)
    return error


def test_sends_what_was_asked_and_reads_the_reply() -> None:
    with serving(lambda call: completion("您好")) as server:
        request = Request(
            (Message("system", "简短"), Message("user", "你好")), Sampling(0.6, 0.95, 100, seed=3), epoch=2
        )
        [reply] = ask(server, [request])
    assert reply == Reply("您好", prompt_tokens=7, completion_tokens=11)
    assert server.calls[0].request.headers["Authorization"] == f"Bearer {KEY}"
    assert server.calls[0].body == {
        "model": "model",
        "messages": [{"role": "system", "content": "简短"}, {"role": "user", "content": "你好"}],
        "temperature": 0.6,
        "top_p": 0.95,
        "max_tokens": 100,
        "seed": 5,
    }


def test_settings_that_are_not_set_are_left_to_the_server() -> None:
    with serving(lambda call: completion("好")) as server:
        ask(server)
    assert set(server.calls[0].body) == {"model", "messages"}


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_fields_and_inline_thinking_mean_the_same(field: str) -> None:
    message: dict[str, Any] = {field: "想"}
    with serving(lambda call: completion("答", **message)) as server:
        [apart] = ask(server)
    with serving(lambda call: completion("<think>想</think>答")) as server:
        [inline] = ask(server)
    assert isinstance(apart, Reply)
    assert isinstance(inline, Reply)
    assert split_thinking(apart) == split_thinking(inline)


def test_content_in_parts_and_refusals_in_their_own_field_are_text() -> None:
    with serving(
        lambda call: web.json_response({"choices": [{"message": {"content": [{"type": "text", "text": "甲"}]}}]})
    ) as s:
        [reply] = ask(s)
    assert isinstance(reply, Reply)
    assert reply.text == "甲"
    with serving(lambda call: completion(None, refusal="不行")) as server:
        [reply] = ask(server)
    assert isinstance(reply, Reply)
    assert reply.text == "不行"


@pytest.mark.parametrize("status", [500, 502, 503, 529])
def test_a_passing_failure_is_tried_again(status: int) -> None:
    with serving(lambda call: failure(status) if call.number == 0 else completion("好")) as server:
        [reply] = ask(server)
    assert isinstance(reply, Reply)
    assert len(server.calls) == 2


def test_retry_after_is_honoured() -> None:
    with serving(
        lambda call: failure(429, headers={"Retry-After": "1.5"}) if call.number == 0 else completion("好")
    ) as server:
        started = time.monotonic()
        [reply] = ask(server)
    assert isinstance(reply, Reply)
    assert time.monotonic() - started >= 1.5


@pytest.mark.parametrize("value", ["nan", "inf", "-5", "soon", "Sun, 06 Nov 99999999999999999999 08:49:37 GMT"])
def test_a_retry_after_that_makes_no_sense_is_ignored(value: str) -> None:
    with serving(
        lambda call: failure(503, headers={"Retry-After": value}) if call.number == 0 else completion("好")
    ) as server:
        [reply] = ask(server)
    assert isinstance(reply, Reply)
    assert retry_after(value) is None


def test_retry_after_names_seconds_or_a_date_and_has_a_limit() -> None:
    assert retry_after("0") == 0
    assert retry_after(" 2.5 ") == 2.5
    assert retry_after("1e300") == LONGEST_RETRY_AFTER
    assert 20 < (retry_after(email.utils.formatdate(time.time() + 30, usegmt=True)) or 0) <= 30
    assert retry_after("Sun, 06 Nov 1994 08:49:37 GMT") == 0
    assert retry_after("Fri, 31 Dec 9999 23:59:59 GMT") == LONGEST_RETRY_AFTER


DATES = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format, *[st.sampled_from(["Sun", "Nov", "06", "-1", ""]) | st.integers()] * 8
)


@given(st.text() | st.floats().map(str) | st.integers().map(str) | DATES)
@example("")
@example("1 Jan 0001 00:00:00 -0000")
@example("1 Jan 2030 00:00:00 +99999999999999999999")
def test_any_retry_after_is_a_sane_pause_or_none(value: str) -> None:
    pause = retry_after(value)
    assert pause is None or 0 <= pause <= LONGEST_RETRY_AFTER


def test_gives_way_to_a_server_that_allows_few_at_once() -> None:
    async def strict(call: Call) -> web.StreamResponse:
        if call.in_flight > 4:
            return failure(429, headers={"Retry-After": "0.05"})
        await asyncio.sleep(0.02)
        return completion("好")

    with serving(strict) as server:
        replies = ask(server, many(150), concurrency=32)
    assert all(isinstance(reply, Reply) for reply in replies)
    late = [call.in_flight for call in server.calls[-40:]]
    assert sum(late) / len(late) < 10, late


def test_never_more_in_flight_than_asked_for() -> None:
    full = threading.Event()

    async def held_until_full(call: Call) -> web.StreamResponse:
        if call.in_flight == 5:
            full.set()
        await asyncio.to_thread(full.wait)
        return completion("好")

    with serving(held_until_full) as server:
        ask(server, many(40), concurrency=5)
    assert server.peak == 5


def test_base_urls_share_the_load_and_stand_in_for_each_other() -> None:
    async def slow(_: Call) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return completion("好")

    with serving(slow) as one, serving(slow) as two:
        ask(one, many(60), urls=[one.base_url, two.base_url], concurrency=10)
        assert 20 <= len(one.calls) <= 40
        assert len(one.calls) + len(two.calls) == 60
    with serving(slow) as alive:
        replies = ask(alive, many(20), urls=["http://127.0.0.1:9/v1", alive.base_url], concurrency=4)
    assert all(isinstance(reply, Reply) for reply in replies)


@pytest.mark.parametrize(
    ("status", "message"), [(401, "bad key"), (402, "Insufficient Balance"), (404, "no such model")]
)
def test_what_no_repetition_mends_is_fatal_at_once(status: int, message: str) -> None:
    with serving(lambda call: failure(status, message)) as server:
        error = error_from(server)
    assert error.fatal
    assert message in error.detail
    assert len(server.calls) == 1


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server names no pause for is tried again at once."""
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(patience, "FIRST_QUOTA_PAUSE", 0.0)


def spent() -> web.Response:
    return failure(429, "You exceeded your current quota, see billing", code="insufficient_quota")


@pytest.mark.usefixtures("no_pauses")
def test_a_quota_that_stays_spent_is_fatal_with_the_servers_words() -> None:
    with serving(lambda call: spent()) as server:
        error = error_from(server)
    assert (error.reason, error.fatal) == ("rate_limit", True)
    assert "insufficient_quota" in error.detail
    assert len(server.calls) == 6


@pytest.mark.usefixtures("no_pauses")
def test_a_quota_of_the_minute_passes() -> None:
    with serving(lambda call: spent() if call.number < 5 else completion("好")) as server:
        assert isinstance(ask(server)[0], Reply)


@pytest.mark.usefixtures("no_pauses")
def test_each_reason_has_tries_of_its_own() -> None:
    def troubled(call: Call) -> web.Response:
        if call.number % 2 == 0 and call.number < 12:
            return failure(429)
        return (
            web.Response(text="<p>") if call.number in (1, 3) else failure(503) if call.number < 9 else completion("好")
        )

    with serving(troubled) as server:
        [reply] = ask(server)
    assert isinstance(reply, Reply), reply
    assert len(server.calls) == 14 or len(server.calls) == 10


def test_the_key_never_shows_in_an_error() -> None:
    with serving(lambda call: failure(401, f"Incorrect API key provided: {KEY}. Bearer {KEY}")) as server:
        error = error_from(server)
    assert "verysecret" not in error.detail


@pytest.mark.parametrize(
    "respond",
    [lambda: web.json_response({"error": {"message": f"bad key {ODD_KEY}"}}),
     lambda: web.json_response({"id": "x" * 90, "key": ODD_KEY}),
     lambda: web.Response(text=f"<p>{ODD_KEY}</p>"),
     lambda: failure(400, "x" * 182 + ODD_KEY),
     lambda: failure(400, quote(ODD_KEY, safe="")),
     lambda: web.Response(status=400, text="x" * 1985 + ODD_KEY),
     lambda: web.Response(status=400, text=ODD_KEY.replace("/", r"\/").replace("=", r"\u003D"))],
)  # fmt: skip
def test_a_key_in_a_body_is_masked_before_the_body_is_cut(respond: Callable[[], web.Response]) -> None:
    with serving(lambda call: respond()) as server:
        error = error_from(server, key=ODD_KEY)
    assert "very" not in error.detail
    assert "secret" not in error.detail


@pytest.mark.parametrize("user", ["", "u", "me", "you"])
def test_a_key_in_base64_is_masked(user: str) -> None:
    credentials = base64.b64encode(f"{user}:{ODD_KEY}".encode()).decode()
    with serving(lambda call: failure(400, credentials)) as server:
        detail = error_from(server, key=ODD_KEY).detail
    assert "***" in detail
    assert credentials[8:-8] not in detail


def test_a_line_that_is_no_http_does_not_show_the_key() -> None:
    async def broken(call: Call) -> web.StreamResponse:
        assert call.request.transport is not None
        call.request.transport.write(f"{ODD_KEY}\r\n\r\n".encode())
        call.request.transport.close()
        return web.Response()

    with serving(broken) as server:
        error = error_from(server, key=ODD_KEY)
    assert error.reason == "connection"
    assert "***" in error.detail
    assert "secret" not in error.detail


def test_a_reply_that_echoes_the_key_is_kept_without_it() -> None:
    body = {
        "choices": [
            {"message": {"content": f"你的密钥是{KEY}。", "reasoning": f"想{KEY}"}, "finish_reason": f"stop {KEY}"}
        ]
    }
    with serving(lambda call: web.json_response(body)) as server:
        assert ask(server) == [Reply("你的密钥是***。", "想***", "stop ***")]


def test_a_placeholder_for_a_key_is_not_struck_out_of_replies() -> None:
    with serving(lambda call: completion("集合为 EMPTY")) as server:
        [reply] = ask(server, key="EMPTY")
    assert isinstance(reply, Reply)
    assert reply.text == "集合为 EMPTY"


def test_errors_are_one_printable_line() -> None:
    with serving(lambda call: failure(400, "one\ntwo\x1b[31mred\x07" + "长" * 1000)) as server:
        error = error_from(server)
    assert error.detail.isprintable()
    assert len(error.detail) < 300


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, {"code": "data_inspection_failed"}), (400, {"code": "content_filter"}), (400, {"code": "1301"}),
     (400, {"message": "系统检测到输入或生成内容可能包含不安全或敏感内容"})],
)  # fmt: skip
def test_a_provider_that_withholds_its_reply_is_told_apart(status: int, error: dict[str, Any]) -> None:
    with serving(lambda call: failure(status, **error)) as server:
        found = error_from(server)
    assert (found.reason, found.fatal) == ("content_filter", False)


def test_a_prompt_beyond_the_context_is_told_apart() -> None:
    with serving(lambda call: failure(400, "This model's maximum context length is 4096 tokens")) as server:
        assert error_from(server).reason == "too_long"


@pytest.mark.parametrize(
    "body", ["<html><body>Login</body></html>", "", "{}", '{"choices": []}', '{"choices": [{"message": null}]}', "[1"]
)
def test_a_body_that_is_no_completion_is_a_bad_reply(body: str) -> None:
    with serving(lambda call: web.Response(text=body, content_type="text/html")) as server:
        error = error_from(server)
    assert (error.reason, error.fatal) == ("bad_reply", False)
    assert 1 < len(server.calls) < 6


def test_a_field_that_should_be_text_and_is_not_makes_a_bad_reply() -> None:
    choices = [{"message": {"content": content}} for content in (5, True, [5], [{"text": 5}])]
    requests = [Request((Message("user", str(i)),)) for i in range(len(choices))]
    with serving(lambda call: web.json_response({"choices": [choices[int(call.said)]]})) as server:
        results = ask(server, requests)
    assert [getattr(result, "reason", result) for result in results] == ["bad_reply"] * len(choices)


@pytest.mark.parametrize(("status", "reason"), [(200, "bad_reply"), (400, "http_error")])
def test_a_body_nested_too_deep_is_no_traceback(status: int, reason: str) -> None:
    with serving(lambda call: web.Response(status=status, text='{"error": ' + "[" * 100_000)) as server:
        assert error_from(server).reason == reason


def test_half_a_body_is_tried_again() -> None:
    async def broken_once(call: Call) -> web.StreamResponse:
        return await half_a_body(call) if call.number == 0 else completion("好")

    with serving(broken_once) as server:
        [reply] = ask(server)
    assert isinstance(reply, Reply)
    with serving(half_a_body) as server:
        assert error_from(server).reason == "bad_reply"


def test_a_server_that_never_answers_times_out() -> None:
    with serving(silence) as server:
        error = error_from(server, timeout=0.3)
    assert error.reason == "timeout"
    assert "0.3 s" in error.detail


def test_no_server_at_all_is_fatal_and_named() -> None:
    with serving(lambda call: completion("好")) as server:
        error = error_from(server, urls=["http://127.0.0.1:9/v1"])
    assert (error.reason, error.fatal) == ("connection", True)
    assert error.detail == "http://127.0.0.1:9/v1: Connection refused"


def test_a_server_that_hangs_up_may_want_https(no_pauses: None) -> None:
    async def hang_up(call: Call) -> web.StreamResponse:
        assert call.request.transport is not None
        call.request.transport.abort()
        return web.Response()

    with serving(hang_up) as server:
        assert "(is it https?)" in error_from(server).detail


def test_a_redirect_is_not_followed() -> None:
    with serving(lambda call: web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"})) as server:
        assert error_from(server).fatal


def test_a_schema_is_offered_and_dropped_where_unknown() -> None:
    def picky(call: Call) -> web.Response:
        return failure(400, "response_format is unknown") if "response_format" in call.body else completion("好")

    requests = [Request((Message("user", f"{i}"),), schema={"type": "object"}) for i in range(3)]
    with serving(picky) as server:
        assert all(isinstance(reply, Reply) for reply in ask(server, requests[:1]))
        assert ["response_format" in call.body for call in server.calls] == [True, False]
    with serving(lambda call: completion("好")) as server:
        ask(server, requests)
    assert all(call.body["response_format"]["json_schema"]["schema"] == {"type": "object"} for call in server.calls)


def test_it_can_be_seen_what_a_model_waits_for() -> None:
    async def look(server: Server) -> list[str]:
        async with HttpModel("test/model", "model", [server.base_url]) as model:
            seen = [model.waiting()]
            call = asyncio.ensure_future(model.complete(HELLO))
            while not model.waiting():  # noqa: ASYNC110
                await asyncio.sleep(0)
            seen.append(model.waiting())
            await call
            return [*seen, model.waiting()]

    busy = {"Retry-After": "0.4"}
    with serving(lambda call: failure(429, headers=busy) if call.number == 0 else completion("好")) as server:
        assert asyncio.run(look(server)) == ["", "waiting: 429, next try in 1 s", ""]
