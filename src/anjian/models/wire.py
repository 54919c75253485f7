"""The chat-completion API on the wire: what is sent, what comes back, and what its errors mean."""

import base64
import email.utils
import re
import time
from typing import Any
from urllib.parse import quote

import msgspec

from anjian.models.base import (
    BAD_REPLY,
    CONTENT_FILTER,
    HTTP_ERROR,
    RATE_LIMIT,
    TOO_LONG,
    CallError,
    Reply,
    Request,
)
from anjian.text import one_line

FATAL_STATUS = {401, 402, 403, 404, 405}
RETRY_STATUS = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
FILTER_CODES = re.compile(
    r"content[_ ]?filter|data[_ ]?inspection|content[_ ]policy|sensitive|敏感|违规|\b1301\b", re.IGNORECASE
)
LENGTH_CODES = re.compile(r"context[_ ]length|maximum context|too long|max_model_len|上下文长度", re.IGNORECASE)
BUDGET = re.compile(r"max_(?:completion_|new_)?tokens|maximum context length", re.IGNORECASE)
"""What servers (vLLM, SGLang, OpenAI, DeepSeek) say of more `max_tokens` than they can give."""
SPENT_CODES = re.compile(r"insufficient[_ ]?(quota|balance)|arrearage|欠费|余额", re.IGNORECASE)


LONGEST_RETRY_AFTER = 600.0
SHORTEST_SECRET = 6
"""Shorter keys are placeholders such as EMPTY, and would be struck out of innocent replies."""


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


def encode_body(model: str, request: Request, with_schema: bool) -> bytes:
    """Writes the JSON body of a chat-completion call; settings that are None are left to the server."""
    body: dict[str, Any] = {"model": model, "messages": request.messages}
    for name in ("temperature", "top_p", "max_tokens", "seed"):
        value = getattr(request.sampling, name)
        if value is not None:
            body[name] = value + request.epoch if name == "seed" else value
    if request.sampling.budget is not None:
        body.setdefault("max_tokens", request.sampling.budget)
    if request.schema and with_schema:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": request.schema},
        }
    return msgspec.json.encode(body)


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


def error_of(status: int, body: bytes) -> CallError:
    """Turns an HTTP error into the reason it stands for."""
    text = _error_text(body)
    detail = f"HTTP {status}: {text}" if text else f"HTTP {status}"
    if status in (400, 403, 422, 451) and FILTER_CODES.search(text):
        return CallError(CONTENT_FILTER, detail)
    if status in (400, 413, 422) and LENGTH_CODES.search(text):
        return CallError(TOO_LONG, detail)
    if status == 429:
        return CallError(RATE_LIMIT, detail, fatal=bool(SPENT_CODES.search(text)))
    return CallError(HTTP_ERROR, detail, fatal=status in FATAL_STATUS or 300 <= status < 400)


def _error_text(body: bytes) -> str:
    try:
        error = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return one_line(re.sub(r"<[^>]*>", " ", body[:2000].decode("utf-8", "replace")))
    if isinstance(error, dict):
        error = error.get("error", error)
    if isinstance(error, dict):
        error = " ".join(str(error[key]) for key in ("code", "type", "message") if error.get(key))
    return one_line(str(error))


def retry_after(value: str) -> float | None:
    """Seconds named by Retry-After, a number or a date, up to LONGEST_RETRY_AFTER; None if it is neither."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
        except (ValueError, OverflowError):
            return None
    # Neither NaN nor infinity nor what is below 0.
    return min(seconds, LONGEST_RETRY_AFTER) if 0 <= seconds < float("inf") else None


def key_pattern(key: str) -> re.Pattern[bytes] | None:
    """Finds a key in raw bodies: as it is, escaped in JSON or a URL, in base64 alone or after a user's name."""
    if len(key) < SHORTEST_SECRET:
        return None
    forms = [key]
    for before in range(3):
        # Where the key starts within three bytes; characters that hold bits of its neighbours are left out.
        padded = bytes(before) + key.encode()
        forms.append(base64.b64encode(padded).decode()[(before * 8 + 5) // 6 : len(padded) * 8 // 6])
    return re.compile("|".join("".join(map(_spellings, form)) for form in forms).encode())


def _spellings(char: str) -> str:
    if char.isascii() and char.isalnum():
        return char
    return rf"(?i:\\?{re.escape(char)}|\\u{ord(char):04x}|{re.escape(quote(char, safe=''))})"
