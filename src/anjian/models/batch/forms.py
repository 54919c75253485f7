"""What is sent and what comes back: the lines of a batch, the batch itself, the lines of its results.

{"custom_id": "…", "method": "POST", "url": "/v1/chat/completions", "body": {…}}                      sent
{"custom_id": "…", "response": {"status_code": 200, "body": {…}}, "error": null}                      answered
{"custom_id": "…", "response": null, "error": {"code": "batch_expired", "message": "…"}}              not asked
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from anjian.models.base import BAD_REPLY, CallError, Reply
from anjian.models.http.wire.errors import error_of
from anjian.models.http.wire.reply import decode_body
from anjian.text import one_line

TEST_MODEL, TEST_ENDPOINT = "batch-test-model", "/v1/chat/ds-test"
"""DashScope's model for trying batches out, which costs nothing, has an endpoint of its own."""
ENDED = {"completed", "succeeded", "failed", "expired", "cancelled", "canceled"}
PASSING = re.compile(
    r"expired|cancel|time.?out|internal|server|unavailable|interrupt|throttl|rate.?limit", re.IGNORECASE
)
"""Codes of calls that were not asked, or not to their end: they may be asked again."""


class Job(msgspec.Struct, frozen=True):
    """A batch as the server tells of it.

    Attributes:
        id: What the server calls it.
        status: In small letters: `validating`, `in_progress`, `completed` …; see `ENDED`.
        input: The file that was sent.
        files: The files that hold results, or their addresses: replies, then errors.
        done: Calls that are done, failed ones included.
        total: All calls; 0 while the server does not say.
        words: Why it failed, in the server's words.
        bad_lines: Lines that the server finds fault with, from 1.
    """

    id: str
    status: str
    input: str
    files: tuple[str, ...] = ()
    done: int = 0
    total: int = 0
    words: str = ""
    bad_lines: tuple[int, ...] = ()

    @property
    def ended(self) -> bool:
        """True if nothing more will come."""
        return self.status in ENDED


class Line(msgspec.Struct, frozen=True):
    """One line of the results: whose it is, the HTTP status of the call, and its body."""

    call: str
    status: int
    body: bytes


class _Response(msgspec.Struct):
    status_code: int | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")


_lines = msgspec.json.Decoder(_Line, strict=False)


def endpoint_of(model: str, base_path: str) -> str:
    """What the lines and the batch name as their endpoint: the version that the base URL ends with decides.

    >>> endpoint_of("qwen-plus", "/compatible-mode/v1"), endpoint_of("glm-4-plus", "/api/paas/v4")
    ('/v1/chat/completions', '/v4/chat/completions')
    """
    version = re.search(r"/(v\d+)/?$", base_path)
    return TEST_ENDPOINT if model == TEST_MODEL else f"/{version[1] if version else 'v1'}/chat/completions"


def line_of(call: str, endpoint: str, body: bytes) -> bytes:
    """One line to be sent."""
    return (
        msgspec.json.encode({"custom_id": call, "method": "POST", "url": endpoint, "body": msgspec.Raw(body)}) + b"\n"
    )


def decode_object(body: bytes) -> dict[str, Any]:
    """The file or batch in a body; some servers wrap it (`data`, `job`).

    Raises:
        CallError: There is none; the reason is `bad_reply`.
    """
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = None
    for inner in ("data", "job"):
        if isinstance(told, dict) and "id" not in told:
            told = told.get(inner, told)
    if not isinstance(told, dict) or not isinstance(told.get("id"), str) or not told["id"]:
        start = one_line(body[:120].decode("utf-8", "replace"))
        raise CallError(BAD_REPLY, f"neither a file nor a batch: {start or 'an empty body'}")
    return told


def job_of(told: dict[str, Any]) -> Job:
    """Reads a batch."""
    counts = told.get("request_counts")
    named = counts.items() if isinstance(counts, dict) else ()
    numbers = {name: count for name, count in named if isinstance(count, int)}
    faults = _faults(told.get("errors"))
    return Job(
        id=str(told["id"]),
        status=str(told.get("status") or "").lower(),
        input=str(told.get("input_file_id") or ""),
        files=tuple(str(told[name]) for name in ("output_file_id", "error_file_id") if told.get(name)),
        done=numbers.get("completed", 0) + numbers.get("failed", 0),
        total=numbers.get("total", 0),
        words=one_line("; ".join(dict.fromkeys(filter(None, map(_words, faults))))),
        bad_lines=tuple(
            sorted({one["line"] for one in faults if isinstance(one, dict) and isinstance(one.get("line"), int)})
        ),
    )


def jobs_of(body: bytes) -> list[Job]:
    """Reads a list of batches; what is none is left out."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    listed = told.get("data") if isinstance(told, dict) else told
    found = listed if isinstance(listed, list) else []
    return [job_of(one) for one in found if isinstance(one, dict) and isinstance(one.get("id"), str)]


def lines_of(content: bytes) -> Iterator[Line]:
    """Reads a file of results; a line that cannot be read is left out, and its call counts as not answered."""
    for raw in content.split(b"\n"):
        try:
            line = _lines.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        response = line.response or _Response()
        body, error = bytes(response.body), bytes(line.error)
        if body not in (b"null", b'""', b"{}"):
            yield Line(line.custom_id, response.status_code or 200, body)
        else:
            yield Line(line.custom_id, response.status_code or _status_of(error), b'{"error": ' + error + b"}")


def outcome_of(line: Line) -> Reply | CallError:
    """What came of one call: its reply, or why there is none."""
    if line.status != 200:
        return error_of(line.status, line.body)
    try:
        return decode_body(line.body)
    except CallError as error:
        return error


def _status_of(error: bytes) -> int:
    """The HTTP status that the error of a line without a response stands for."""
    return 503 if error == b"null" or PASSING.search(error.decode("utf-8", "replace")) else 400


def _faults(errors: Any) -> list[Any]:
    """The faults of a batch: a list, a table with a list as `data`, one table, or a text."""
    if isinstance(errors, dict):
        errors = errors.get("data", [errors])
    return errors if isinstance(errors, list) else [errors] if errors else []


def _words(fault: Any) -> str:
    if not isinstance(fault, dict):
        return str(fault)
    line = f"line {fault['line']}:" if fault.get("line") else ""
    return " ".join(str(part) for part in (line, fault.get("code"), fault.get("message")) if part)
