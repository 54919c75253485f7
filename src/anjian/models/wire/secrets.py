"""Keys and passwords: found in whatever a server says, however they are written there."""

import base64
import re
from urllib.parse import quote

SHORTEST_SECRET = 6
"""Shorter keys are placeholders such as EMPTY, and would be struck out of innocent replies."""


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
