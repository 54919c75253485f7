"""What servers say when they refuse something, in words of many providers."""

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
]
