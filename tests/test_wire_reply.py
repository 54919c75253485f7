"""The reply in whatever a server sends: plain bodies, parts, envelopes, streams, and errors in their place."""

import json
from typing import Any

import msgspec
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from anjian.models.base import CallError, Reply
from anjian.models.http.wire.errors import is_passing
from anjian.models.http.wire.reply import decode_body, is_empty
from anjian.models.http.wire.stream import read_stream


def completion(content: Any, finish: Any = "stop", **message: Any) -> dict[str, Any]:
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content, **message},
        "finish_reason": finish}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 11},
    }  # fmt: skip


def read(document: Any) -> Reply:
    return decode_body(document if isinstance(document, bytes) else json.dumps(document).encode())


def error_in(document: Any) -> CallError:
    with pytest.raises(CallError) as caught:
        read(document)
    return caught.value


def events(*data: Any, end: str = "\n\n") -> bytes:
    return "".join(
        f"data: {d if isinstance(d, str) else json.dumps(d, ensure_ascii=False)}{end}" for d in data
    ).encode()


def chunk(delta: Any, finish: str | None = None, **others: Any) -> dict[str, Any]:
    return {"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **others}


@pytest.mark.parametrize(
    ("content", "text"),
    [("答", "答"), ([{"type": "text", "text": "甲"}, {"type": "text", "text": "乙"}], "甲乙"), (["甲", "乙"], "甲乙"),
     ({"text": "甲"}, "甲"), ([{"type": "output_text", "text": "甲"}], "甲"), ([[{"text": "甲"}], "乙"], "甲乙"),
     ([{"type": "text", "text": {"value": "甲"}}], "甲"), ({"parts": [{"text": "甲"}, {"text": "乙"}]}, "甲乙"),
     ([{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "甲"}], "甲"), ([], "")],
)  # fmt: skip
def test_content_comes_as_text_or_in_parts(content: Any, text: str) -> None:
    assert read(completion(content)) == Reply(text, prompt_tokens=7, completion_tokens=11)


@pytest.mark.parametrize(
    "message",
    [{"thinking_blocks": [{"type": "thinking", "thinking": "想"}]}, {"reasoningContent": "想"},
     {"reasoning_content": "想"}, {"reasoning": "想"}, {"thinking": "想"}, {"thought": "想"},
     {"reasoning": {"content": "想"}},
     {"reasoning": {"summary": [{"type": "summary_text", "text": "想"}]}}, {"reasoning_content": ["想"]},
     {"reasoning": [{"type": "reasoning.text", "text": "想"}]}, {"reasoning_details": [{"type": "reasoning.text",
     "text": "想"}]},
     {"reasoning": "想", "reasoning_details": [{"type": "reasoning.text", "text": "想"}]},
     {"reasoning": None, "reasoning_content": "想", "reasoning_details": [{"type": "reasoning.encrypted",
     "data": "x"}]},
     {"reasoning": "想", "reasoning_content": "想"}, {"reasoning": "", "reasoning_details": [{"summary": "想"}]}],
)  # fmt: skip
def test_thinking_comes_in_many_fields_and_counts_once(message: dict[str, Any]) -> None:
    assert read(completion("答", **message)) == Reply("答", "想", prompt_tokens=7, completion_tokens=11)


@pytest.mark.parametrize(
    "thinking",
    [{"type": "thinking", "thinking": "想"}, {"type": "thinking", "thinking": [{"type": "text", "text": "想"}],
     "closed": True},
     {"type": "reasoning", "text": "想"}, {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "想"}]},
     {"thought": True, "text": "想"}, {"reasoning_content": "想"}],
)  # fmt: skip
def test_thinking_in_parts_of_the_content_is_thinking(thinking: Any) -> None:
    reply = read(completion([thinking, {"type": "text", "text": "答"}]))
    assert (reply.text, reply.reasoning) == ("答", "想")
    assert read(completion([thinking, "答"], reasoning_content="想")).reasoning == "想"


