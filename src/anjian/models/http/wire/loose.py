"""The reply in whatever servers call a chat completion; for what the fast readers refuse."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from anjian.models.base import BAD_REPLY, CONTENT_FILTER, CallError, Reply
from anjian.models.http.wire.errors import error_in
from anjian.models.http.wire.filters import filters
from anjian.models.http.wire.reading import clean, decode_text, read_json
from anjian.models.http.wire.said import Said
from anjian.text import one_line

FAILED = {
    "error", "network_error", "upstream_error", "server_error", "internal_error", "insufficient_system_resource",
    "abort", "aborted", "cancelled", "canceled", "timeout", "failed",
}  # fmt: skip
"""Finish reasons of replies that broke off on the server's side: whatever text there is, it is no reply."""
REASONING_FIELDS = (
    "reasoning_content", "reasoning", "thinking", "thought", "thoughts", "thinking_content", "reasoning_text",
    "reasoning_details", "reasoningContent", "reasoningText", "thinking_blocks",
)  # fmt: skip
"""Where servers put the thinking; the first that says something counts, for several may say the same."""
_TEXT_FIELDS = ("text", "content", "output_text", "parts", "value", "summary", "refusal", "answer", "response")
_THINKS = re.compile(r"think|reason|thought|analysis|monologue|\bcot\b|chain_of", re.IGNORECASE)
"""Types, channels and roles of parts that are thinking."""
_THINKING_FLAGS = ("thought", "thinking", "is_thinking", "is_thought", "is_reasoning", "reasoning")
ENVELOPES = ("data", "result", "response", "output", "body")
_SAYS_ERROR = ("code", "message", "msg", "error_code", "error_msg", "errorMessage", "detail")
_NO_ERROR = (None, "", 0, "0", 200, "200", "success", "Success", "ok", "OK", "SUCCESS", False)
_NOT_SAFE = (2, 3, 4)
"""Qianfan's `flag` of a choice whose text must not be gone on with, or not be shown."""
MAY_BE_PARTS = re.compile(
    r"""\s*\[\s*\{[^\[\]{}]{0,80}?"type"\s*:\s*"(?:text|output_text|thinking|reasoning|redacted_thinking)\""""
)
"""How parts start that stand in a text."""
_DEEPEST = 20
_MOST_TOKENS = 10**12
Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST_TOKENS)]


def bad_reply(why: str) -> CallError:
    """The error for a body that is no reply."""
    return CallError(BAD_REPLY, one_line(clean(why)))


def read_body(body: bytes) -> Reply:
    """Reads a body that the fast reader refused.

    Raises:
        CallError: What it holds instead of a reply.
    """
    text = decode_text(body)
    start = text[:120].strip() or "an empty body"
    try:
        return read_document(read_json(text), start)
    except ValueError:
        raise bad_reply(f"not a chat completion: {start}") from None


def read_document(document: Any, start: str, depth: int = 0) -> Reply:
    """Reads the reply out of decoded JSON that starts so, or raises CallError, or ValueError for JSON in JSON."""
    if isinstance(document, str) and document.lstrip()[:1] == "{" and not depth:
        return read_document(read_json(document), start, 1)
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict):
        raise bad_reply(f"not a chat completion: {start}")
    if _is_error(document.get("error")):
        raise error_in({"error": document["error"]})
    if _is_error(_field(document.get("base_resp"), "status_code")):
        raise error_in(document["base_resp"])
    choices = document.get("choices")
    if isinstance(choices, list) and choices and all(isinstance(choice, dict) for choice in choices):
        return _read_choice(min(choices, key=index_of), document, start)
    for name in ENVELOPES:
        inner = document.get(name)
        if isinstance(inner, dict) and ("choices" in inner or "error" in inner) and depth < 3:
            return read_document(inner, start, depth + 1)
    raise _without_choice(document, start)


def index_of(choice: dict[str, Any]) -> int:
    """The number of a choice among those of one reply, of which the first counts."""
    index = choice.get("index")
    return index if isinstance(index, int) else 0


def _without_choice(document: dict[str, Any], start: str) -> CallError:
    gemini = _field(document.get("promptFeedback"), "blockReason") or _field(
        _first(document.get("candidates")), "finishReason"
    )
    if gemini and gemini not in ("STOP", "MAX_TOKENS"):
        return CallError(CONTENT_FILTER, one_line(f"HTTP 200 with a block instead of a reply: {gemini}"), status=200)
    if says_error(document) or any(map(filters().codes, Said(document).codes)):
        return error_in(document)
    return bad_reply(f"not a chat completion: {start}")


def says_error(document: dict[str, Any]) -> bool:
    """True if fields beside the choices say that something failed."""
    return any(document.get(name) not in _NO_ERROR for name in _SAYS_ERROR)


