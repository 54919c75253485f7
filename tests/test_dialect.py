"""What models refuse: learned from the server's words, tried without, remembered, said once."""

import time
from itertools import pairwise

import pytest
from aiohttp import web
from asking import put, question
from hypothesis import given
from hypothesis import strategies as st
from loopback import Call, completion, failure, serving
from refusals import CROWDED, FULL, LIMITS, REFUSED, SCHEMA, SOFT, STREAM_ONLY, SYSTEM, refusing, sse

from anjian.items.records import Message
from anjian.models.base import CallError, Request, Sampling
from anjian.models.http import complaints, patience
from anjian.models.http.dialect import Dialect, Talk, joined
from anjian.models.http.wire.body import body_of
from anjian.models.http.wire.errors import error_of


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.0)


@pytest.mark.parametrize(("name", "words"), REFUSED)
def test_what_is_refused_is_left_out_remembered_and_said_once(name: str, words: str) -> None:
    requests = [question(f"{i}", sampling=FULL, schema=SCHEMA) for i in range(3)]
    with serving(refusing(lambda body: name in body, words)) as server:
        asked = put(server, *requests, at_once=False)
    assert asked.texts == ["好"] * 3
    assert [name in call.body for call in server.calls] == [True, False, False, False]
    assert all(set(call.body) >= {"messages", "model"} for call in server.calls)
    others = {"temperature", "top_p", "seed", "max_tokens", "response_format"} - {name}
    assert all(others <= set(call.body) for call in server.calls)
    [learned] = asked.about["learned"]
    assert learned.startswith(f"{name} is not sent: HTTP 400: ")
    assert words[:20] in learned
    assert asked.told == [f"test/model: {learned}"]


def test_the_parameter_that_an_error_names_is_blamed_whatever_its_words() -> None:
    behave = refusing(lambda body: "top_p" in body, "temperature and more: see the documentation", param="top_p")
    with serving(behave) as server:
        asked = put(server, question("甲", sampling=FULL))
    assert asked.texts == ["好"]
    assert asked.about["learned"][0].startswith("top_p is not sent")