@pytest.mark.parametrize(
    "marked",
    [{"channel": "analysis"}, {"thinking": True}, {"is_thinking": True}, {"is_reasoning": True}, {"type": "cot"},
     {"type": "analysis"}, {"type": "internal_monologue"}, {"role": "thought"}],
)  # fmt: skip
def test_a_part_that_says_it_is_thinking_is_thinking(marked: dict[str, Any]) -> None:
    parts = [{"type": "text", "text": "想", **marked}, {"type": "text", "channel": "final", "text": "答"}]
    assert read(completion(parts)) == Reply("答", "想", prompt_tokens=7, completion_tokens=11)


def test_parts_in_an_object_or_as_text_are_read() -> None:
    thought = Reply("答", "想", prompt_tokens=7, completion_tokens=11)
    assert read(completion({"thinking": "想", "answer": "答"})) == thought
    assert read(completion({"reasoning": "想", "response": "答"})) == thought
    assert read(completion([{"reasoningContent": {"reasoningText": {"text": "想"}}}, {"text": "答"}])) == thought
    parts = [{"type": "thinking", "thinking": "想"}, {"type": "text", "text": "答"}]
    assert read(completion(json.dumps(parts))) == thought
    for said in ('[{"type": "text"', '[{"type": "fruit", "text": "答"}]', '[{"name": "王"}]', "[1]"):
        assert read(completion(said)).text == said


def test_thinking_beside_the_message_is_read() -> None:
    document = completion("答")
    document["choices"][0]["reasoning_content"] = "想"
    assert read(document).reasoning == "想"


def test_a_refusal_in_a_field_or_a_part_is_text() -> None:
    assert read(completion(None, refusal="不行")).text == "不行"
    assert read(completion([{"type": "refusal", "refusal": "不行"}])).text == "不行"
    assert read(completion("答", refusal=None)).text == "答"


def test_a_models_own_refusal_is_a_reply_and_an_empty_one_its_classifiers() -> None:
    assert read(completion("抱歉，我不能回答。", "refusal")).text == "抱歉，我不能回答。"
    assert error_in(completion("", "refusal")).reason == "content_filter"


def test_lone_surrogates_become_writable_and_pairs_stay() -> None:
    raw = rb'{"choices": [{"message": {"content": "\ud83d\ude00 \ud83d", "reasoning": "\udc00"}}]}'
    reply = decode_body(raw)
    assert reply.text == "😀 \ufffd"
    assert msgspec.json.decode(msgspec.json.encode(reply), type=Reply) == reply


@pytest.mark.parametrize(
    "usage", [None, [], "many", {"prompt_tokens": "x"}, {"prompt_tokens": -3}, {"prompt_tokens": float("nan")}]
)
def test_usage_of_a_wrong_type_is_none(usage: Any) -> None:
    assert read({**completion("答"), "usage": usage}) == Reply("答")


def test_endless_numbers_and_foreign_encodings_are_read() -> None:
    raw = b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": %s}, "n": -%s}'
    assert decode_body(raw % (b"9" * 5000, b"9" * 5000)) == Reply("x")
    assert decode_body(json.dumps(completion("你好，世界"), ensure_ascii=False).encode("gb18030")).text == "你好，世界"
    assert decode_body(b"\xef\xbb\xbf\n" + json.dumps(completion("答")).encode()).text == "答"
    assert read(json.dumps(completion("答"))).text == "答"


def test_a_call_of_a_tool_is_no_empty_reply() -> None:
    called = read(completion(None, tool_calls=[{"function": {"name": "f", "arguments": "{}"}}]))
    assert called.finish_reason == "tool_calls"
    assert not is_empty(called)
    assert is_empty(read(completion(" \n")))
    assert is_empty(read(completion(None)))
    assert not is_empty(read(completion("", "length")))
    assert not is_empty(read(completion("", reasoning="想")))


@pytest.mark.parametrize("wrap", ["data", "result", "response", "output"])
def test_a_completion_in_an_envelope_is_read(wrap: str) -> None:
    assert read({"code": 0, "message": "Success", wrap: completion("答")}).text == "答"


