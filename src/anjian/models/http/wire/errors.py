"""What an error means: the reason that it stands for, and whether trying again may help."""

import re
from typing import Any

from anjian.models.base import CONTENT_FILTER, HTTP_ERROR, RATE_LIMIT, TOO_LONG, CallError
from anjian.models.http.wire.filters import filters
from anjian.models.http.wire.pauses import LONGEST_RETRY_AFTER as LONGEST_RETRY_AFTER
from anjian.models.http.wire.pauses import pause_of as pause_of
from anjian.models.http.wire.pauses import retry_after as retry_after
from anjian.models.http.wire.said import Said, said_in
from anjian.models.http.wire.words import words

FATAL_STATUS = {401, 402, 403, 404, 405}
RETRY_STATUS = {408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530}
NEVER_A_FILTER = {401, 402}
A_FILTER_BY_ITS_CODE = {404, 405, 407, 408, 429}
"""Here only codes count: pages that are not found and rates that are exceeded have much to say of policies."""
BUDGET = re.compile(r"max_(?:completion_|new_)?tokens|maximum context length", re.IGNORECASE)
"""What servers (vLLM, SGLang, OpenAI, DeepSeek) say of more `max_tokens` than they can give."""


def error_of(status: int, body: bytes) -> CallError:
    """Turns an HTTP error into the reason it stands for."""
    return _meaning(status, said_in(body), f"HTTP {status}")


def error_in(*parts: Any) -> CallError:
    """Turns an error that came with HTTP 200 into the reason it stands for.

    Its status is the one that it names, or the one that its words stand for: 402, 429, 401, 404, else 500.
    """
    said = Said(*parts)
    return _meaning(_status_of(said), said, "HTTP 200 with an error")


def is_spent(text: str) -> bool:
    """True if a rate limit's words speak of a quota, which may be for this minute or for good, and not of which."""
    return bool(words().spent(text) and not words().minute(text))


def is_passing(error: CallError) -> bool:
    """True if the same call may succeed when it is tried again."""
    if error.reason == HTTP_ERROR:
        return not error.fatal and error.status in RETRY_STATUS
    return not error.fatal and error.reason not in (CONTENT_FILTER, TOO_LONG)


def _status_of(said: Said) -> int:
    for code in said.codes:
        if re.fullmatch("[45][0-9][0-9]", code):
            return int(code)
    table = words()
    if _passes(said):
        return 429
    guesses = (
        (table.no_money, 402),
        (table.rates, 429),
        (table.no_entry, 401),
        (table.no_model, 404),
        (table.spent, 429),
    )
    return next((status for says, status in guesses if says(said.all)), 500)


def _meaning(status: int, said: Said, told: str) -> CallError:
    text, table = said.text, words()
    detail = f"{told}: {text}" if text else told
    if _is_filter(status, said):
        return CallError(CONTENT_FILTER, detail, status=status)
    if table.no_money(said.all) and not (status == 429 and _passes(said)):
        return CallError(HTTP_ERROR, detail, fatal=True, status=status)
    if status == 429 or (status in (400, 403, 500, 503) and table.rates(said.all)):
        return CallError(RATE_LIMIT, detail, status=status)
    if status in (400, 413, 422, 500) and table.too_long(said.all):
        return CallError(TOO_LONG, detail, status=status)
    hopeless = status == 400 and (table.no_entry(said.all) or table.no_model(said.all))
    fatal = status in FATAL_STATUS or 300 <= status < 400 or bool(hopeless)
    return CallError(HTTP_ERROR, detail, fatal=fatal, status=status)


def _passes(said: Said) -> bool:
    """True if a lack of money or quota, told as a limit of rates, is one of this moment."""
    table = words()
    return bool(table.no_money(said.all) and (table.minute(said.all) or table.soon(said.all)))


def _is_filter(status: int, said: Said) -> bool:
    table = filters()
    if status in NEVER_A_FILTER:
        return False
    if any(map(table.codes, said.codes)):
        return True
    if status in A_FILTER_BY_ITS_CODE:
        return False
    if said.flagged or table.words(said.words):
        return True
    if status == 451:
        return not words().place(said.words)
    return said.of_content and table.hints_at(said.words)
