"""How long a server wants to be left alone: named in a header, or in the words of its error."""

import email.utils
import time
from collections.abc import Mapping
from datetime import datetime

from anjian.models.http.wire.reading import decode_text
from anjian.models.http.wire.words import words

LONGEST_RETRY_AFTER = 600.0


def pause_of(headers: Mapping[str, str], body: bytes) -> float | None:
    """Seconds that a refused call should wait, up to LONGEST_RETRY_AFTER; None if the server does not say.

    Read are `retry-after-ms`, `Retry-After`, the resets of rate limits that are used up, and words such as "try again
    in 20ms".
    """
    named = {name.lower(): value for name, value in headers.items()}
    if (pause := _number(named.get("retry-after-ms", ""), 0.001)) is not None:
        return pause
    if (pause := retry_after(named.get("retry-after", ""))) is not None:
        return pause
    resets = [_reset(value) for name, value in named.items() if _is_used_up(name, named)]
    if known := [pause for pause in resets if pause is not None]:
        return max(known)
    asked = words().wait.search(decode_text(body[:4000]))
    return _duration(asked["time"]) if asked else None


def retry_after(value: str) -> float | None:
    """Seconds named by Retry-After, a number or a date, up to LONGEST_RETRY_AFTER; None if it is neither."""
    if (pause := _number(value)) is not None:
        return pause
    try:
        return _until(email.utils.parsedate_to_datetime(value).timestamp())
    except (ValueError, OverflowError):
        return None


def _is_used_up(name: str, headers: Mapping[str, str]) -> bool:
    """True for the reset of a limit of which nothing is left, or of which nothing else is known."""
    if "ratelimit" not in name or "reset" not in name:
        return False
    return headers.get(name.replace("reset", "remaining"), "0").strip() in ("0", "0.0")


def _reset(value: str) -> float | None:
    """A reset is a number of seconds, a length of time such as 6m0s, or a moment in seconds, milliseconds or ISO."""
    try:
        number = float(value)
    except ValueError:
        if (pause := _duration(value)) is not None:
            return pause
        try:
            return _until(datetime.fromisoformat(value).timestamp())
        except (ValueError, OverflowError):
            return None
    if number > 1e11:
        return _until(number / 1000)
    return _until(number) if number > 1e9 else _sane(number)


def _duration(text: str) -> float | None:
    """Seconds of 1m30.5s or 20ms; None if the text is no length of time."""
    parts = words().duration.findall(text)
    if not parts or words().duration.sub("", text).strip():
        return None
    return _sane(sum(float(number) * words().units[unit.lower()] for number, unit in parts))


def _until(moment: float) -> float | None:
    return _sane(max(0.0, moment - time.time()))


def _number(value: str, unit: float = 1.0) -> float | None:
    try:
        return _sane(float(value) * unit)
    except ValueError:
        return None


def _sane(seconds: float) -> float | None:
    """Neither NaN nor infinity nor what is below 0, and no more than the limit."""
    return min(seconds, LONGEST_RETRY_AFTER) if 0 <= seconds < float("inf") else None
