"""Keys and passwords: found in whatever a server says, however they are written there."""

import base64
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, unquote

SHORTEST_SECRET = 6
"""Shorter keys are placeholders such as EMPTY, and would be struck out of innocent replies."""
SHORTEST_VALUE = 8
"""Shorter headers that do not look secret are names of teams and the like."""
PLAIN_QUERY = {"api-version", "api_version", "version", "deployment", "region", "model"}
LONG_VALUE = 12
SECRET_NAME = re.compile(r"auth|key|token|secret|cookie|passw|pwd|credential|session|^sig|signature", re.IGNORECASE)
PLAIN_HEADERS = {"accept", "accept-encoding", "accept-language", "connection", "content-type", "user-agent"}


def pattern_of(secrets: Iterable[str]) -> re.Pattern[bytes] | None:
    """Finds secrets in raw bodies: as they are, escaped in JSON, HTML or a URL, in base64 alone or after a user's name.

    Returns:
        None where there is nothing to hide.
    """
    found = sorted({one for one in secrets if len(one) >= SHORTEST_SECRET}, key=len, reverse=True)
    forms = [form for one in found for form in (one, one.upper(), one.encode().hex(), *_in_base64(one))]
    return re.compile("|".join("".join(map(_spellings, form)) for form in forms).encode()) if forms else None


def in_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """What of a user's headers must not be seen: values that are long or whose name looks secret, and their words."""
    for name, value in headers.items():
        if name.lower() not in PLAIN_HEADERS:
            shortest = SHORTEST_SECRET if SECRET_NAME.search(name) else SHORTEST_VALUE
            yield from (part for part in (value, *value.split()) if len(part) >= shortest)


def in_query(query: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Values of a query that are secret by their name, or long and nothing that is known."""
    for name, value in query:
        known = name.lower() in PLAIN_QUERY or len(value) < LONG_VALUE
        if SECRET_NAME.search(name) or not known:
            yield value


def in_proxy(proxy: str) -> Iterator[str]:
    """The password in a proxy's address, and what its header makes of it."""
    user, colon, password = proxy.rpartition("@")[0].rpartition("://")[2].partition(":")
    if colon:
        yield from (password, unquote(password), f"{unquote(user)}:{unquote(password)}")


def _in_base64(secret: str) -> Iterator[str]:
    for before in range(3):
        # Where the secret starts within three bytes; characters that hold bits of its neighbours are left out.
        padded = bytes(before) + secret.encode()
        yield base64.b64encode(padded).decode()[(before * 8 + 5) // 6 : len(padded) * 8 // 6]


def _spellings(char: str) -> str:
    if char.isascii() and char.isalnum():
        return rf"(?:{char}|(?i:%{ord(char):02x}|&#{ord(char)};|&#x{ord(char):x};|\\u{ord(char):04x}))"
    named = rf"|{re.escape(html.escape(char))}" if html.escape(char) != char else ""
    return rf"(?i:\\?{re.escape(char)}|\\u{ord(char):04x}|{re.escape(quote(char, safe=''))}{named})"
