"""What comes back: the reply in the body of a chat completion."""

from typing import Any

import msgspec

from anjian.models.base import Reply
from anjian.models.http.wire.filters import filters
from anjian.models.http.wire.loose import MAY_BE_PARTS, Count, read_body
from anjian.models.http.wire.stream import is_stream, read_stream


class _Message(msgspec.Struct, gc=False):
    content: str
    reasoning_content: str | None = None
    reasoning: str | None = None
    # Rarer fields: the fast reader leaves them to the lenient one.
    thinking: Any = None
    thought: Any = None
    reasoning_details: Any = None
    thinking_blocks: Any = None
    reasoningContent: Any = None  # noqa: N815


class _Choice(msgspec.Struct):
    message: _Message
    reasoning_content: Any = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    logprobs: Any = None
    error: Any = None
    flag: Any = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None


class _BaseResponse(msgspec.Struct, gc=False):
    status_code: int = 0


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None
    error: Any = None
    base_resp: _BaseResponse | None = None
    need_clear_history: Any = None


class _Counted(msgspec.Struct):
    usage: _Usage | None = None


_counted = msgspec.json.Decoder(_Counted, strict=False)
_decoder = msgspec.json.Decoder(_Completion, strict=False)
_PLAIN_ENDS = (None, "", "stop", "length")


def decode_body(body: bytes) -> Reply:
    """Reads the reply out of the body of a call that succeeded: a chat completion, or a stream of its pieces.

    Raises:
        CallError: What the body holds instead of a reply; `is_passing` tells whether trying again may help.
    """
    try:
        completion = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return read_stream(body) if is_stream(body) else read_body(body)
    return _plain(completion) or read_body(body)


def _plain(completion: _Completion) -> Reply | None:
    """The reply of a completion that has text and nothing odd; None for all others."""
    if len(completion.choices) != 1 or completion.error or completion.need_clear_history:
        return None
    if completion.base_resp and completion.base_resp.status_code:
        return None
    choice, usage = completion.choices[0], completion.usage or _Usage()
    message = choice.message
    reasoning = message.reasoning_content or message.reasoning or ""
    if choice.finish_reason not in _PLAIN_ENDS or choice.error or choice.flag or not message.content:
        return None
    if not reasoning and _thinks_elsewhere(choice):
        return None
    if choice.native_finish_reason and filters().stops(choice.native_finish_reason):
        return None
    if filters().wrote(message.content) or MAY_BE_PARTS.match(message.content):
        return None
    return Reply(
        text=message.content,
        reasoning=reasoning,
        finish_reason=choice.finish_reason or "stop",
        prompt_tokens=usage.prompt_tokens or 0,
        completion_tokens=usage.completion_tokens or 0,
        first=_first(choice.logprobs) if choice.logprobs else (),
    )


class _Likely(msgspec.Struct):
    token: str
    logprob: float


class _Token(_Likely):
    top_logprobs: list[_Likely] = []


class _Logprobs(msgspec.Struct):
    content: list[_Token]


def _first(logprobs: Any) -> tuple[tuple[str, float], ...]:
    """The likeliest tokens at the place of the first one that is no blank; empty for what has another form."""
    try:
        tokens = msgspec.convert(logprobs, _Logprobs, strict=False).content
    except msgspec.ValidationError:
        return ()
    found = next((token for token in tokens if token.token.strip()), None)
    return tuple((one.token, one.logprob) for one in found.top_logprobs or [found]) if found else ()


def _thinks_elsewhere(choice: _Choice) -> bool:
    message = choice.message
    fields = (message.thinking, message.thought, message.reasoning_details, message.thinking_blocks)
    return any(fields) or bool(message.reasoningContent or choice.reasoning_content)


def used_in(body: bytes) -> tuple[int, int]:
    """The tokens of prompt and reply that a body names, whatever else it holds."""
    try:
        usage = _counted.decode(body).usage or _Usage()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0, 0
    return usage.prompt_tokens or 0, usage.completion_tokens or 0


def is_empty(reply: Reply) -> bool:
    """True if a reply that ended well holds nothing at all: no text, no thinking, no call of a tool."""
    return reply.finish_reason == "stop" and not reply.text.strip() and not reply.reasoning.strip()
