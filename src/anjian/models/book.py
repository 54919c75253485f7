"""Models described once: `models.toml` in the working directory, or the file that `--models` names.

    [mine]                                   # anjian eval mine …
    url = "http://127.0.0.1:8000/v1"         # or a list; or provider = "dashscope"; or path = "hf/…"
    model = "qwen3-8b-safe"
    key = "MY_KEY"                           # the environment variable that holds the key; without it none is sent
    headers = { X-Team = "env:TEAM" }
    extra_body = { chat_template_kwargs = { enable_thinking = false } }
    system = "…"
    max_tokens = 4096
    rpm = 600
    tpm = 200000
    price = { input = 2.0, output = 8.0, currency = "CNY" }

What is described goes with the name, whoever bears it: target, judge, adversary or teacher.
"""

import contextlib
import difflib
import re
import tomllib
from collections.abc import Iterator
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from anjian.errors import UsageError
from anjian.models.base import PREFIX
from anjian.text import one_line

BOOK = Path("models.toml")
IN_USE: ContextVar[Path | None] = ContextVar("models", default=None)
"""The file that the user named; None means the one in the working directory, if there is one."""
_UNQUOTED = re.compile(r"^\s*\[[^\"'\]\n]*[^\x00-\x7f]", re.MULTILINE)
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_NAME = re.compile(r"[^\x00-\x1f\x7f#,+\s]{1,100}")


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a million tokens cost."""

    input: float
    output: float
    currency: str = "CNY"

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """What so many tokens cost, in `currency`.

        >>> Price(2.0, 8.0).of(500_000, 250_000)
        3.0
        """
        return (self.input * prompt_tokens + self.output * completion_tokens) / 1e6


class Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model of the book.

    Attributes:
        url: Its base URL, or several that share the load.
        provider: One of `anjian models`, instead of a URL.
        path: A model on this machine, instead of a URL: `hf/…`, `vllm/…`, `sglang/…`, `tiny/…`.
        model: What the server calls it; the name in the book where nothing is said.
        key: The environment variable that holds the key; of a URL's without it, none is sent.
        headers: Sent with every request; `env:NAME` stands for an environment variable.
        extra_body: Put into the body of every request.
        system: A system prompt, put before every conversation.
        max_tokens: Longest reply, thinking included, where no option says otherwise.
        think_prefilled: The server's template opens the thinking.
        rpm: Most requests a minute.
        tpm: Most tokens a minute.
        price: For a million tokens.
    """

    url: str | list[str] = ""
    provider: str = ""
    path: str = ""
    model: str = ""
    key: str = ""
    headers: dict[str, str] = {}
    extra_body: dict[str, Any] = {}
    system: str = ""
    max_tokens: int | None = None
    think_prefilled: bool = False
    rpm: int | None = None
    tpm: int | None = None
    price: Price | None = None

    @property
    def urls(self) -> str:
        """The base URLs, separated by commas."""
        return self.url if isinstance(self.url, str) else ",".join(self.url)


def described(name: str) -> Described | None:
    """What the book says of a model, or None; raises UsageError where that is wrong or the book cannot be read."""
    held = _held()
    return _one(name, held[name]) if name in held else None


def book() -> dict[str, Described]:
    """The models that the book in use describes, by name.

    Raises:
        UsageError: The file cannot be read or something in it is wrong; names the file, the model and the mend.
    """
    return {name: _one(name, table) for name, table in _held().items()}


def _held() -> dict[str, Any]:
    path = book_path()
    if path is None:
        return {}
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise UsageError(f"--models: cannot read {path}: {error.strerror}") from None
    return _read(path.absolute(), path, changed)


def book_path() -> Path | None:
    """The file in use; None where there is none."""
    return IN_USE.get() or (BOOK if BOOK.is_file() else None)


@contextlib.contextmanager
def using(path: Path | None) -> Iterator[None]:
    """Takes another file as the book while the block runs; None leaves it as it is."""
    token = IN_USE.set(path or IN_USE.get())
    try:
        yield
    finally:
        IN_USE.reset(token)


@lru_cache(maxsize=8)
def _read(_absolute: Path, path: Path, _changed: int) -> dict[str, Any]:
    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        mend = """; names in Chinese stand in quotes, such as ["安全版"]""" if _UNQUOTED.search(text) else ""
        raise UsageError(f"{path} is no TOML: {one_line(str(error))}{mend}") from None


def _one(name: str, table: object) -> Described:
    shown = f"{book_path()}, [{one_line(name, 60)}]"
    try:
        one = msgspec.convert(table, Described)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UsageError(f"{shown}: {_worded(str(error))}") from None
    if not _NAME.fullmatch(name) or name.startswith(("-", PREFIX)) or "://" in name:
        rule = f"no blanks, no commas, no #, no +, no address, no {PREFIX} before it, and at most 100 characters"
        raise UsageError(f"{shown}: a name has {rule}")
    if sum(map(bool, (one.url, one.provider, one.path))) != 1:
        raise UsageError(f"{shown}: give one of url, provider and path")
    if one.provider and not one.model:
        raise UsageError(f"{shown}: say which model of {one.provider}, as model = …")
    if one.path and (given := [key for key in ("model", "key", "headers") if getattr(one, key)]):
        raise UsageError(f"{shown}: {given[0]} is for servers, not for a model with a path")
    if one.key and not VARIABLE.fullmatch(one.key):
        mend = "put the key into an environment variable, and write the variable's name in capitals here"
        raise UsageError(f"{shown}: `key` is no name of a variable; {mend}")
    if fault := _number_fault(one):
        raise UsageError(f"{shown}: {fault}")
    return one if one.model or not one.url else msgspec.structs.replace(one, model=name)


def _worded(error: str) -> str:
    """A fault as msgspec words it, with what was perhaps meant."""
    said = one_line(error).replace("Object contains unknown field", "there is no").replace("$.", "")
    said = said.replace("Object missing required field", "missing is").replace("Expected ", "wanted is ")
    if unknown := re.search(r"there is no `(\w+)`(?: - at `(\w+))?", said):
        known = (Price if unknown[2] == "price" else Described).__struct_fields__
        near = difflib.get_close_matches(unknown[1], known, 1)
        said += f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(known)}"
    return said


def _number_fault(one: Described) -> str:
    for key in ("max_tokens", "rpm", "tpm"):
        value = getattr(one, key)
        if value is not None and not 1 <= value < 2**53:
            return f"{key} must be 1 or more"
    price = one.price
    if price and not (0 <= price.input < 1e12 and 0 <= price.output < 1e12):
        return "price must be 0 or more"
    return ""
