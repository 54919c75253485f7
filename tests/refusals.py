"""What servers say when they refuse something, in words of many providers, and servers that do."""

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web
from loopback import Call, completion, failure

from anjian.models.base import Sampling

Sent = dict[str, Any]
FULL = Sampling(0.0, 0.9, 16384, seed=1)
SOFT = Sampling(0.0, 0.9, seed=1, budget=16384)
SCHEMA = {"type": "object"}

REFUSED = [
    ("temperature", "Unsupported value: 'temperature' does not support 0 with this model. Only 1 is supported."),
    ("temperature", "invalid temperature: only 1 is allowed for this model"),
    ("temperature", "temperature参数非法。请检查文档。"),
    ("temperature", "`temperature` must be strictly positive"),
    ("temperature", "该模型暂不支持设置 temperature，请删除后重试"),
    ("top_p", "Unsupported parameter: 'top_p' is not supported with this model."),
    ("top_p", "top_p: Input should be less than 0.9"),
    ("top_p", "参数 top_p 取值范围错误"),
    ("seed", "Unsupported parameter: seed"),
    ("seed", "Unrecognized request argument supplied: seed"),
    ("seed", "Completions.create() got an unexpected keyword argument 'seed'"),
    ("seed", "[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted'}]"),
    ("seed", "seed 参数不支持; model doubao-seed-1-6"),
    ("seed", "Unknown field 'seed'. Supported parameters: temperature, top_p, max_tokens"),
    ("temperature", "temp must be > 0"),
    ("temperature", "Value error, greedy decoding is off"),
    ("temperature", "采样温度不支持修改"),
    ("temperature", "Temp should be in (0, 1]"),
    ("temperature", "不支持贪心解码，请调整"),
    ("top_p", "nucleus sampling is not supported"),
    ("top_p", "topP is not allowed"),
    ("top_p", "Nucleus probability out of range"),
    ("top_p", "核采样参数不支持"),
    ("seed", "Seed is not supported by this model"),
    ("seed", "SEED unsupported"),
    ("seed", "不支持随机数种子"),
    ("seed", "Random seed cannot be set"),
    ("seed", "Seed parameter is reserved"),
    ("seed", "Field random seed is unknown"),
    ("seed", "随机种子不可用"),
    ("response_format", "This response_format type is unavailable now"),
    ("response_format", "Invalid value: 'json_schema'. Supported values are: 'json_object' and 'text'."),
    ("response_format", "当前模型不支持结构化输出"),
    ("response_format", "Bad Request"),
]  # fmt: skip

LIMITS = [
    (8192, "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]"),
    (8192, "Invalid max_tokens value, the valid range of max_tokens is [1,8192]"),
    (4096, "max_tokens is too large: 16384. This model supports at most 4096 completion tokens, not 16384."),
    (8000, "max_tokens for `llama-3.1-8b-instant` must be less than or equal to 8000"),
    (4000, "max_tokens (current value: 16384) must be between 0 and 4000 (id 4b638ae7-4858-966f-95f5-08cbea6f)"),
    (12288, "max_tokens must be at most 12,288"),
    (4095, "max_tokens取值范围为1到4095"),
    (2048, "输出 token 数超出限制（2048）"),
    (2000, "max_output_tokens cannot exceed 2K"),
    (2048, "max_tokens(16384) > model max 2048"),
    (8000, "max_tokens is capped at 8k for this model"),
    (4096, "max_tokens 过大，最大为 4096"),
    (4096, "生成长度超过上限 4096"),
    (1024, "max_new_tokens is over the limit of 1024"),
    (512, "Maximum response length is 512"),
    (4096, "max_tokens: 16384 > 4096, which is the maximum allowed number of output tokens for claude-3-opus-20240229"),
]  # fmt: skip

CROWDED = [
    (
        "This model's maximum context length is 4096 tokens. However, you requested 17384 tokens (1000 in the "
        "messages, 16384 in the completion)."
    ),
    (
        "'max_tokens' or 'max_completion_tokens' is too large: 16384. This model's maximum context length is 4096 "
        "tokens and your request has 1000 input tokens (16384 > 4096 - 1000)."
    ),
    (
        "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of "
        "17384 tokens: 1000 tokens from the input messages and 16384 tokens for the completion."
    ),
]

STREAM_ONLY = [
    "This model only support stream mode, please enable the stream parameter to access the model. ",
    "parameter.enable_thinking must be set to false for non-streaming calls",
    "enable thinking can not be support when `stream=False`.",
    "Requests with max_tokens > 4096 must have stream=true",
    "stream must be set to true",
    "该模型仅支持流式输出",
    "当前模型不支持非流式调用",
    "请将 stream 设置为 true",
    "SSE only",
    "Please use SSE",
    "This endpoint speaks server-sent events only",
    "同步模式不支持",
    "不支持同步调用",
    "incremental output must be enabled",
    "parameter.incremental_output must be true",
    "Accept: text/event-stream is required",
    "Synchronous requests are not available for this model",
    "Blocking mode is off",
    "该接口不支持一次性返回",
    "仅支持增量输出",
]

SYSTEM = [
    (400, "System role not supported"),
    (400, "Developer instruction is not enabled for models/gemma-3-27b-it"),
    (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
    (400, "Only user and assistant roles are supported!"),
    (422, "messages.0.role: unknown variant `system`, expected `user` or `assistant`"),
    (500, "Jinja Exception: After the optional system message, conversation roles must alternate user and assistant"),
    (400, "Conversation roles must alternate user/assistant/user/assistant/..."),
    (400, "该模型不支持system角色"),
    (400, "第一条消息必须是 user"),
    (400, "the first message must be from user"),
    (400, "Conversation must start with a user message"),
    (400, "首条消息应为用户消息"),
    (400, "messages 参数非法"),
    (400, "The initial turn has to be a question"),
    (400, "Dialogue should begin with 'user'"),
    (422, "对话必须以用户开头"),
    (400, "invalid message order"),
]


def refusing(wrong: Callable[[Sent], bool], message: str, status: int = 400, **error: Any) -> Callable[[Call], Any]:
    """A server that refuses some bodies, and answers all others."""
    return lambda call: failure(status, message, **error) if wrong(call.body) else completion("好")


def sse(*deltas: dict[str, Any], **last: Any) -> web.Response:
    chunks: list[dict[str, Any]] = [{"choices": [{"delta": delta}]} for delta in deltas]
    chunks += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}, {"choices": [], **last}]
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return web.Response(text="".join(lines) + "data: [DONE]\n\n", content_type="text/event-stream")