def _read_choice(choice: dict[str, Any], document: dict[str, Any], start: str) -> Reply:
    finish = choice.get("finish_reason") or choice.get("finishReason") or ""
    if not isinstance(finish, str):
        raise bad_reply(f"finish_reason is no text: {start}")
    message = next((choice[name] for name in ("message", "delta", "text") if choice.get(name) is not None), None)
    if _is_error(choice.get("error")) or finish.lower() in FAILED:
        raise error_in(choice.get("error") or f"finish_reason {finish}")
    if not isinstance(message, dict):
        message = {"content": message}
        if message["content"] is None and not finish:
            raise bad_reply(f"a choice without a message: {start}")
    beside = {name: choice[name] for name in REASONING_FIELDS if choice.get(name)}
    text, reasoning = _parts(
        {**beside, **{name: value for name, value in message.items() if value or name not in beside}}
    )
    _see_filter(choice, document, finish, text)
    usage = document.get("usage")
    tools = message.get("tool_calls") or message.get("function_call")
    return Reply(
        text=text,
        reasoning=reasoning,
        finish_reason=clean("tool_calls" if tools and not text and finish in ("", "stop") else finish or "stop"),
        prompt_tokens=_count(usage, "prompt_tokens", "input_tokens"),
        completion_tokens=_count(usage, "completion_tokens", "output_tokens"),
    )


def _see_filter(choice: dict[str, Any], document: dict[str, Any], finish: str, text: str) -> None:
    """Raises `content_filter` for what a filter stopped or wrote."""
    reasons = [reason for reason in (finish, choice.get("native_finish_reason")) if isinstance(reason, str)]
    table = filters()
    if any(map(table.stops, reasons)):
        why = f"finish_reason {', '.join(reasons)}"
    elif document.get("need_clear_history") is True or choice.get("flag") in _NOT_SAFE:
        why = "the reply is marked as unsafe"
    elif table.wrote(text):
        why = "what stands in the model's place is the filter's"
    elif not text.strip() and (finish == "refusal" or Said({**document, "choice": choice}).flagged):
        # Classifiers beside the model stop so; a model's own refusal has words.
        why = "an empty reply, marked as refused"
    else:
        return
    raise CallError(CONTENT_FILTER, one_line(clean(f"HTTP 200, {why}: {text}".rstrip(": "))), status=200)


def _parts(message: dict[str, Any]) -> tuple[str, str]:
    """Text and thinking of a message."""
    texts: list[str] = []
    inline: list[str] = []
    _take(_in_text(message.get("content")), texts, inline)
    if not "".join(texts).strip():
        _take(message.get("refusal"), texts, inline)
    for name in REASONING_FIELDS:
        thoughts: list[str] = []
        if not isinstance(message.get(name), bool):
            _take(message.get(name), thoughts, thoughts)
        if thinking := clean("".join(thoughts)).strip():
            return clean("".join(texts)), thinking
    return clean("".join(texts)), clean("".join(inline))


def _in_text(content: Any) -> Any:
    """Parts that were put into the content as JSON; any other content as it is."""
    if isinstance(content, str) and MAY_BE_PARTS.match(content):
        try:
            parts = read_json(content)
        except ValueError:
            return content
        if isinstance(parts, list) and all(isinstance(part, dict) and "type" in part for part in parts):
            return parts
    return content


def _take(content: Any, texts: list[str], thoughts: list[str], depth: int = 0) -> None:
    """Sorts a string, a part or a list of parts into text and thinking."""
    if content is None:
        return
    if isinstance(content, str):
        texts.append(content)
    elif isinstance(content, list) and depth < _DEEPEST:
        for part in content:
            _take(part, texts, thoughts, depth + 1)
    elif isinstance(content, dict) and depth < _DEEPEST:
        thinks = any(_THINKS.search(str(content.get(name, ""))) for name in ("type", "channel", "role"))
        thinks = thinks or any(content.get(flag) is True for flag in _THINKING_FLAGS)
        for name in REASONING_FIELDS:
            if not isinstance(content.get(name), bool):
                _take(content.get(name), thoughts, thoughts, depth + 1)
        for name in _TEXT_FIELDS:
            _take(content.get(name), thoughts if thinks else texts, thoughts, depth + 1)
    else:
        raise bad_reply(f"content that is no text but {type(content).__name__}")


def _is_error(error: Any) -> bool:
    if isinstance(error, dict):
        return any(value not in _NO_ERROR for value in error.values())
    return error not in _NO_ERROR and bool(error)


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, Sequence) and value else None


def _count(usage: Any, *names: str) -> int:
    for name in names:
        try:
            count = int(_field(usage, name))
        except (TypeError, ValueError, OverflowError):
            continue
        if 0 <= count <= _MOST_TOKENS:
            return count
    return 0
