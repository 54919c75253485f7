"""A reply that comes as server-sent events, whole: its pieces are joined, or what stopped it is said."""

import re
from typing import Any

import msgspec

from anjian.models.base import Reply
from anjian.models.http.wire.errors import error_in
from anjian.models.http.wire.filters import filters
from anjian.models.http.wire.loose import REASONING_FIELDS, Count, bad_reply, read_body, read_document, says_error
from anjian.models.http.wire.reading import decode_text, read_json

STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")
"""What a stream of events starts with, and JSON never does."""
DONE = "[DONE]"


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: Any = None
    tool_calls: Any = None
    thinking: Any = None
    reasoning_details: Any = None


class _Choice(msgspec.Struct):
    delta: _Delta
    finish_reason: str | None = None
    error: Any = None
    message: Any = None
    flag: Any = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None
    base_resp: Any = None


_decoder = msgspec.json.Decoder(list[_Chunk])
_ODD = (b"refusal", b"tool_calls", b"thinking", b"reasoning_details", b"error", b"message", b"flag", b"base_resp")
"""The fields above that plain streams leave empty."""


def read_stream(raw: bytes) -> Reply:
    """Joins the whole body of a stream into the reply.

    Raises:
        CallError: What the stream holds instead of a reply; `bad_reply` if it broke off.
    """
    return _read_plain(raw) or _read_any(raw)


def _read_plain(raw: bytes) -> Reply | None:
    """Streams of text and thinking that end well; None for all others."""
    pieces = [line[5:].strip() for line in raw.split(b"\n") if line.startswith(b"data:")]
    if pieces and pieces[-1] == b"[DONE]":
        pieces.pop()
    try:
        chunks = _decoder.decode(b"[" + b",".join(pieces) + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if any(name in raw for name in _ODD) and any(map(_is_odd, chunks)):
        return None
    text: list[str] = []
    thinking: list[str] = []
    finish, usage = "", _Usage()
    for chunk in chunks:
        if chunk.choices:
            choice = chunk.choices[0]
            delta = choice.delta
            if delta.content:
                text.append(delta.content)
            if thought := delta.reasoning_content or delta.reasoning:
                thinking.append(thought)
            finish = choice.finish_reason or finish
        elif chunk.usage is None:
            return None
        usage = chunk.usage or usage
    said = "".join(text)
    if finish not in ("stop", "length") or not said or filters().wrote(said):
        return None
    return Reply(said, "".join(thinking), finish, usage.prompt_tokens or 0, usage.completion_tokens or 0)


def _is_odd(chunk: _Chunk) -> bool:
    if chunk.error or chunk.base_resp:
        return True
    for choice in chunk.choices:
        delta = choice.delta
        if choice.error or choice.message or choice.flag:
            return True
        if delta.refusal or delta.tool_calls or delta.thinking or delta.reasoning_details:
            return True
    return False


def _read_any(raw: bytes) -> Reply:
    events, rest = _events(decode_text(raw))
    if not events:
        return read_body(rest.encode())
    ended = False
    whole: dict[str, Any] = {}
    choice: dict[str, Any] = {}
    message: dict[str, Any] = {"content": []}
    for data in events:
        if data.strip('"') == DONE:
            ended = True
            continue
        document = _document(data)
        if "choices" not in document and says_error(document):
            raise error_in(document)
        first = (document.get("choices") or [None])[0] if isinstance(document.get("choices"), list) else None
        whole.update({name: value for name, value in document.items() if name != "choices" and value is not None})
        if isinstance(first, dict):
            choice.update({name: value for name, value in first.items() if value})
            _add(message, first)
    ended = ended or bool(choice.get("finish_reason"))
    if choice:
        whole["choices"] = [{**choice, "message": message}]
    reply = read_document(whole, events[0][:120])
    if not ended:
        raise bad_reply(f"the stream broke off after {len(events)} events, without a finish_reason")
    return reply


def _document(data: str) -> dict[str, Any]:
    try:
        document = read_json(data)
    except ValueError:
        raise bad_reply(f"an event of the stream is no JSON: {data[:120]}") from None
    if not isinstance(document, dict):
        raise bad_reply(f"an event of the stream is no object: {data[:120]}")
    return document


def _add(message: dict[str, Any], choice: dict[str, Any]) -> None:
    """Adds a chunk's piece to the message; a whole `message` that repeats the pieces takes their place."""
    piece = choice.get("delta") or choice.get("message") or {"content": choice.get("text")}
    if not isinstance(piece, dict):
        piece = {"content": piece}
    so_far = message["content"]
    content = piece.get("content")
    if not choice.get("delta") and isinstance(content, str) and content.startswith(_joined(so_far)):
        so_far.clear()
    if content is not None:
        so_far.append(content)
    for name in (*REASONING_FIELDS, "refusal"):
        if piece.get(name):
            message.setdefault(name, []).append(piece[name])
    for name in ("tool_calls", "function_call"):
        if piece.get(name):
            message[name] = piece[name]


def _joined(content: list[Any]) -> str:
    return "".join(part for part in content if isinstance(part, str))


def _events(text: str) -> tuple[list[str], str]:
    """The data of each event, and what is no line of an event."""
    events: list[str] = []
    lines: list[str] = []
    rest: list[str] = []
    for line in [*re.split("\r\n|\n|\r", text), ""]:
        name, colon, value = line.partition(":")
        if name == "data" and colon:
            lines.append(value.removeprefix(" "))
            # Servers leave out the blank line between events: whatever is whole JSON is an event.
            if len(lines) == 1 and _is_whole(lines[0]):
                events.append(lines.pop())
        elif not line.strip():
            events += ["\n".join(lines)] if "".join(lines).strip() else []
            lines = []
        elif not colon or name not in ("event", "id", "retry", ""):
            rest.append(line)
    return [event.strip() for event in events], "\n".join(rest)


def _is_whole(data: str) -> bool:
    if data.strip().strip('"') == DONE:
        return True
    try:
        read_json(data)
    except ValueError:
        return False
    return True
