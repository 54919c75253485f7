"""A reply that comes as server-sent events, whole: its pieces are joined, or what stopped it is said."""

import itertools
import re
from typing import Any

import msgspec

from anjian.models.base import Reply
from anjian.models.http.wire.errors import error_in
from anjian.models.http.wire.filters import filters
from anjian.models.http.wire.loose import (
    ENVELOPES,
    REASONING_FIELDS,
    Count,
    bad_reply,
    index_of,
    read_body,
    read_document,
    says_error,
)
from anjian.models.http.wire.reading import decode_text, read_json

STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")
"""What a stream of events starts with, and JSON never does."""
_BOM = b"\xef\xbb\xbf"
_LINES = re.compile(rb"\s*\{[^\n]*\}\s*\n\s*\{")
"""How a body starts that is one JSON object on each line."""
_DONE = re.compile(r"""["\[]*done["\]]*""", re.IGNORECASE)
_IDLE = re.compile(r"ping|pong|heart[-_ ]?beat|keep[-_ ]?alive|connected|started?|processing|open|ok", re.IGNORECASE)
"""Events that only keep the connection open."""
_STEPS = 3
"""So many pieces that each start with all that came before are no chance."""


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
    index: int | None = None


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


def is_stream(body: bytes) -> bool:
    """True if a body is made of events, or of a JSON object on each line."""
    return body.removeprefix(_BOM).lstrip().startswith(STARTS) or bool(_LINES.match(body.removeprefix(_BOM)))


def read_stream(raw: bytes) -> Reply:
    """Joins the whole body of a stream into the reply.

    Raises:
        CallError: What the stream holds instead of a reply; `bad_reply` if it broke off.
    """
    raw = raw.removeprefix(_BOM)
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
        if len(chunk.choices) == 1 and not chunk.choices[0].index:
            choice = chunk.choices[0]
            delta = choice.delta
            if delta.content:
                text.append(delta.content)
            if thought := delta.reasoning_content or delta.reasoning:
                thinking.append(thought)
            finish = choice.finish_reason or finish
        elif chunk.choices or chunk.usage is None:
            return None
        usage = chunk.usage or usage
    said = "".join(_uttered(text))
    if finish not in ("stop", "length") or not said or filters().wrote(said):
        return None
    return Reply(said, "".join(_uttered(thinking)), finish, usage.prompt_tokens or 0, usage.completion_tokens or 0)


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


def _uttered(pieces: list[Any]) -> list[Any]:
    """The pieces of a stream; the last alone where each says again all that came before."""
    said = [piece for piece in pieces if piece]
    if len(said) <= _STEPS or not all(isinstance(piece, str) for piece in said) or not said[-1].startswith(said[0]):
        return said
    steps = [later for before, later in itertools.pairwise(said) if later.startswith(before)]
    return said[-1:] if len(steps) == len(said) - 1 and len(set(said)) > _STEPS else said


def _read_any(raw: bytes) -> Reply:
    text = decode_text(raw)
    events, rest = _events(text)
    if not events or (len(events) == 1 and text.lstrip().startswith("{")):
        return read_body(rest.encode() if rest else raw)
    ended = any(map(_DONE.fullmatch, events))
    documents = [document for event in events if (document := _document(event)) is not None]
    choices = [choice for document in documents for choice in _choices(document)]
    lowest = min((index_of(choice) for choice in choices), default=0)
    whole: dict[str, Any] = {}
    choice: dict[str, Any] = {}
    message: dict[str, Any] = {"content": []}
    for document in documents:
        if "choices" not in document and says_error(document):
            raise error_in(document)
        whole.update({name: value for name, value in document.items() if name != "choices" and value is not None})
    for piece in choices:
        if index_of(piece) == lowest:
            choice.update({name: value for name, value in piece.items() if value and value != "null"})
            _add(message, piece)
    message = {name: _uttered(pieces) if isinstance(pieces, list) else pieces for name, pieces in message.items()}
    ended = ended or bool(choice.get("finish_reason"))
    if choice:
        whole["choices"] = [{**choice, "message": message}]
    reply = read_document(whole, events[0][:120])
    if not ended:
        raise bad_reply(f"the stream broke off after {len(events)} events, without a finish_reason")
    return reply


def _document(event: str) -> dict[str, Any] | None:
    """What an event says, out of its envelope; None if it says nothing."""
    if _DONE.fullmatch(event) or _IDLE.fullmatch(event):
        return None
    try:
        document = read_json(event)
        if isinstance(document, str):
            document = read_json(document) if document.lstrip().startswith("{") else None
    except ValueError:
        raise bad_reply(f"an event of the stream is no JSON: {event[:120]}") from None
    if document is None:
        return None
    if not isinstance(document, dict):
        raise bad_reply(f"an event of the stream is no object: {event[:120]}")
    if "choices" not in document:
        for name in ENVELOPES:
            inner = document.get(name)
            if isinstance(inner, dict) and ("choices" in inner or inner.get("error")):
                return {**{key: value for key, value in document.items() if key != name}, **inner}
    return document


def _choices(document: dict[str, Any]) -> list[dict[str, Any]]:
    choices = document.get("choices")
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


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
        if not lines and line.lstrip().startswith("{") and _is_whole(line):
            events.append(line)
        elif name == "data" and colon:
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
    if _DONE.fullmatch(data.strip()):
        return True
    try:
        read_json(data)
    except ValueError:
        return False
    return True
