"""Bytes to text and text to values, whatever a server sent: never an error but ValueError."""

import json
from typing import Any

LONGEST_NUMBER = 300
"""Longer numbers are nothing that anybody counted."""


def decode_text(body: bytes) -> str:
    """Reads bytes as UTF-8, or as GB18030 where they are that; what is neither becomes U+FFFD."""
    text = body.decode("utf-8-sig", "replace")
    # Chinese in GB18030 is nearly all broken as UTF-8; a cut or damaged UTF-8 body is broken in a few places.
    broken = text.count("\ufffd")
    if broken and broken * 3 > sum(char > "\x7f" for char in text):
        try:
            return body.decode("gb18030")
        except UnicodeDecodeError:
            pass
    return text


def read_json(text: str) -> Any:
    """Reads JSON more leniently than the fast reader: lone surrogates, NaN and endless numbers are no error.

    Raises:
        ValueError: The text is no JSON, or nested too deep.
    """
    try:
        return json.loads(text, parse_int=_number, strict=False)
    except RecursionError:
        raise ValueError("nested too deep") from None


def clean(text: str) -> str:
    """Puts surrogate pairs together and replaces lone ones, so that the text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= LONGEST_NUMBER else 0