def test_errors_of_validation_name_the_place() -> None:
    detail = [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": 1}]
    behave = lambda call: web.json_response({"detail": detail}, status=422) if "seed" in call.body else completion("好")  # noqa: E731
    with serving(behave) as server:
        asked = put(server, question("甲", sampling=FULL, schema=SCHEMA))
    assert asked.about["learned"][0].startswith("seed is not sent")
    assert "response_format" in server.calls[-1].body


def test_an_error_within_an_error_is_understood() -> None:
    inner = '{"error":{"message":"Unsupported parameter: \'top_p\'","param":null}}'
    with serving(refusing(lambda body: "top_p" in body, f"Error from provider: {inner}")) as server:
        assert put(server, question("甲", sampling=FULL)).about["learned"][0].startswith("top_p is not sent")


def test_of_temperature_and_top_p_the_temperature_stays() -> None:
    words = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    with serving(refusing(lambda body: "temperature" in body and "top_p" in body, words)) as server:
        asked = put(server, question("甲", sampling=FULL))
    assert asked.texts == ["好"]
    assert server.calls[-1].body["temperature"] == 0.0


def test_several_refusals_are_learned_one_after_another_by_all_calls_at_once() -> None:
    def o_series(call: Call) -> web.Response:
        if "max_tokens" in call.body:
            words = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            return failure(400, words, param="max_tokens", code="unsupported_parameter")
        for name in ("temperature", "top_p"):
            if name in call.body:
                return failure(400, f"Unsupported parameter: '{name}' is not supported with this model.", param=name)
        return completion("好")

    with serving(o_series) as server:
        asked = put(server, *[question(f"{i}", sampling=FULL) for i in range(8)])
    assert asked.texts == ["好"] * 8
    assert server.calls[-1].body["max_completion_tokens"] == 16384
    assert sorted(line.partition(":")[0] for line in asked.about["learned"]) == [
        "max_tokens is sent as max_completion_tokens", "temperature is not sent", "top_p is not sent",
    ]  # fmt: skip
    assert len(asked.told) == 3


@pytest.mark.parametrize(("limit", "words"), LIMITS)
@pytest.mark.parametrize("sampling", [FULL, SOFT])
def test_a_reply_is_as_long_as_the_server_allows(limit: int, words: str, sampling: Sampling) -> None:
    with serving(refusing(lambda body: body["max_tokens"] > limit, words)) as server:
        asked = put(server, question("甲", sampling=sampling), question("乙", sampling=sampling), at_once=False)
    assert asked.texts == ["好", "好"]
    assert [call.body["max_tokens"] for call in server.calls] == [16384, limit, limit]
    assert asked.about["learned"][0].startswith(f"max_tokens is at most {limit}")


@pytest.mark.parametrize("words", CROWDED)
def test_a_full_context_shortens_the_reply_of_this_call_alone(words: str) -> None:
    crowded = lambda body: body["messages"][0]["content"] == "长" and body.get("max_tokens", 0) > 3096  # noqa: E731
    requests = [question(text, sampling=FULL) for text in ("长", "短", "长")]
    with serving(refusing(crowded, words)) as server:
        asked = put(server, *requests, at_once=False)
    assert asked.texts == ["好"] * 3
    assert [call.body["max_tokens"] for call in server.calls] == [16384, 3096, 16384, 16384, 3096]
    assert len(asked.told) == len(asked.about["learned"]) == 1


def test_a_soft_budget_is_left_out_where_the_server_names_no_number() -> None:
    words = "This model's maximum context length is exceeded"
    with serving(refusing(lambda body: "max_tokens" in body, words)) as server:
        assert put(server, question("甲", sampling=SOFT)).texts == ["好"]


def test_a_prompt_that_is_too_long_stays_an_error() -> None:
    words = "This model's maximum context length is 4096 tokens. Your messages have 5000 tokens"
    with serving(refusing(lambda body: True, words)) as server:
        [error] = put(server, question("甲", sampling=FULL)).results
    assert isinstance(error, CallError)
    assert error.reason == "too_long"


@pytest.mark.parametrize("words", STREAM_ONLY)
def test_a_model_that_only_streams_is_read_in_streams(words: str) -> None:
    def streams(call: Call) -> web.Response:
        if not call.body.get("stream"):
            return failure(400, words)
        usage = {"prompt_tokens": 3, "completion_tokens": 4}
        return sse({"reasoning_content": "想"}, {"content": "您"}, {"content": "好"}, usage=usage)

    with serving(streams) as server:
        asked = put(server, question("甲", sampling=FULL), question("乙", sampling=FULL), at_once=False)
    assert asked.texts == ["您好"] * 2
    assert [bool(call.body.get("stream")) for call in server.calls] == [False, True, True]
    assert server.calls[-1].body["stream_options"] == {"include_usage": True}
    [first, _] = asked.results
    assert not isinstance(first, CallError)
    assert (first.reasoning, first.prompt_tokens, first.completion_tokens) == ("想", 3, 4)
    assert asked.about["learned"][0].startswith("replies come as a stream")


def test_stream_options_go_where_they_are_refused() -> None:
    def picky(call: Call) -> web.Response:
        if not call.body.get("stream"):
            return failure(400, "only streaming is supported")
        if "stream_options" in call.body:
            return failure(400, "Extra inputs are not permitted, field: 'stream_options'")
        return sse({"content": "好"})

    with serving(picky) as server:
        asked = put(server, question("甲"), question("乙"), at_once=False)
    assert asked.texts == ["好", "好"]
    assert len(server.calls) == 4


@pytest.mark.parametrize(("status", "words"), SYSTEM)
def test_a_system_prompt_that_is_refused_goes_before_the_first_user_turn(status: int, words: str) -> None:
    request = Request(
        (Message("system", "简短"), Message("user", "甲"), Message("assistant", "乙"), Message("user", "丙"))
    )
    has_system = lambda body: body["messages"][0]["role"] == "system"  # noqa: E731
    with serving(refusing(has_system, words, status)) as server:
        asked = put(server, request, request, at_once=False)
    assert asked.texts == ["好", "好"]
    assert len(server.calls) == 3
    assert [message["content"] for message in server.calls[-1].body["messages"]] == ["简短\n\n甲", "乙", "丙"]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_schema_that_breaks_the_server_twice_is_left_out(status: int) -> None:
    with serving(refusing(lambda body: "response_format" in body, "Internal error", status)) as server:
        asked = put(server, question("甲", schema=SCHEMA), question("乙", schema=SCHEMA), at_once=False)
    assert asked.texts == ["好", "好"]
    assert ["response_format" in call.body for call in server.calls] == [True, True, False, False]


def test_a_schema_that_is_answered_with_nothing_is_left_out() -> None:
    with serving(lambda call: completion("" if "response_format" in call.body else "好")) as server:
        asked = put(server, question("甲", schema=SCHEMA), question("乙", schema=SCHEMA), at_once=False)
    assert asked.texts == ["好", "好"]
    assert ["response_format" in call.body for call in server.calls] == [True, False, False]


def test_a_schema_that_has_worked_is_not_given_up_for_a_bad_moment() -> None:
    behave = lambda call: failure(502) if call.number in (1, 2) else completion("好")  # noqa: E731
    with serving(behave) as server:
        asked = put(server, *[question(f"{i}", schema=SCHEMA) for i in range(3)], at_once=False)
    assert asked.texts == ["好"] * 3
    assert ["response_format" in call.body for call in server.calls] == [True, True, True, False, True]
    assert not asked.about


VAGUE = [
    "API 调用参数有误，请检查文档。",
    "InvalidParameter: parameter error",
    "sampling parameters are not supported",
    "采样参数不支持",
    "Unknown parameter",
    "This model takes no generation config",
    "推理参数不支持",
]


@pytest.mark.parametrize("words", VAGUE)
def test_words_that_name_nothing_cost_the_sampling_only_where_that_helps(words: str) -> None:
    with serving(refusing(lambda body: "temperature" in body, words)) as server:
        asked = put(server, question("甲", sampling=FULL))
    assert asked.texts == ["好"]
    with serving(refusing(lambda body: True, words)) as server:
        asked = put(server, question("甲", sampling=FULL, schema=SCHEMA), question("乙"), at_once=False)
    assert all(isinstance(result, CallError) for result in asked.results)
    assert not asked.about
    assert len(server.calls) <= 4


def test_a_lesson_that_does_not_help_is_not_kept_and_the_error_stands() -> None:
    def picky(call: Call) -> web.Response:
        return failure(400, f"temperature is odd today (request {call.number}f3a9b2c4d5e6f7a8)")

    with serving(picky) as server:
        asked = put(server, question("甲", sampling=FULL))
    assert "temperature is odd" in asked.texts[0]
    assert not asked.about
    assert not asked.told
    assert len(server.calls) == 2


def test_only_what_was_sent_is_blamed_and_never_what_the_user_settled() -> None:
    with serving(refusing(lambda body: True, "Unsupported parameter: 'temperature'")) as server:
        assert put(server, question("甲")).results
        assert len(server.calls) == 1
        put(server, question("甲", sampling=FULL), extra_body={"temperature": 0.7})
        assert len(server.calls) == 2
    assert server.calls[1].body["temperature"] == 0.7


def test_a_withheld_reply_teaches_nothing() -> None:
    with serving(lambda call: failure(400, "Content Exists Risk: temperature, top_p")) as server:
        asked = put(server, question("甲", sampling=FULL, schema=SCHEMA))
    assert [getattr(result, "reason", "") for result in asked.results] == ["content_filter"]
    assert len(server.calls) == 1


def test_the_users_own_keys_of_the_body_win_and_none_takes_one_out() -> None:
    own = {"temperature": None, "top_p": 0.5, "chat_template_kwargs": {"enable_thinking": False}, "seed": None}
    with serving(lambda call: completion("好")) as server:
        put(server, question("甲", sampling=Sampling(0.0, 0.9, 100)), extra_body=own)
    body = server.calls[0].body
    assert "temperature" not in body
    assert "seed" not in body
    assert (body["top_p"], body["max_tokens"], body["chat_template_kwargs"]) == (0.5, 100, {"enable_thinking": False})


def test_a_user_may_ask_for_streams() -> None:
    with serving(lambda call: sse({"content": "好"}) if call.body.get("stream") else failure(500)) as server:
        assert put(server, extra_body={"stream": True}).texts == ["好"]


ROLES = st.sampled_from(["system", "user", "assistant"])
MESSAGES = st.lists(st.builds(Message, ROLES, st.text(min_size=1)), min_size=1, max_size=8)


@given(MESSAGES)
def test_joined_messages_alternate_and_lose_no_word(messages: list[Message]) -> None:
    turns = joined(messages)
    assert all(one.role != other.role for one, other in pairwise(turns))
    assert all(turn.role != "system" for turn in turns)
    assert all(any(message.content in turn.content for turn in turns) for message in messages)
    assert joined(turns) == turns


@given(st.text(), st.integers(400, 599), st.sampled_from([FULL, SOFT, Sampling()]))
def test_whatever_a_server_says_a_call_comes_to_an_end(words: str, status: int, sampling: Sampling) -> None:
    request = Request((Message("system", "简短"), Message("user", "甲")), sampling, schema=SCHEMA)
    dialect = Dialect(lambda line: None)
    talk = Talk(dialect, request, {})
    said = words.encode("utf-8", "replace")
    tries = 0
    while True:
        body = body_of("m", request)
        talk.apply(body)
        if not talk.learn(error_of(status, said), said, body):
            break
        tries += 1
    assert tries <= 8
    assert not dialect.learned


@given(st.binary())
def test_any_body_has_words(body: bytes) -> None:
    words = complaints.words_of(body)
    assert complaints.limit_in(words, 100) in (None, *range(1, 100))
    assert (complaints.room_in(words) or 1) > 0


def test_long_rows_of_digits_cost_no_time() -> None:
    start = time.perf_counter()
    assert complaints.room_in("context window " + "1" * 20_000) is None
    assert time.perf_counter() - start < 2
