"""From `provider/model` to somebody who can be asked.

    deepseek/deepseek-reasoner      a provider of `providers.toml`
    http://127.0.0.1:8000/v1#mine   any other OpenAI-compatible server; several URLs before the # share the load
    hf/ID-or-path                   in this process, through transformers
    vllm/ID-or-path, sglang/…       a server that is launched, and stopped at the end
    tiny/base, tiny/distill         bundled

The key of a server given by URL is read from ANJIAN_API_KEY, if it wants one.
"""

import os
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from anjian.errors import UsageError
from anjian.models.base import Model

TINY = ("base", "distill")
LAUNCHED = ("vllm", "sglang")
URL_KEY_ENV = "ANJIAN_API_KEY"


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the table of providers; `key_env` is empty where no key is wanted."""

    base_url: str
    key_env: str = ""

    @property
    def url_env(self) -> str:
        """The variable that replaces the base URL."""
        return self.key_env.removesuffix("_API_KEY") + "_BASE_URL" if self.key_env else "OLLAMA_BASE_URL"


class Access(msgspec.Struct, frozen=True):
    """How models are to be reached; see the options of `anjian eval` with the same names.

    Attributes:
        concurrency: Most requests in flight; None leaves it to the model.
        timeout: Seconds for one attempt.
        prefilled: The server's template opens the thinking (models behind a server only).
        trust_remote_code: Lets a checkpoint run its own Python code (in-process models only).
        log: Where a launched server's output goes.
    """

    concurrency: int | None = None
    timeout: float = 600.0
    prefilled: bool = False
    trust_remote_code: bool = False
    log: Path = Path("server.log")


@cache
def providers() -> dict[str, Provider]:
    """The table of OpenAI-compatible providers, by name."""
    text = files("anjian.models").joinpath("providers.toml").read_bytes()
    return msgspec.toml.decode(text, type=dict[str, Provider])


def open_model(spec: str, access: Access | None = None) -> Model:
    """Describes the model that `spec` names; nothing is opened or loaded before `async with`.

    Raises:
        UsageError: There is no such provider or model, or its key is not set.
    """
    access = access or Access()
    if spec.startswith(("http://", "https://")):
        return _by_url(spec, access)
    provider, slash, model = spec.partition("/")
    if not slash or not model:
        raise UsageError(f"model {spec!r} is not of the form provider/model; `anjian models` lists them")
    if provider == "tiny":
        return _tiny(spec, model)
    if provider == "hf":
        from anjian.models.hf import HfModel
        from anjian.models.hf_load import checked_path

        return HfModel(spec, checked_path(model), trust_remote_code=access.trust_remote_code)
    if provider in LAUNCHED:
        from anjian.models.served import ServedModel

        return ServedModel(
            spec,
            log=access.log,
            concurrency=access.concurrency or 64,
            timeout=access.timeout,
            prefilled=access.prefilled,
        )
    if provider not in providers():
        known = ", ".join([*providers(), "hf", *LAUNCHED, "tiny"])
        raise UsageError(f"unknown provider {provider!r} in {spec!r}; known are {known}, or http://HOST:PORT/v1#MODEL")
    return _by_provider(spec, providers()[provider], model, access)


def _by_provider(spec: str, provider: Provider, model: str, access: Access) -> Model:
    from anjian.models.http import HttpModel

    key = os.environ.get(provider.key_env, "").strip() if provider.key_env else ""
    if provider.key_env and not key:
        raise UsageError(f"{spec} needs a key: set the environment variable {provider.key_env}")
    urls = _urls(os.environ.get(provider.url_env) or provider.base_url, provider.url_env)
    return HttpModel(
        spec,
        model,
        urls,
        key or None,
        concurrency=access.concurrency or 64,
        timeout=access.timeout,
        prefilled=access.prefilled,
        key_env=provider.key_env,
    )


def _by_url(spec: str, access: Access) -> Model:
    from anjian.models.http import HttpModel

    addresses, _, model = spec.partition("#")
    if not model:
        raise UsageError(f"{addresses} does not say which model: write {addresses}#MODEL")
    return HttpModel(
        spec,
        model,
        _urls(addresses, "the model"),
        os.environ.get(URL_KEY_ENV, "").strip() or None,
        concurrency=access.concurrency or 64,
        timeout=access.timeout,
        prefilled=access.prefilled,
        key_env=URL_KEY_ENV,
    )


def _urls(text: str, where: str) -> list[str]:
    urls = [url.strip() for url in text.split(",") if url.strip()]
    for url in urls:
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018  (parsing the port is what may fail)
        except ValueError:
            shown = url.rpartition("@")[2]
            raise UsageError(f"{where}: {shown} is not a URL such as http://127.0.0.1:8000/v1") from None
        if parts.username or parts.password or parts.query:
            raise UsageError(f"{where}: the URL must hold no user, password or query; set a key as {URL_KEY_ENV}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{where}: {url} is not a URL such as http://127.0.0.1:8000/v1")
    return urls


def _tiny(spec: str, model: str) -> Model:
    from anjian.models.hf import HfModel

    if model not in TINY:
        raise UsageError(f"unknown bundled model {spec!r}; there are {', '.join('tiny/' + name for name in TINY)}")
    return HfModel(spec, str(files("anjian.models").joinpath("tiny", model)))