@pytest.mark.parametrize(
    "document",
    [b"", b"<html><body>Login</body></html>", {}, {"choices": []}, {"choices": [{"message": None}]}, b"[1", b"[]",
     b"null",
     {"choices": [{"message": {"content": 5}}]}, {"choices": [{"message": {"content": True}}]}, {"id": "x"},
     {"choices": [{"message": {"content": [{"text": 5}]}}]}, {"choices": [{"message": {"content": "x"},
     "finish_reason": ["stop"]}]},
     {"choices": "none"}, {"choices": {"message": {"content": "x"}}}, b'{"error": ' + b"[" * 100_000, b'"x"',
     b"upstream error"],
)  # fmt: skip
def test_what_is_no_completion_is_a_bad_reply_of_one_line(document: Any) -> None:
    error = error_in(document)
    assert error.reason == "bad_reply"
    assert is_passing(error)
    assert error.detail.isprintable()
    assert len(error.detail) < 300


@pytest.mark.parametrize(
    ("document", "reason", "status", "passing"),
    [({"error": {"code": 502, "message": "Upstream error"}}, "http_error", 502, True),
     ({"error": {"code": 429, "message": "Rate limited"}, **completion("半")}, "rate_limit", 429, True),
     ({"error": "model is loading"}, "http_error", 500, True), ({"error": {"code": 401, "message": "no"}},
     "http_error", 401, False),
     ({"error": {"code": "insufficient_quota"}}, "rate_limit", 429, True),
     ({"error": {"message": "Insufficient Balance"}}, "http_error", 402, False),
     ({"error": {"message": "Content Exists Risk"}}, "content_filter", 500, False),
     ({"error": {"code": "data_inspection_failed", "message": "x"}}, "content_filter", 500, False),
     ({"code": 10013, "message": "输入内容审核不通过", "sid": "1"}, "content_filter", 500, False),
     ({"code": 10014, "message": "AppIdNoAuthError"}, "content_filter", 500, False),
     ({"code": 429, "msg": "请求过于频繁"}, "rate_limit", 429, True), ({"error_code": 336100,
     "error_msg": "try again"}, "http_error", 500, True),
     ({"base_resp": {"status_code": 1027, "status_msg": "output new_sensitive"}}, "content_filter", 500, False),
     ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "choices": None}, "rate_limit", 429, True),
     ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, "http_error", 402, False),
     ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "choices": []}, "content_filter", 200, False),
     ({"candidates": [{"finishReason": "SAFETY"}]}, "content_filter", 200, False), ([{"error": {"code": 503,
     "message": "x"}}], "http_error", 503, True),
     ({"choices": [{"finish_reason": "error", "error": {"code": 502, "message": "x"}, "message": {"content": ""}}]},
     "http_error", 502, True),
     ({"choices": [{"finish_reason": "error", "message": {"content": "半句"}}]}, "http_error", 500, True),
     ({"choices": [{"finish_reason": "insufficient_system_resource", "message": {"content": "半句"}}]}, "http_error",
     500, True),
     ({"choices": [{"error": {"code": 403, "message": "flagged", "metadata": {"flagged_input": "x"}},
     "message": None}]}, "content_filter", 403, False)],
)  # fmt: skip
def test_an_error_in_a_200_is_an_error(document: Any, reason: str, status: int, passing: bool) -> None:
    error = error_in(document)
    assert (error.reason, error.status, is_passing(error)) == (reason, status, passing), error.detail


@pytest.mark.parametrize("error", [None, {}, "", {"code": 0, "message": "success"}, {"code": None, "message": ""}])
def test_an_error_that_says_nothing_is_none(error: Any) -> None:
    assert read({**completion("答"), "error": error, "base_resp": {"status_code": 0, "status_msg": ""}}).text == "答"


WHOLE = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "你"}),
    chunk({"content": "好"}),
    chunk({}, "stop"),
]
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 11}}


LINES = [json.dumps(c, ensure_ascii=False) for c in [*WHOLE, USAGE]]
SECOND = {"choices": [{"index": 1, "delta": {"content": "坏"}, "finish_reason": "length"}]}
BOTH = {"choices": [SECOND["choices"][0], {"index": 0, "delta": {"content": "你好"}}]}


