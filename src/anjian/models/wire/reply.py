"""What comes back: the reply in the body of a chat completion."""

import msgspec

from anjian.models.base import BAD_REPLY, CONTENT_FILTER, CallError, Reply
from anjian.text import one_line


class _Part(msgspec.Struct, gc=False):
    text: str | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


_decoder = msgspec.json.Decoder(_Completion, strict=False)


def decode_body(body: bytes) -> Reply:
    """Reads the reply out of a chat-completion body.

    Raises:
        CallError: With the reason `bad_reply` or `content_filter`.
    """
    try:
        completion = _decoder.decode(body)
        choice = completion.choices[0]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError):
        start = one_line(body[:120].decode("utf-8", "replace"))
        raise CallError(BAD_REPLY, f"not a chat completion: {start or 'an empty body'}") from None
    message, usage = choice.message, completion.usage or _Usage()
    text = _text(message.content) or message.refusal or ""
    if choice.finish_reason in ("content_filter", "sensitive") and not text.strip():
        raise CallError(CONTENT_FILTER, "the provider withheld the reply")
    return Reply(
        text=text,
        reasoning=message.reasoning_content or message.reasoning or "",
        finish_reason=choice.finish_reason or "stop",
        prompt_tokens=usage.prompt_tokens or 0,
        completion_tokens=usage.completion_tokens or 0,
    )


def _text(content: str | list[_Part] | None) -> str:
    """Content is a string, or a list of parts of which those of type text count."""
    if isinstance(content, list):
        return "".join(part.text or "" for part in content)
    return content or ""
