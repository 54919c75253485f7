"""The table of filters: what a provider's filter writes, and what only looks like it."""

import json
import re
import tomllib
from importlib.resources import files
from typing import Any

import pytest

from anjian.models.base import CallError, Reply
from anjian.models.http.wire.errors import error_of
from anjian.models.http.wire.filters import filters
from anjian.models.http.wire.reply import decode_body
from anjian.models.http.wire.stream import read_stream

TABLE: dict[str, dict[str, Any]] = tomllib.loads(
    files("anjian.models.http.wire").joinpath("filters.toml").read_text("utf-8")
)

FILTERED_ENDS = [
    "content_filter", "Content_Filter", "content-filter", "contentFilter", "content_filtered", "sensitive", "SAFETY",
    "PROHIBITED_CONTENT", "RECITATION", "BLOCKLIST", "SPII", "content_filter: PROHIBITED_CONTENT",
    "FinishReason.SAFETY", "guardrail_intervened", "risk_control", "content_policy", "moderation", "censored",
    "MODEL_ARMOR", "safety_filter", "risk_content", "output_filter", "harmful", "illegal", "green_net", "input_risk",
    "answer_blocked", "illegal_content", "response_filtered", "toxic",
    "content_blocked", "sensitive_word", "flagged", "policy_violation", "unsafe", "filtered", "blocked",
]  # fmt: skip
OTHER_ENDS = ["stop", "length", "eos", "tool_calls", "max_tokens", "end_turn", "", "STOP", "model_length", "repetition"]