@pytest.mark.parametrize(
    "raw",
    [events(*WHOLE, USAGE, "[DONE]"), events(*WHOLE, USAGE), events(*WHOLE, USAGE, "[DONE]", end="\n"),
     events(*WHOLE, USAGE, "[DONE]", end="\r\n\r\n"), events(*WHOLE, USAGE, "[DONE]", end="\r\r"),
     events(*WHOLE, USAGE, "[DONE]").replace(b"data: ", b"data:"), b": keep-alive\n\n" + events(*WHOLE, USAGE,
     "[DONE]"),
     events(*WHOLE, USAGE, "[DONE]").replace(b"data: ", b"event: message\nid: 1\nretry: 5\ndata: "),
     events(*({**c, "usage": USAGE["usage"]} for c in WHOLE), "[DONE]"), events(*WHOLE[:3], USAGE, "[DONE]"),
     events(*WHOLE, USAGE, "[DONE]").replace(b'"choices": [', b'"choices":\ndata: ['),
     events(*({**c, "choices": [{**c["choices"][0], "finish_reason": ""}]} for c in WHOLE[:3]), *WHOLE[3:], USAGE,
     "[DONE]"),
     events({"choices": [{"message": {"content": "你好"}, "finish_reason": "stop"}], "usage": USAGE["usage"]}),
     events(*WHOLE[:3], {"choices": [{"message": {"content": "你好"}, "finish_reason": "stop"}],
     "usage": USAGE["usage"]}),
     events(*WHOLE[:1], chunk({"content": [{"type": "text", "text": "你"}]}), *WHOLE[2:], USAGE),
     b"\xef\xbb\xbf" + events(*WHOLE, USAGE, "[DONE]"), events(*WHOLE, USAGE, "[done]"), events(*WHOLE, USAGE, "DONE"),
     events("ping", "null", '"HEARTBEAT"', "{}", *WHOLE, USAGE, "[DONE]"), events(*LINES[:-1], USAGE, end="\n"),
     "\n".join(LINES).encode(), "\n".join([*LINES, "[DONE]"]).encode(),
     events(*({"output": c} for c in WHOLE), USAGE), events(*({"code": 0, "data": c} for c in WHOLE), USAGE, "[DONE]"),
     events(*WHOLE[:2], SECOND, *WHOLE[2:], SECOND, USAGE), events(BOTH, chunk({}, "stop"), USAGE, "[DONE]"),
     events(*({**c, "error": None} for c in WHOLE), USAGE, "[DONE]"), json.dumps(completion("你好")).encode()],
)  # fmt: skip
def test_a_stream_is_joined_however_it_is_cut_up(raw: bytes) -> None:
    assert read_stream(raw) == Reply("你好", prompt_tokens=7, completion_tokens=11)
    assert decode_body(raw) == read_stream(raw)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking", "reasoning_details"])
def test_thinking_in_a_stream_is_joined(field: str) -> None:
    pieces = [[{"type": "reasoning.text", "text": c}] if field == "reasoning_details" else c for c in "想一想"]
    raw = events(*(chunk({"content": None, field: piece}) for piece in pieces), *WHOLE, "[DONE]")
    assert read_stream(raw) == Reply("你好", "想一想")


@given(st.lists(st.text(min_size=1, max_size=5), min_size=4, max_size=8), st.booleans())
def test_pieces_that_repeat_what_came_before_are_said_once(pieces: list[str], plain: bool) -> None:
    grown = ["".join(pieces[: i + 1]) for i in range(len(pieces))]
    other = {} if plain else {"object": "x", "error": None}
    raw = events(*(chunk({"content": text}, **other) for text in grown), chunk({}, "stop", **other), "[DONE]")
    assert read_stream(raw).text == grown[-1]
    thought = events(*(chunk({"reasoning_content": text}) for text in grown), *WHOLE)
    assert read_stream(thought) == Reply("你好", grown[-1])


@pytest.mark.parametrize("text", ["哈" * 9, "1112", "哈哈哈好"])
def test_a_text_that_repeats_itself_stays(text: str) -> None:
    assert read_stream(events(*(chunk({"content": char}) for char in text), chunk({}, "stop"))).text == text


def test_of_several_choices_the_first_by_number_counts() -> None:
    document = completion("答")
    document["choices"].insert(0, {"index": 1, "message": {"content": "坏"}, "finish_reason": "stop"})
    assert read(document).text == "答"


