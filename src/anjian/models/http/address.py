"""Where a server's chat completions are, from whatever of its address a user gives."""

import re

from yarl import URL

from anjian.errors import UsageError

CHAT = "/chat/completions"
AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
_VERSION = re.compile(r"/v\d+\w*(?:/|$)|/deployments/", re.IGNORECASE)
_OF_A_MODEL = re.compile(rb"model|deployment|\\u6a21\\u578b|" + "模型".encode(), re.IGNORECASE)


def chat_url(base: str) -> URL:
    """The URL of chat completions: a base URL with or without that path, slashes at its end, or a query, which stays.

    Raises:
        UsageError: It is no URL.

    Example:
    >>> str(chat_url("https://x.openai.azure.com/openai/deployments/y/?api-version=1"))
    'https://x.openai.azure.com/openai/deployments/y/chat/completions?api-version=1'
    """
    try:
        url = URL(base)
    except ValueError:
        raise UsageError(f"{base.partition('?')[0]} is not a URL such as http://127.0.0.1:8000/v1") from None
    path = url.raw_path.rstrip("/").removesuffix("/completions").rstrip("/").removesuffix("/chat").rstrip("/")
    return url.with_path(path + CHAT, encoded=True, keep_query=True)


def shown(url: URL) -> str:
    """A base URL as it may be shown: without its query, which may hold a key."""
    return str(url.with_query(None)).removesuffix(CHAT)


def versioned(url: URL) -> URL | None:
    """The same server's `/v1`; None where the path names a version already."""
    path = url.raw_path.removesuffix(CHAT)
    return None if _VERSION.search(path) else url.with_path(path + "/v1" + CHAT, encoded=True, keep_query=True)


def is_azure(url: URL) -> bool:
    """True for hosts that want the key in a header of their own."""
    return (url.host or "").endswith(AZURE)


def is_elsewhere(status: int, body: bytes) -> bool:
    """True if this looks like the answer of an address that is no API: a path unknown to the server, or a web page."""
    start = body[:2000].lstrip()
    if status == 200:
        return start[:1] == b"<"
    return status in (404, 405) and (start[:1] == b"<" or not _OF_A_MODEL.search(start))