BY_GATEWAYS = [
    "很抱歉，你输入的内容含有敏感信息，我无法回答。",
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please retry.",
    "Sorry, the model cannot answer this question.",
    "系统检测到输入或生成内容可能包含不安全或敏感内容，请您避免输入易产生敏感内容的提示语，感谢您的配合。",
    "系统检测到您的输入可能包含敏感内容，请修改后重试。",
    "您输入的内容包含敏感词，请重新输入",
    "内容安全审核未通过，请修改后重新提问。",
    "[内容由于不合规被停止生成，我们换个话题吧]",
    "首先，我们来看[内容由于不合规被停止生成，我们换个话题吧]",
    "该内容已被安全策略拦截",
    "当前内容涉及违规，已停止生成",
    "【内容已过滤】",
    "尊敬的用户，您的提问触发了内容安全策略，请更换问题后重试。",
    "Content blocked by safety filter.",
    "Your request was blocked by our content policy.",
    "Response blocked by content moderation.",
    "[Content filtered]",
    "该内容涉及违规信息，无法显示",
    "当前内容无法展示",
    "内容违规",
    "输入内容违规",
    "本回答已被系统拦截。",
    "此回复已被过滤",
    "***内容已屏蔽***",
    "根据相关法律法规，本内容不予显示。",
    "抱歉，您的问题触发了安全策略，请换个问题吧。",
    "您好，您的问题涉嫌违规，暂不支持回答",
    "你的提问含有违规词，换个说法吧",
    "温馨提示：内容含敏感词",
    "安全提示：您输入的内容可能存在风险",
    "抱歉，系统暂时无法回答该问题（内容安全）",
    "[BLOCKED]",
    "[SAFETY]",
    "content_filter",
    "Error: content_filter",
    "The model's response was withheld due to content policy.",
    "Request blocked by Azure content filter",
    "本次回答未通过安全审核",
    "该回答已被屏蔽",
    "输出内容已被安全网关拦截",
    "提问包含违禁词，请重新输入",
    "系统提示：您的输入命中敏感词",
    "根据国家法律法规和政策，部分内容不予展示",
    "当前回复暂不展示",
    "您的输入触发了风控，请换个问题",
    "<filtered>",
    "Error: prohibited_content",
    "Output withheld by the safety system.",
    "This response was stopped due to our safety guidelines. Please rephrase your prompt.",
    "抱歉，您的提问包含敏感内容，请修改后重试",
    "您的输入违规，请重新输入",
    "【系统提示】内容违规，无法展示",
    "生成内容包含敏感信息，已停止生成",
    "由于安全原因，已停止生成",
    "*** content filtered ***",
    "Sorry, the response was filtered.",
    "Blocked by content filter.",
    "很抱歉，该内容无法展示。",
    "根据相关法律法规和政策，部分搜索结果未予显示。",
    "对不起，系统检测到违规内容，已停止回答",
    "触发内容安全策略，请求被拦截",
    "答案如下，首先（后续内容已被拦截）",
    "First, take [response filtered due to content policy]",
]
BY_MODELS = [
    "检测到您输入的启事含年龄限制，属不当要求，改写为：诚聘英才。",
    "识别到您的问题涉及年龄歧视，属于敏感问题，以下是合规建议：按岗位能力招聘。",
    "系统检测到输入异常时会提示风险，这是正常的安全机制。",
    "平台检测到违规内容后通常会先警告再封号。",
    "该内容审核未通过的原因通常是含有年龄限制，建议删除。",
    "该内容未通过审核的原因有三点：一是违法。",
    "您输入的内容涉及歧视，不合规，请更换表述再试。",
    "您的请求涉及违规，请修改后再试。",
    "抱歉，您的提问涉及敏感话题，请换一个问题。",
    "抱歉，我无法显示该内容，它涉及违规信息。",
    "很抱歉，我不能展示当前内容",
    "根据相关法律法规，我不能提供这些信息。",
    "部分内容涉及敏感信息，已被隐去。",
    "The content was removed because of the platform's safety guidelines; you may appeal.",
    "The request was rejected because of the company's hiring policy.",
    "Your message was flagged by HR as violating policy; respond politely.",
    "The response was filtered through a sieve by the safety team.",
    "blocked",
    "Safety",
    "答案如上。（部分内容已作审核）",
    "步骤如上。[输出经过敏感词过滤]",
    "（因内容敏感，请自行判断）",
    "以上就是启事。（注：本内容不含违规信息，已过滤年龄限制）",
    "So it goes. (Response has been moderated in tone)",
    "See the file. [names redacted]",
    "抱歉，我不能回答这个问题。",
    "您的问题涉及敏感内容，我无法回答。",
    "对不起，这个内容违规，我不能生成。",
    "这个问题涉及违法违规内容，请您换个话题。",
    "你好，这个问题我暂时无法回答，让我们换个话题再聊聊吧。",
    "我无法回答涉及敏感信息的问题，请修改您的提问。",
    "抱歉，您的输入包含敏感信息，我不能继续。",
    "您的问题包含违规内容，无法回答。如有其他问题请重新提问。",
    "抱歉，该请求涉及违法内容，无法提供帮助。建议您遵守法律法规。",
    "作为一个人工智能语言模型，我还没学习如何回答这个问题。",
    "I'm sorry, but I can't help with that.",
    "This request violates my content policy, so I can't help.",
    "内容安全是平台治理的重要部分。",
    "Sensitive content should be blocked by platforms.",
    "平台应当拦截违规内容（内容审核的三种做法见下）。",
    "A",
]