def test_refusals_tools_and_ends_in_a_stream() -> None:
    assert read_stream(events(chunk({"refusal": "不"}), chunk({"refusal": "行"}), chunk({}, "stop"))).text == "不行"
    assert read_stream(events(chunk({"tool_calls": [{"id": "1"}]}), chunk({}, "stop"))).finish_reason == "tool_calls"
    assert read_stream(events(*WHOLE[:3], chunk({}, "length"))).finish_reason == "length"
    assert is_empty(read_stream(events(chunk({"content": ""}), chunk({}, "stop"), "[DONE]")))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(events(*WHOLE[:3]), "bad_reply"), (events(*WHOLE)[:-90], "bad_reply"), (events(), "bad_reply"), (b": ping\n\n",
     "bad_reply"),
     (events(*WHOLE)[: events(*WHOLE).index("好".encode()) + 1], "bad_reply"), (events("[DONE]"), "bad_reply"),
     (events(*WHOLE[:2], {"error": {"code": 502, "message": "Upstream"}}), "http_error"),
     (events(*WHOLE[:2]) + b'event: error\ndata: {"code": 429, "message": "busy"}\n\n', "rate_limit"),
     (events(*WHOLE[:2], {"error": {"message": "Content Exists Risk"}}, "[DONE]"), "content_filter"),
     (events(*WHOLE[:2], chunk({}, "content_filter"), "[DONE]"), "content_filter"), (events("1", "[DONE]"),
     "bad_reply"),
     (events(*WHOLE[:2], {"base_resp": {"status_code": 1027, "status_msg": "output new_sensitive"}}), "content_filter"),
     (events(*WHOLE[:2], chunk({}, "error")), "http_error"), (events({"error": "x"}), "http_error"),
     (events("{broken", *WHOLE), "bad_reply"), ("\n".join(LINES[:2]).encode(), "bad_reply"),
     (events(*WHOLE[:2], "upstream connect error"), "bad_reply"),
     (events(*({"output": c} for c in WHOLE[:2]), {"code": "DataInspectionFailed", "message": "x"}), "content_filter")],
)  # fmt: skip
def test_a_stream_that_breaks_off_or_fails_is_no_reply(raw: bytes, reason: str) -> None:
    for reader in (read_stream, decode_body) if raw else (read_stream,):
        with pytest.raises(CallError) as caught:
            reader(raw)
        assert caught.value.reason == reason, caught.value.detail


NAMES = ["choices", "message", "delta", "content", "finish_reason", "usage", "error", "code", "text", "type",
 "reasoning", "base_resp", "data", "prompt_tokens"]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(["stop", "error",
     "[DONE]", "\ud83d", "{}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner,
     max_size=5),
    max_leaves=25,
)  # fmt: skip
VALID = [json.dumps(completion("答", reasoning="想")).encode(), events(*WHOLE, USAGE, "[DONE]")]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A body that was good, with bytes cut out, put in, or repeated."""
    raw = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(raw))), draw(st.integers(0, len(raw)))))
        raw = (
            raw[:start]
            + draw(st.binary(max_size=6) | st.just(raw[start:end] * 2) | JSON.map(json.dumps).map(str.encode))
            + raw[end:]
        )
    return raw


@settings(max_examples=examples(300), deadline=None)
@given(
    mutated()
    | st.binary(max_size=99)
    | JSON.map(json.dumps).map(str.encode)
    | st.lists(JSON, max_size=4).map(lambda d: events(*map(json.dumps, d)))
)
def test_any_body_is_a_reply_or_a_failed_call(raw: bytes) -> None:
    for reader in (decode_body, read_stream):
        try:
            reply = reader(raw)
        except CallError as error:
            assert error.detail.isprintable()
            assert error.detail.encode()
        else:
            assert msgspec.json.decode(msgspec.json.encode(reply), type=Reply) == reply
            assert max(reply.prompt_tokens, reply.completion_tokens) < 2**63


@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(st.text(max_size=5), min_size=1, max_size=12), st.sampled_from(["\n", "\n\n", "\r\n\r\n"]), st.booleans()
)
def test_the_pieces_of_a_stream_come_back_whole(pieces: list[str], end: str, ascii_only: bool) -> None:
    text = "".join(pieces)
    data = [
        json.dumps(c, ensure_ascii=ascii_only)
        for c in (*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop"))
    ]
    if all(piece.isprintable() for piece in pieces):
        assert read_stream(events(*data, "[DONE]", end=end)).text == text
