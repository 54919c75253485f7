"""What a model's name means; nothing else takes such names apart.

deepseek/deepseek-reasoner      a provider of `providers.toml`
http://127.0.0.1:8000/v1#mine   any other OpenAI-compatible server; several URLs before the # share the load
hf/ID-or-path                   in this process, through transformers
vllm/ID-or-path, sglang/…       a server that is launched, and stopped at the end
tiny/base, tiny/distill         bundled
NAME                            whatever `models.toml` describes under that name; see `anjian.models.book`
"""

import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

from anjian.errors import UsageError
from anjian.models.book import Described, book_path, described
from anjian.models.http.wire.secrets import in_query
from anjian.models.providers import providers
from anjian.text import one_line

_ADDRESS = re.compile(r"https?:?/|[\w.-]+:\d+(?:/|$)", re.IGNORECASE)
Kind = Literal["provider", "url", "hf", "launched", "tiny"]
TINY = ("base", "distill")
LAUNCHED = ("vllm", "sglang")
URL_KEY_ENV = "ANJIAN_API_KEY"


class Spec(msgspec.Struct, frozen=True):
    """A model's name, taken apart.

    Attributes:
        name: As it was written; who is asked, in the ledger and in reports.
        kind: What answers.
        provider: What stands before the slash; empty for a URL.
        model: What the server calls it, a path or hub ID, or the name of a bundled model.
        urls: Base URLs, of a model given by URL.
        described: What `models.toml` says of it, if it is a name of the user's own.
    """

    name: str
    kind: Kind
    provider: str
    model: str
    urls: tuple[str, ...] = ()
    described: Described | None = None

    @property
    def is_local(self) -> bool:
        """True if the weights are loaded on this machine, which takes a while."""
        return self.kind in ("hf", "launched", "tiny")

    @property
    def path(self) -> str:
        """Where the weights are: a folder, or a hub ID; empty for models elsewhere."""
        if self.kind == "tiny":
            return str(files("anjian.models").joinpath("tiny", self.model))
        return (str(home(self.model)) if self.model[0] == "~" else self.model) if self.is_local else ""

    @property
    def folder(self) -> Path | None:
        """The folder of a model that lies on this machine, None for all others."""
        folder = Path(self.path) if self.path else None
        return folder if folder and folder.is_dir() else None

    @property
    def public(self) -> str:
        """A name for cards that others read: without addresses and without folders of this machine.

        >>> [parse(name).public for name in ("http://10.0.0.5/v1#qwen", "hf//home/me/models/mine", "tiny/base")]
        ['qwen', 'mine', 'tiny/base']
        """
        if self.described or self.kind not in ("hf", "launched"):
            return self.name if self.described or not self.urls else self.model
        folder = Path(self.path)
        return folder.resolve().name if folder.is_absolute() or self.folder else self.model


def parse(name: str) -> Spec:
    """Takes a model's name apart; looks at no key and opens nothing.

    Raises:
        UsageError: There is no such provider or bundled model, or it is not the form of a name.
    """
    if of_book := described(name):
        return _described(name, of_book)
    name = _address(name)
    if name.startswith(("http://", "https://")):
        addresses, _, model = name.partition("#")
        if not model:
            shown = addresses.rpartition("@")[2].partition("?")[0]
            raise UsageError(f"{shown} does not say which model: write {shown}#MODEL")
        return Spec(name, "url", "", model, parse_urls(addresses, "the model"))
    provider, slash, model = name.partition("/")
    if not slash or not model:
        where = book_path() or "a models.toml: there is none in this folder, and --models FILE names another"
        raise UsageError(
            f"model {one_line(name, 80)!r} is not of the form provider/model, nor described in {where}; "
            "`anjian models` lists what there is"
        )
    if provider == "tiny" and model not in TINY:
        raise UsageError(f"unknown bundled model {name!r}; there are {', '.join('tiny/' + one for one in TINY)}")
    kind = _kind(provider)
    if kind is None:
        if (home(name) / "config.json").exists():
            raise UsageError(f"{name} is a checkpoint's folder: write hf/{name}")
        known = ", ".join([*providers(), "hf", *LAUNCHED, "tiny"])
        shown = one_line(name.rpartition("@")[2], 80)
        raise UsageError(
            f"unknown provider {shown.partition('/')[0]!r} in {shown!r}; known are {known}, or http://HOST:PORT/v1#MODEL"
        )
    return Spec(name, kind, provider, model)


def _address(name: str) -> str:
    """A name as it was meant: an address without blanks before it, and its scheme in small letters.

    Raises:
        UsageError: It is an address without a scheme.
    """
    scheme, colon, rest = name.lstrip().partition("://")
    if colon and scheme.lower() in ("http", "https"):
        return f"{scheme.lower()}://{rest}"
    unknown = "#" in name and _kind(name.partition("/")[0]) is None
    if not colon and (unknown or _ADDRESS.match(name)):
        shown = one_line(name.rpartition("@")[2], 80)
        raise UsageError(f"{shown} looks like an address: write http://HOST:PORT/v1#MODEL, or https://…")
    return name