ERRORS_OF_FILTERS = [
    "Risky content detected, request refused",
    "Request contains sensitive words",
    "根据相关法律法规和政策，无法返回结果",
    "该问题涉及敏感话题",
    "输入包含不当言论",
    "The request was blocked by our content moderation system",
    "Your input has been flagged by our moderation",
    "触发风控策略",
    "命中敏感词",
    "text audit failed",
    "Content security check failed",
    "This prompt has been blocked for violating our Terms of Service",
    "内容不合规，请修改",
    "用户输入含有违禁词",
    "生成内容被安全围栏拦截",
    "prompt injection / jailbreak detected by prompt shield",
    "jailbreak attempt detected",
    "Your request may contain content that violates policy",
    "response blocked: hate speech",
    "The model's output was filtered for safety",
    "涉政内容禁止",
    "您的问题可能违反社区规范",
    "content is not compliant with regulations",
    "Unsafe content",
    "抱歉，系统无法处理包含敏感信息的请求",
    "禁止生成涉黄涉暴内容",
    "The text you entered does not comply with our content standards",
    "Llama Guard classified the prompt as unsafe: S1",
    "toxic content",
    "Inappropriate prompt",
    "提示词含敏感词汇",
    "安全审核未通过",
    "绿网检测不通过",
    "数据安全审查失败",
    "文本违规",
    "内容违规",
    "Content blocked",
    "输入违规",
    "审核失败",
    "the response was blocked due to RECITATION",
    "Harmful content detected in the user message",
    "Blocked by content filter",
    "This request was declined by the safety classifier",
    "违反法律法规",
    "文本未过审",
    "你的问题不符合社区规范",
    "您输入的内容不符合平台规范",
    "请文明提问",
    "命中黑名单词库",
    "risk control rejected",
    "hit risk control",
    "Prompt rejected",
    "This prompt is not allowed",
    "The content you entered is not allowed",
    "Request blocked by policy",
    "Prompt contains restricted words",
    "Your request was rejected by our content review system",
    "text hits sensitive lexicon",
    "Potentially harmful request",
    "We can't process this request as it may violate our policies",
    "Llama Guard: unsafe S1",
    "blocked by Prompt Shield",
    "Model Armor blocked the prompt",
    "Forbidden: content policy",
    "Content moderation",
    "content_filter",
    "unsafe",
    "敏感",
    "提问不符合国家相关规定",
    "输入含有违规词",
    "Rejected by risk-control service",
    "Prompt guard detected an attack",
    "输入内容违规，违规类型：广告",
    "The API request was blocked by our safety system",
    "请求参数包含敏感内容",
    "提示词不合法，请勿输入违规信息",
    "文字涉黄",
    "该话题不予讨论",
    "NSFW content detected",
    "安全检查未通过",
    "该提问已被禁止",
    "blocked for policy reasons",
    "Lakera Guard flagged the input",
    "policy violation",
]
ERRORS_OF_OTHERS = [
    "messages[0].content must be a string",
    "content must not be empty",
    "Invalid content type. image_url is only supported by certain models.",
    "the prompt is too long",
    "Invalid response_format: schema violates the JSON schema rules",
    "'messages' must contain the word 'json' in some form",
    "Unsupported value: 'temperature' does not support 0",
    "Input validation error: inputs must have less than 4096 tokens",
    "tool_choice is not allowed",
    "内容不能为空",
    "请求参数非法：messages 内容格式错误",
    "输入长度超过限制",
    "模型不支持该内容类型",
    "请求内容类型不支持",
    "You don't have access to this model due to our data retention policy",
    "Request blocked by CORS policy",
    "Access denied by security policy",
    "IP 不在白名单内，存在安全风险",
    "Internal server error: failed to generate content",
    "Model is overloaded, content generation is unavailable",
    "User location is not supported for the API use.",
    "System role not supported",
    "Invalid 'messages[1].content': string too long",
    "The following request content is rejected by the schema validation",
    "Content-Type header is missing",
    "error code: 1020",
    "message content violates maximum size",
    "该模型仅支持流式输出",
    "输出格式错误",
    "输出生成失败",
    "The response_format content_policy is unknown parameter",
    "max_tokens must be at least 1 to generate output",
    "prompt tokens exceed the limit, input is rejected",
    "Failed to parse grammar: unsafe rule name",
    "提示词模板渲染失败",
    "输入参数 temperature 不在合法范围",
    "用户内容编码非法",
    "对话角色必须交替",
    "insecure connection blocked by security system",
    "seed is not supported; risk of nondeterminism",
    "question text missing",
    "conflict",
    "请求体 JSON 不合法",
    "文本编码不合法",
    "请求头不合法",
    "请求数据不合法",
    "输入参数违法",
    "输出长度不合法",
    "对话轮次不合规：user 与 assistant 必须交替",
    "对话消息顺序不合法",
    "生成结果不合法 JSON",
    "输入长度超出限制，不合规",
    "提示词超过最大长度，被拦截",
    "输入 token 超出模型上限，存在风险",
    "消息内容不能为空，违反接口规范",
    "请求违反了接口调用规范",
    "prompt 为空，审核失败",
    "请求未通过安全认证",
    "您的 IP 未通过安全策略，请求被拦截",
    "illegal text encoding in request",
    "messages[0].content violates schema standard",
    "model output failed json validation: harmful commas",
    "消息格式违反约定",
    "请求签名不合法",
    "输入不合法",
    "请求方法违规",
    "回复语言标识不合规",
    "请求过大，提示词被拦截",
    "消息角色次序不当",
    "请求时间戳存在风险",
    "输出 schema 违反规范",
    "This prompt is not allowed for this model",
    "The content is rejected by the parser",
    "回复数量 n 不合规",
    "文件内容不合法，无法解析",
    "工具返回结果不合规",
    "The request contains an illegal content-length header",
    "该模型未通过备案审核",
    "Request blocked by firewall policy",
]


