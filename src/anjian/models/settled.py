"""What is settled about a model beside its name: options of the command, and what the book says of it."""

import hashlib
import os
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from anjian.errors import UsageError
from anjian.items.records import Message
from anjian.models.access import Access, shown_body
from anjian.models.base import PREFIX, Model, Reply, Request
from anjian.models.book import VARIABLE, book_path
from anjian.models.spec import Spec, parse
from anjian.text import one_line

ENV = "env:"
_OURS = {"content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "host"}
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def with_book(spec: Spec, access: Access) -> Access:
    """Fills in what the book says of a model; an option of the command comes first."""
    one = spec.described
    if one is None:
        return access
    return msgspec.structs.replace(
        access,
        extra_body={**one.extra_body, **access.extra_body},
        headers={**one.headers, **access.headers},
        system=access.system or one.system,
        max_tokens=access.max_tokens or one.max_tokens,
        prefilled=access.prefilled or one.think_prefilled,
    )


def headers_of(spec: Spec, access: Access) -> dict[str, str]:
    """The headers as they are sent, variables of the environment filled in.

    Raises:
        UsageError: A variable is not set, or a name or value is no header; the value is not shown.
    """
    found = {}
    for name, value in access.headers.items():
        in_book = spec.described and name in spec.described.headers and spec.described.headers[name] == value
        where = (
            f"{book_path()}, [{spec.name}]: the header {one_line(name)!r}"
            if in_book
            else f"--header {one_line(name)!r}"
        )
        if value.startswith(ENV):
            value = _variable(value.removeprefix(ENV), where)
        if name.lower() in _OURS:
            raise UsageError(f"{where} is settled by anjian; leave it out")
        if not _HEADER.fullmatch(name):
            raise UsageError(f"{where} is no name of a header; write letters, digits and hyphens")
        if not value.isprintable() or not value.isascii():
            raise UsageError(f"{where}: its value must be one line of ASCII")
        found[name] = value
    return found


def _variable(name: str, where: str) -> str:
    if not VARIABLE.fullmatch(name):
        raise UsageError(f"{where}: after env: stands the name of a variable in capitals, and not the value itself")
    value = os.environ.get(name, "")
    if not value:
        raise UsageError(f"{where} wants the environment variable {name}, which is not set")
    return value.strip()


def key_of(variable: str) -> str:
    """The key in an environment variable, empty where it is not set; raises UsageError for what can be no key."""
    key = os.environ.get(variable, "").strip().strip("\"'").removeprefix("Bearer ").strip()
    if not key.isprintable() or not key.isascii():
        raise UsageError(f"{variable} holds no key: a key is one line of ASCII; set it again")
    return key


def settings_of(name: str, access: Access) -> dict[str, Any]:
    """What decides a model's replies beside its name, for `run.toml`: secrets and the values of headers left out."""
    spec = None if name.startswith(PREFIX) else parse(name)
    access = with_book(spec, access) if spec else access
    found = {
        "model": (spec.described.path or spec.model) if spec and spec.described else "",
        "system": access.system,
        "extra_body": shown_body(access.extra_body) if access.extra_body else "",
        "headers": sorted(access.headers),
        "max_tokens": access.max_tokens,
    }
    return {key: value for key, value in found.items() if value}


def version_of(name: str) -> str:
    """A short hash of what the book settles about a judge or adversary; empty where it settles nothing."""
    settings = settings_of(name, Access())
    return hashlib.sha256(msgspec.json.encode(settings, order="deterministic")).hexdigest()[:8] if settings else ""


def versions_in_book(names: Iterable[str]) -> dict[str, str]:
    """The versions of those of the models about whom the book settles something, by name."""
    found = {name: version_of(name) for name in names}
    return {name: version for name, version in found.items() if version}


def settled(model: Model, access: Access) -> Model:
    """The same model with a system prompt and bounds of its own, if it has any."""
    return Settled(model, access) if access.system or access.max_tokens or access.budget else model


def with_system(request: Request, system: str) -> Request:
    """Puts a system prompt before a conversation; before one that begins with another, both are one."""
    if not system:
        return request
    first, rest = request.messages[0], request.messages[1:]
    if first.role != "system":
        return msgspec.structs.replace(request, messages=(Message("system", system), *request.messages))
    both = Message("system", f"{system}\n\n{first.content}")
    return msgspec.structs.replace(request, messages=(both, *rest))


class Settled:
    """A model that is asked with a system prompt, or whose replies are bounded; see `Model`."""

    def __init__(self, model: Model, access: Access) -> None:
        """Takes the model and what is settled about it."""
        self.name = model.name
        self.concurrency = model.concurrency
        self.model = model
        self._access = access

    async def __aenter__(self) -> Model:
        """Opens the model."""
        self.model = await self.model.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Closes the model."""
        await self.model.__aexit__(*exc)

    def about(self) -> dict[str, Any]:
        """What the model settled at opening."""
        return self.model.about()

    def waiting(self) -> str:
        """What the model waits for."""
        return self.model.waiting()

    async def complete(self, request: Request) -> Reply:
        """Answers one request, settled."""
        sampling, access = request.sampling, self._access
        if sampling.max_tokens is None and access.max_tokens:
            sampling = msgspec.structs.replace(sampling, max_tokens=access.max_tokens)
        elif sampling.max_tokens is None and sampling.budget is None and access.budget:
            sampling = msgspec.structs.replace(sampling, budget=access.budget)
        return await self.model.complete(
            with_system(msgspec.structs.replace(request, sampling=sampling), access.system)
        )