def _described(name: str, one: Described) -> Spec:
    where = f"{book_path()}, [{name}]"
    if one.url:
        return Spec(name, "url", "", one.model, parse_urls(one.urls, where), one)
    if one.provider:
        if one.provider not in providers():
            raise UsageError(f"{where}: unknown provider {one.provider!r}; known are {', '.join(providers())}")
        return Spec(name, "provider", one.provider, one.model, described=one)
    provider, _, model = one.path.partition("/")
    kind = _kind(provider)
    if kind not in ("hf", "launched", "tiny") or not model or (kind == "tiny" and model not in TINY):
        raise UsageError(f"{where}: path {one.path!r} is none of hf/…, vllm/…, sglang/…, tiny/base, tiny/distill")
    return Spec(name, kind, provider, model, described=one)


def parse_or_folder(name: str) -> Spec:
    """As `parse`, but a folder that holds a checkpoint is a name too: it is asked through `hf/`.

    Raises:
        UsageError: As in `parse`; or the folder holds no checkpoint.
    """
    folder = home(name)
    provider, _, rest = name.partition("/")
    named = provider in providers() or (provider == "tiny" and rest in TINY)
    loaded = provider in ("hf", *LAUNCHED) and home(rest).is_dir()
    if described(name) or "://" in name or named or loaded or not folder.is_dir():
        return parse(name)
    if not any((folder / file).exists() for file in ("config.json", "adapter_config.json")):
        run = (folder / "run.toml").exists()
        mend = f"it is a run: --run {name} takes it as it is" if run else "give a checkpoint's folder"
        raise UsageError(f"{name} holds no config.json, so it is no model; {mend}")
    return parse(f"hf/{name.rstrip('/')}")


def parse_weights(name: str) -> Spec:
    """What a model means whose weights are wanted: tiny/NAME, a folder, a hub ID, or either behind hf/, vllm/, sglang/.

    Raises:
        UsageError: There is no such folder, or it is a model whose weights are elsewhere.
    """
    is_named = _is_prefixed(name) or home(name).is_dir()
    spec = parse_or_folder(name) if is_named else parse(f"hf/{name}")
    if not spec.is_local:
        raise UsageError(
            f"{name} is a service; training needs the weights: a folder, a hub ID (hf/{name}?) or tiny/distill"
        )
    path = spec.path
    is_folder = Path(path).is_absolute() or path.startswith(("./", "../")) or path.count("/") != 1
    if is_folder and not spec.folder:
        raise UsageError(f"there is no folder {path}, and it is no hub ID such as Qwen/Qwen3-8B")
    return spec


def public_name(name: str) -> str:
    """A model's name for cards that others read, see `Spec.public`; of a folder or hub ID without a provider too.

    >>> [public_name(name) for name in ("http://10.0.0.5/v1#qwen", "/home/me/models/mine", "Qwen/Qwen3-8B")]
    ['qwen', 'mine', 'Qwen/Qwen3-8B']
    """
    folder = home(name)
    if not described(name) and "://" not in name and folder.is_dir():
        return folder.resolve().name
    return parse(name if _is_prefixed(name) else f"hf/{name}").public


def _is_prefixed(name: str) -> bool:
    return bool(described(name)) or "://" in name or _kind(name.partition("/")[0]) is not None


def parse_urls(text: str, where: str) -> tuple[str, ...]:
    """Base URLs, separated by commas; raises UsageError for what is none, without showing passwords."""
    urls = tuple(url.strip() for url in text.split(",") if url.strip())
    if not urls:
        raise UsageError(f"{where}: there is no URL such as http://127.0.0.1:8000/v1")
    for url in urls:
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018  (parsing the port is what may fail)
        except ValueError:
            shown = url.rpartition("@")[2].partition("?")[0]
            raise UsageError(f"{where}: {shown} is not a URL such as http://127.0.0.1:8000/v1") from None
        if parts.username or parts.password or next(in_query(parse_qsl(parts.query)), ""):
            raise UsageError(f"{where}: the URL must hold no user, password or key; set a key as {URL_KEY_ENV}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{where}: {url.partition('?')[0]} is not a URL such as http://127.0.0.1:8000/v1")
    return urls


def _kind(provider: str) -> Kind | None:
    if provider in LAUNCHED:
        return "launched"
    if provider == "hf":
        return "hf"
    if provider == "tiny":
        return "tiny"
    return "provider" if provider in providers() else None


def home(path: str) -> Path:
    """A path with `~` spelled out; as it is, where there is no such home."""
    return Path(path) if "\0" in path else Path(os.path.expanduser(path))  # noqa: PTH111  (pathlib raises for unknown users)
