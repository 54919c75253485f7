"""Which lessons hold for a session and which for one call, and what complaints say between the lines."""

from typing import Any

import pytest
from aiohttp import web
from asking import put, question
from loopback import completion, failure, serving
from refusals import FULL, SCHEMA, SOFT, refusing, sse

from anjian.models.base import CallError, Sampling


@pytest.mark.parametrize(
    "words", ["参数错误", "temperature is not supported", "Unsupported parameter: response_format"]
)
def test_what_was_answered_before_is_left_out_of_one_call_alone(words: str) -> None:
    behave = lambda call: failure(400, words) if call.number == 1 else completion("好")  # noqa: E731
    requests = [question(f"{i}", sampling=FULL, schema=SCHEMA) for i in range(4)]
    with serving(behave) as server:
        asked = put(server, *requests, at_once=False)
    assert asked.texts == ["好"] * 4
    [first, _, without, *later] = [set(call.body) for call in server.calls]
    assert without < first
    assert later == [first, first]
    assert all(" in some calls: " in line for line in asked.told)


def test_a_limit_that_was_no_limit_before_lowers_one_call_alone() -> None:
    words = "max_tokens must be at most 1024"
    behave = lambda call: failure(400, words) if call.number == 1 else completion("好")  # noqa: E731
    with serving(behave) as server:
        put(server, *[question(f"{i}", sampling=FULL) for i in range(3)], at_once=False)
    assert [call.body["max_tokens"] for call in server.calls] == [16384, 16384, 1024, 16384]


def test_a_value_that_is_refused_is_left_out_though_another_was_answered() -> None:
    greedy = lambda body: body.get("temperature") == 0  # noqa: E731
    samplings = [Sampling(temperature=0.7), Sampling(temperature=0.0), Sampling(temperature=0.0)]
    with serving(refusing(greedy, "temperature must be > 0")) as server:
        asked = put(server, *[question("甲", sampling=one) for one in samplings], at_once=False)
    assert [call.body.get("temperature") for call in server.calls] == [0.7, 0.0, None, None]
    assert asked.told[0].startswith("test/model: temperature is not sent: ")


@pytest.mark.parametrize(
    "body",
    [{"errors": {"temperature": ["unknown field"]}}, {"detail": {"temperature": "not allowed"}},
     {"temperature": ["A smaller number is wanted."]}, {"error": {"details": [{"$.temperature": "bad"}]}},
     {"detail": "bad", "fields": {"body.temperature": ["bad"]}, "input": {"top_p": 0.9, "seed": 1}},
     {"message": "invalid", "errors": {"temperature": [{"msg": "bad"}]}, "request": {"top_p": 0.9, "seed": 1}}],
)  # fmt: skip
def test_the_key_that_a_complaint_stands_under_is_blamed(body: dict[str, Any]) -> None:
    behave = lambda call: web.json_response(body, status=422) if "temperature" in call.body else completion("好")  # noqa: E731
    with serving(behave) as server:
        assert put(server, question("甲", sampling=FULL, schema=SCHEMA)).texts == ["好"]
    assert {"top_p", "seed", "max_tokens", "response_format"} < set(server.calls[1].body)


@pytest.mark.parametrize(
    ("status", "words"),
    [(501, "Not implemented"), (415, "unsupported"), (406, "no"),
     (404, "No endpoints found that support the requested parameters"),
     (404, "No endpoints found that can handle the requested parameters. To learn more, visit…")],
)  # fmt: skip
def test_a_schema_is_what_is_left_out_first(status: int, words: str) -> None:
    with serving(refusing(lambda body: "response_format" in body, words, status)) as server:
        assert put(server, question("甲", sampling=FULL, schema=SCHEMA)).texts == ["好"]
    assert {"temperature", "top_p", "seed"} < set(server.calls[1].body)


@pytest.mark.parametrize(("text", "end"), [("", "length"), ("\n\n  \n", "length"), ("{}", "stop"), (" ", "stop")])
def test_a_schema_that_gives_no_words_is_left_out_at_once(text: str, end: str) -> None:
    void = {"choices": [{"message": {"content": text}, "finish_reason": end}], "usage": {"prompt_tokens": 5}}
    behave = lambda call: web.json_response(void) if "response_format" in call.body else completion("好")  # noqa: E731
    with serving(behave) as server:
        asked = put(server, question("甲", schema=SCHEMA), question("乙", schema=SCHEMA), at_once=False)
    assert asked.texts == ["好", "好"]
    assert ["response_format" in call.body for call in server.calls] == [True, False, False]
    [first, _] = asked.results
    assert not isinstance(first, CallError)
    assert first.before == (5, 0)


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "Non-stream requests are disabled"), (405, "only incremental (streaming) responses"),
     (404, "Please use SSE"), (501, "stream=false is unsupported")],
)  # fmt: skip
def test_a_stream_may_be_demanded_with_any_status(status: int, words: str) -> None:
    behave = lambda call: sse({"content": "好"}) if call.body.get("stream") else failure(status, words)  # noqa: E731
    with serving(behave) as server:
        assert put(server, question("甲"), question("乙"), at_once=False).texts == ["好", "好"]
    assert len(server.calls) == 3


@pytest.mark.parametrize("sampling", [FULL, SOFT])
@pytest.mark.parametrize("words", ["max_tokens 超限", "max_tokens is too large", "输出长度超出上限"])
def test_a_limit_without_a_number_is_left_to_the_server(words: str, sampling: Sampling) -> None:
    with serving(refusing(lambda body: "max_tokens" in body, words)) as server:
        asked = put(server, question("甲", sampling=sampling), question("乙", sampling=sampling), at_once=False)
    assert asked.texts == ["好", "好"]
    assert len(server.calls) == 3
