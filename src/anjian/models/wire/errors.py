"""What an error means: the reason that it stands for, and whether trying again may help."""

import email.utils
import re
import time

import msgspec

from anjian.models.base import CONTENT_FILTER, HTTP_ERROR, RATE_LIMIT, TOO_LONG, CallError
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
