"""What errors mean: filters told from ordinary errors, and how long to wait."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from anjian.models.base import CallError
from anjian.models.http.wire.errors import LONGEST_RETRY_AFTER, error_of, is_passing, is_spent, pause_of
from anjian.models.http.wire.reply import decode_body

RAW = '{"error":{"message":"Your prompt was flagged as sensitive content"}}'
FILTERED: list[tuple[int, Any]] = [
    (400, {"error": {"message": "Content Exists Risk", "type": "invalid_request_error",
     "code": "invalid_request_error"}}),
    (400, {"error": {"message": "The request was rejected because it was considered high risk",
     "type": "content_filter"}}),
    (400, {"error": {"code": "data_inspection_failed", "message": "Output data may contain inappropriate content."}}),
    (400, {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content.",
     "request_id": "1"}),
    (400, {"error": {"code": "1301", "message": "系统检测到输入或生成内容可能包含不安全或敏感内容"},
     "contentFilter": [{"level": 1}]}),
    (422, {"type": "error", "error": {"type": "api_error", "message": "input new_sensitive (1026)"}}),
    (500, {"base_resp": {"status_code": 1027, "status_msg": "output new_sensitive"}}),
    (500, {"error": {"message": "输入内容审核不通过，涉嫌违规，请重新调整输入内容", "code": 10013}}),
    (400, {"error": {"code": "InputTextSensitiveContentDetected", "message": "The request failed",
     "type": "BadRequest"}}),
    (400, {"error": {"code": "SensitiveContentDetected.SevereViolation", "message": "severe violation", "type": ""}}),
    (400, {"error": {"code": "OutputTextRiskDetection", "message": "The request could not be processed"}}),
    (451, {"error": {"type": "censorship_block",
     "message": "The content you provided or machine outputted is blocked."}}),
    (451, {"message": "无法处理"}),
    (400, {"error": {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}, "message": "filtered"}}),
    (400, {"error": {"innererror": {"content_filter_result": {"violence": {"filtered": True, "severity": "high"}}}}}),
    (400, {"error": {"code": "content_policy_violation", "message": "Your request was rejected."}}),
    (400, {"error": {"code": "invalid_prompt",
     "message": "Invalid prompt: we've limited access to this content for safety reasons."}}),
    (400, {"error": {"message": "Your request was rejected as a result of our safety system."}}),
    (403, {"error": {"code": 403, "message": "nope", "metadata": {"reasons": ["violence"], "flagged_input": "…"}}}),
    (403, {"error": {"code": 403, "message": "Provider returned error", "metadata": {"raw": RAW}}}),
    (403, {"code": "The caller does not have permission", "error": "Content violates usage guidelines. API key ID: 1"}),
    (400, {"error": {"message": "litellm.BadRequestError: Azure - {'error': {'code': 'content_filter', 'x': 1}}"}}),
    (400, {"error": {"message": "litellm.ContentPolicyViolationError: the prompt"}}),
    (500, {"error": {"message": "sensitive words detected (request id: 2026)", "code": "sensitive_words_detected"}}),
    (400, {"success": False, "errors": [{"code": 2016, "message": "Prompt blocked due to security configurations"}]}),
    (400, [{"error": {"code": 400, "message": "blocked", "details": [{"reason": "PROHIBITED_CONTENT"}]}}]),
    (422, {"detail": [{"loc": ["body", "prompt"], "type": "content_policy_violation",
     "msg": "The content was flagged"}]}),
    (400, {"error": {"message": "Output blocked by content filtering policy", "type": "invalid_request_error"}}),
    (400, {"message": "Guardrail was triggered: the input was blocked by the guardrail"}),
    (400, {"error": "您的提问触发了平台的安全策略，请修改后重试"}),
    (403, {"msg": "很抱歉，您的输入包含违规内容，无法继续"}),
    (400, {"error": {"message": "内容未通过安全审核"}}),
    (406, {"error_msg": "the prompt contains politically sensitive words", "error_code": 99}),
    (400, "内容安全检测不通过"),
    (400, {"message": "content_filter"}),
    (400, {"error": {"message": "error", "code": "PROMPT_GUARD"}}),
    (400, {"error": {"message": "error", "code": "llama_guard_blocked"}}),
    (400, {"error": {"message": "error", "code": "risk_control"}}),
    (403, {"error": {"message": "Forbidden: content policy"}}),
    (422, {"error": {"message": "Content moderation"}}),
]  # fmt: skip
ORDINARY: list[tuple[int, Any, str]] = [
    (400, {"error": {"message": "Model names are case-sensitive: use qwen3"}}, "http_error"),
    (400, {"error": {"message": "字段名大小写敏感"}}, "http_error"),
    (400, {"error": {"message": "invalid temperature: only 1 is allowed for this model"}}, "http_error"),
    (400, {"error": {"message": "Unsupported parameter: 'content_filter'", "code": "unsupported_parameter"}},
     "http_error"),
    (400, {"error": {"message": "Invalid prompt: messages must not be empty", "code": "invalid_prompt"}}, "http_error"),
    (400, {"error": {"message": "quantization at your own risk is not supported"}}, "http_error"),
    (401, {"error": {"message": "Key blocked by our usage policies", "code": "invalid_api_key"}}, "http_error"),
    (403, {"error": {"message": "Your organization's policy does not allow this model"}}, "http_error"),
    (403, {"error": {"message": "账号存在违规行为，已被锁定", "code": "1121"}}, "http_error"),
    (404, {"error": {"message": "No endpoints found matching your data policy", "code": 404}}, "http_error"),
    (503, {"error": {"message": "内容审核服务暂不可用，请稍后重试"}}, "http_error"),
    (400, {"detail": [{"loc": ["body"], "msg": "Field required", "input": "敏感内容 违规内容"}]}, "http_error"),
    (400, {"message": "1 validation error: [{'msg': 'Input should be a string', 'input': '写一段违规内容'}]"},
     "http_error"),
    (451, {"error": {"message": "Not available in your country or region"}}, "http_error"),
    (403, "<html><head><title>403</title></head><body>您的请求触发了安全策略，已被拦截</body></html>", "http_error"),
    (403, "<html><body><h1>Sorry, you have been blocked</h1>a security service</body></html>", "http_error"),
    (400, {"error": {"message": "This model's maximum context length is 4096 tokens"}}, "too_long"),
    (413, {"error": {"message": "the request exceeds the available context size"}}, "too_long"),
    (429, {"error": {"message": "Your requests violate our usage policy on rates"}}, "rate_limit"),
    (429, {"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}, "rate_limit"),
    (403, {"error": {"message": "Rate limit reached: 3 requests per minute"}}, "rate_limit"),
    (403, {"error": {"message": "请求未通过安全认证"}}, "http_error"),
    (403, {"error": {"message": "您的 IP 未通过安全策略，请求被拦截"}}, "http_error"),
    (429, {"error": {"message": "每分钟额度不足，请稍后再试"}}, "rate_limit"),
    (429, {"error": {"message": "余额查询过于频繁"}}, "rate_limit"),
    (429, {"error": {"message": "TPM额度不足"}}, "rate_limit"),
    (429, {"error": {"message": "insufficient balance of tokens per minute"}}, "rate_limit"),
]  # fmt: skip


def body(content: Any) -> bytes:
    return content.encode() if isinstance(content, str) else json.dumps(content, ensure_ascii=False).encode()


@pytest.mark.parametrize(("status", "content"), FILTERED)
def test_a_filter_is_told_by_its_codes_its_fields_or_its_words(status: int, content: Any) -> None:
    error = error_of(status, body(content))
    assert (error.reason, error.fatal, error.status) == ("content_filter", False, status), error.detail
    assert not is_passing(error)


@pytest.mark.parametrize(("status", "content", "reason"), ORDINARY)
def test_an_ordinary_error_is_no_filter(status: int, content: Any, reason: str) -> None:
    error = error_of(status, body(content))
    assert (error.reason, error.status) == (reason, status), error.detail


def test_a_firewalls_page_that_speaks_of_content_is_a_filters() -> None:
    page = "<html><body>您提交的内容包含违规信息，已被拦截</body></html>"
    assert error_of(403, page.encode()).reason == "content_filter"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize(
    "page", ['{"error": {"message": "%s"}}', "<html><body>%s</body></html>", '"{\\"msg\\": \\"%s\\"}"']
)
def test_words_are_read_in_either_encoding_and_however_wrapped(encoding: str, page: str) -> None:
    error = error_of(400, (page % "输入内容涉及敏感信息，请修改").encode(encoding))
    assert error.reason == "content_filter"
    assert "输入内容涉及敏感信息" in error.detail


@pytest.mark.parametrize(
    ("status", "content"),
    [(402, {"error": {"message": "Insufficient Balance"}}), (400, {"code": "Arrearage", "message": "Access denied"}),
     (429, {"error": {"code": "1113", "message": "您的账户已欠费，请充值后重试"}}), (403, {"message": "余额不足"}),
     (400, {"error": {"message": "API key not valid. Please pass a valid API key."}}), (401, {}), (404, {}), (302, ""),
     (429, {"error": {"message": "账户余额不足"}}), (400, {"error": {"message": "Model Not Exist"}}),
     (400, {"error": {"message": "模型不存在"}}), (400, {"error": {"message": "模型 qwen-9 不存在，请检查"}}),
     (400, {"error": {"message": "The model `qwen-9` does not exist or you do not have access to it."}}),
     (404, {"error": {"message": "Model Not Exist"}})],
)  # fmt: skip
def test_what_no_waiting_mends_is_fatal(status: int, content: Any) -> None:
    error = error_of(status, body(content))
    assert error.fatal
    assert not is_passing(error)


@pytest.mark.parametrize("words", ["model parameter 'foo' not found", "The model found no answer", "参数不存在"])
def test_what_is_not_found_need_not_be_the_model(words: str) -> None:
    assert not error_of(400, body({"error": {"message": words}})).fatal


@pytest.mark.parametrize(
    "content",
    [{"header": {"code": 10013, "message": "用户输入内容审核不通过"}},
     {"Response": {"Error": {"Code": "FailedOperation.ContentSensitive", "Message": "x"}, "RequestId": "1"}},
     {"ResponseMetadata": {"Error": {"Code": "SensitiveContentDetected", "Message": "x"}}},
     {"success": False, "errorCode": "RISK", "errorMsg": "x"}, {"status": "blocked", "reason": "content"}],
)  # fmt: skip
def test_a_filters_code_in_a_body_without_a_choice_is_seen(content: Any) -> None:
    with pytest.raises(CallError) as caught:
        decode_body(body(content))
    assert (caught.value.reason, caught.value.status) == ("content_filter", 500)


def test_a_quota_that_passes_is_a_rate_limit_with_http_200_too() -> None:
    with pytest.raises(CallError) as caught:
        decode_body(body({"error": {"message": "每分钟额度不足，请稍后再试"}}))
    assert (caught.value.reason, caught.value.fatal, caught.value.status) == ("rate_limit", False, 429)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 524, 529])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert is_passing(error_of(status, b""))


def test_a_quota_that_is_used_up_pauses() -> None:
    error = error_of(429, body({"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}))
    assert (error.reason, error.fatal) == ("rate_limit", False)
    assert is_spent(error.detail)
    assert not is_spent(error_of(429, b'{"error": "Too many requests"}').detail)
    assert not is_spent(error_of(429, body("每分钟额度不足，请稍后再试")).detail)
    assert is_spent(error_of(429, body("今日额度已用完，请稍后再试")).detail)


def test_the_detail_says_status_code_and_words_once() -> None:
    said = {"error": {"message": "no such thing", "type": "invalid_request_error", "code": "bad", "param": None}}
    assert error_of(400, body(said)).detail == "HTTP 400: invalid_request_error bad no such thing"
    assert error_of(502, b"<html><script>x()</script><b>Bad&nbsp;Gateway</b></html>").detail == "HTTP 502: Bad Gateway"
    assert error_of(500, b"").detail == "HTTP 500"


@pytest.mark.parametrize(
    ("headers", "content", "pause"),
    [({"retry-after-ms": "700"}, "", 0.7), ({"Retry-After": "1.5", "x-ratelimit-reset-tokens": "9s"}, "", 1.5),
     ({"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-remaining-requests": "0"}, "", 360),
     ({"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-remaining-requests": "9"}, "", None),
     ({"X-RateLimit-Reset-Tokens": "20ms"}, "", 0.02), ({"ratelimit-reset": "12"}, "", 12),
     ({}, "Please try again in 1s.", 1), ({}, "Please try again in 20ms.", 0.02), ({}, "Try again in 1m30.5s", 90.5),
     ({}, "Retry after 20 seconds", 20), ({}, '{"retryDelay": "34s"}', 34), ({}, "请在 3 秒后重试", 3),
     ({}, "try again in 2 hours", LONGEST_RETRY_AFTER), ({}, "try again later", None), ({"Retry-After": "nan"}, "",
     None),
     ({"retry-after-ms": "-1", "retry-after": "inf"}, "", None), ({}, "", None)],
)  # fmt: skip
def test_a_server_names_its_pause_in_many_ways(headers: Mapping[str, str], content: str, pause: float | None) -> None:
    found = pause_of(headers, content.encode())
    assert found == (None if pause is None else pytest.approx(pause))


def test_a_limit_may_be_reset_at_a_moment() -> None:
    soon = time.time() + 30
    for value in (str(soon), str(int(soon * 1000)), datetime.fromtimestamp(soon, UTC).isoformat()):
        assert 20 < (pause_of({"x-ratelimit-reset": value}, b"") or 0) <= 30


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(RAW),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "code", "message", "type", "metadata", "input", "filtered"])
            | st.text(max_size=6),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
WORDS = st.text(max_size=99).map(lambda words: words.encode("gb18030", "replace"))
BODIES = st.binary(max_size=200) | JSON.map(json.dumps).map(str.encode) | WORDS
PAUSES = st.sampled_from(["Retry-After", "retry-after-ms", "x-ratelimit-reset"])


@settings(max_examples=examples(200))
@given(st.integers(100, 599), BODIES, st.dictionaries(PAUSES, st.text()))
def test_any_error_has_a_meaning_and_any_pause_is_sane(status: int, raw: bytes, headers: dict[str, str]) -> None:
    error = error_of(status, raw)
    assert isinstance(error, CallError)
    assert error.detail.isprintable()
    assert error.detail.encode()
    pause = pause_of(headers, raw)
    assert pause is None or 0 <= pause <= LONGEST_RETRY_AFTER