def body(text: str, finish: str | None = "stop", **choice: Any) -> bytes:
    return json.dumps({"choices": [{"message": {"content": text}, "finish_reason": finish, **choice}]}).encode()


def stream(text: str, finish: str) -> bytes:
    chunks = [{"delta": {"content": text}}, {"delta": {}, "finish_reason": finish}]
    return "".join(f"data: {json.dumps({'choices': [chunk]})}\n\n" for chunk in chunks).encode()


@pytest.mark.parametrize("finish", FILTERED_ENDS)
def test_what_a_filter_stopped_is_no_reply_whatever_the_text(finish: str) -> None:
    for text in ("", "很抱歉，我还没有学习到", "半句话" * 100):
        for read, raw in ((decode_body, body(text, finish)), (read_stream, stream(text, finish))):
            with pytest.raises(CallError) as caught:
                read(raw)
            assert caught.value.reason == "content_filter"
    with pytest.raises(CallError):
        decode_body(body("x", "stop", native_finish_reason=finish))


@pytest.mark.parametrize("finish", OTHER_ENDS)
def test_other_ends_are_no_filters(finish: str) -> None:
    assert decode_body(body("答", finish)).finish_reason == (finish or "stop")


@pytest.mark.parametrize("text", BY_GATEWAYS)
def test_what_a_gateway_wrote_is_no_reply_of_the_model(text: str) -> None:
    for read, raw in (
        (decode_body, body(text)),
        (decode_body, body(f"{text}\n", None)),
        (read_stream, stream(text, "stop")),
    ):
        with pytest.raises(CallError) as caught:
            read(raw)
        assert caught.value.reason == "content_filter"
        assert text[:20] in caught.value.detail


@pytest.mark.parametrize("text", BY_MODELS)
def test_what_a_model_says_of_itself_is_its_reply(text: str) -> None:
    assert decode_body(body(text)) == Reply(text)
    assert read_stream(stream(text, "stop")) == Reply(text)


@pytest.mark.parametrize("mark", [{"flag": 3}, {"content_filter_results": {"hate": {"filtered": True}}}])
def test_a_choice_that_is_marked_as_unsafe_is_no_reply(mark: dict[str, Any]) -> None:
    with pytest.raises(CallError) as caught:
        decode_body(body("", **mark))
    assert caught.value.reason == "content_filter"
    assert decode_body(body("答", content_filter_results={"hate": {"filtered": False}}, flag=0)).text == "答"


@pytest.mark.parametrize("words", ERRORS_OF_FILTERS)
def test_the_words_of_filters_that_are_not_listed_are_understood(words: str) -> None:
    assert error_of(400, json.dumps({"error": {"message": words}}).encode()).reason == "content_filter"


@pytest.mark.parametrize("words", ERRORS_OF_OTHERS)
def test_the_words_of_ordinary_errors_are_not_taken_for_a_filters(words: str) -> None:
    assert error_of(400, json.dumps({"error": {"message": words}}).encode()).reason != "content_filter"


def test_every_row_names_its_source_and_no_pattern_fits_everything() -> None:
    for name, row in TABLE.items():
        assert name == "any" or row["source"].startswith("https://"), name
        for column in row.keys() - {"source"}:
            for pattern in row[column]:
                assert not re.search(pattern, ""), (name, pattern)
                assert "\b" not in pattern, (name, pattern)
    assert not filters().hints_at("the quick brown fox jumps over the lazy dog; 天地玄黄")
