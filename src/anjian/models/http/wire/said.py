"""What an error says, wherever in a body it stands: its codes, its words, and marks that content was flagged."""

import html
import re
from typing import Any

from anjian.models.http.wire.reading import clean, decode_text, read_json
from anjian.models.http.wire.words import words
from anjian.text import one_line

_CODES = {
    "code", "type", "reason", "status", "status_code", "statuscode", "error_code", "errorcode", "err_code", "errcode",
    "error_type", "http_code", "http_status", "block_reason", "blockreason", "ret", "category",
}  # fmt: skip
_ECHOES = {
    "input", "prompt", "messages", "body", "request", "flagged_input", "loc", "ctx", "url", "documentation_url",
    "id", "request_id", "requestid", "log_id", "logid", "sid", "trace_id", "object", "created", "model", "model_slug",
    "timestamp", "usage", "role", "choices", "headers", "help", "doc_url", "user_id", "@type", "domain",
}  # fmt: skip
"""Fields that repeat the request, or name it: they say nothing of the error."""
_FLAGS = {"filtered", "flagged", "sensitive", "input_sensitive", "output_sensitive", "need_clear_history", "blocked"}
_FLAG_LISTS = {"contentfilter", "content_filter"}
_ECHO_IN_WORDS = re.compile(r"""["']?\binput(?:_value)?["']?\s*[:=].*""", re.DOTALL)
_CODE_IN_WORDS = re.compile(r"""["'](?:code|type|reason)["']\s*:\s*["']?([\w.-]{2,60})""")
_PAGE = re.compile(r"<!doctype|<html|<body|<head|<title", re.IGNORECASE)
_MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_DEEPEST = 12
_LONGEST = 5000


class Said:
    """What an error says.

    Attributes:
        codes: Codes, types and reasons.
        flagged: True if a field says that content was flagged.
        of_content: False for a firewall's page that does not speak of content at all.
    """

    def __init__(self, *parts: Any) -> None:
        """Takes in all parts of a body that may say something."""
        self.codes: list[str] = []
        self._words: list[str] = []
        self.flagged = False
        self.of_content = True
        for part in parts:
            self._hear(part, "", 0)

    @property
    def text(self) -> str:
        """Codes and words on one line, each once, for people."""
        return one_line(clean(" ".join(dict.fromkeys([*self.codes, *self._words]))))

    @property
    def words(self) -> str:
        """The words without what they repeat of the request."""
        return _ECHO_IN_WORDS.sub("", "\n".join(self._words))[:_LONGEST]

    @property
    def all(self) -> str:
        """Codes and words together."""
        return "\n".join([*self.codes, self.words])

    def _hear(self, value: Any, key: str, depth: int) -> None:
        if isinstance(value, dict) and depth < _DEEPEST:
            for name, inner in value.items():
                self._hear_field(name.lower(), inner, depth)
        elif isinstance(value, list) and depth < _DEEPEST:
            for inner in value[:20]:
                self._hear(inner, key, depth + 1)
        elif isinstance(value, str):
            self._hear_text(value.strip(), key, depth)
        elif key in _CODES and isinstance(value, int) and not isinstance(value, bool) and value:
            self.codes.append(str(value))

    def _hear_field(self, name: str, value: Any, depth: int) -> None:
        says_so = (name in _FLAGS and value is True) or (name in _FLAG_LISTS and isinstance(value, list) and value)
        if says_so or name == "flagged_input":
            self.flagged = True
        elif name not in _ECHOES:
            self._hear(value, name, depth + 1)

    def _hear_text(self, text: str, key: str, depth: int) -> None:
        if key in _CODES and text and len(text) <= 80:
            self.codes.append(text)
        elif text and not self._hear_json(text, key, depth):
            self.codes += _CODE_IN_WORDS.findall(text[:_LONGEST])
            self._words.append(text[:_LONGEST])

    def _hear_json(self, text: str, key: str, depth: int) -> bool:
        """Relays put the bodies of others into their own as text."""
        if text[0] not in "{[" or depth >= _DEEPEST:
            return False
        try:
            self._hear(read_json(text), key, depth + 1)
        except ValueError:
            return False
        return True


def said_in(body: bytes) -> Said:
    """Reads the body of an error: JSON, a page, or plain words."""
    text = decode_text(body[:200_000])
    try:
        return Said(read_json(text))
    except ValueError:
        seen = html.unescape(_MARKUP.sub(" ", text[:20_000]))
        said = Said(seen)
        said.of_content = not _PAGE.search(text[:2000]) or bool(words().content(seen))
        return said
