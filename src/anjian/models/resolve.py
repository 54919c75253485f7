"""From a model's name, as `spec` takes it apart, to somebody who can be asked."""

import os
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

from anjian.errors import UsageError
from anjian.models.access import Access, adapted, adapter_config, read_template
from anjian.models.base import Model
from anjian.models.providers import Provider, providers
from anjian.models.settled import headers_of, key_of, settled, with_book
from anjian.models.spec import URL_KEY_ENV, Spec, parse, parse_urls

LIKE_A_KEY = 20
"""Names of variables are shorter, or have underscores."""
__all__ = ["Access", "keyed_addresses", "open_model", "providers"]


def open_model(name: str, access: Access | None = None) -> Model:
    """Describes the model that `name` means; nothing is opened or loaded before `async with`.

    Raises:
        UsageError: There is no such provider or model, its key is not set, or an option cannot apply to it.
    """
    spec, access = parse(name), access or Access()
    access.check(spec)
    access = with_book(spec, access)
    spec, access = adapted(spec, access)
    if access.lora:
        adapter_config(access.lora)
    if access.chat_template:
        read_template(access.chat_template)
    return settled(_model(spec, access), access)


def _model(spec: Spec, access: Access) -> Model:
    if spec.kind in ("hf", "tiny"):
        from anjian.models.hf import HfModel, checked_path

        return HfModel(spec.name, checked_path(spec.path), access)
    if spec.kind == "launched":
        from anjian.models.served import ServedModel

        return ServedModel(spec.name, access, path=spec.path)
    return _over_http(spec, access)


def keyed_addresses(names: Iterable[str]) -> tuple[str, ...]:
    """Whom ANJIAN_API_KEY is for: the addresses of the first model that is given by a URL, and nobody else."""
    for name in names:
        spec = parse(name)
        if spec.urls and not spec.described:
            return tuple(map(_origin, spec.urls))
    return ()


def _origin(url: str) -> str:
    """Scheme, host and port: who gets what is sent there.

    >>> _origin("HTTPS://API.example.com/v1")
    'https://api.example.com:443'
    """
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{parts.hostname}:{parts.port or {'http': 80, 'https': 443}[parts.scheme.lower()]}"


def _over_http(spec: Spec, access: Access) -> Model:
    from anjian.models.http.client import HttpModel

    one = spec.described
    provider = providers().get(spec.provider, Provider("", "" if one else URL_KEY_ENV))
    urls = spec.urls or parse_urls(os.environ.get(provider.url_env) or provider.base_url, provider.url_env)
    key, about_key = _key((one.key if one else "") or provider.key_env, spec, access)
    model = HttpModel(
        spec.name,
        spec.model,
        urls,
        key or None,
        concurrency=access.concurrency or 64,
        timeout=access.timeout,
        prefilled=access.prefilled,
        key_env=about_key,
        headers=headers_of(spec, access),
        extra_body=access.extra_body,
        rpm=one.rpm if one else None,
        tpm=one.tpm if one else None,
        tell=access.tell,
    )
    if not (access.batch or access.may_batch):
        return model
    from anjian.models.batch import BatchModel

    settings = msgspec.json.encode((spec.model, access.extra_body), order="deterministic")
    return BatchModel(model, access.log.parent, access.tell, live=not access.batch, settings=settings)


def _key(variable: str, spec: Spec, access: Access) -> tuple[str, str]:
    """The key for a model, and where it comes from or how one is given, for the message about a refused call."""
    others = set(map(_origin, spec.urls)) - set(access.keyed or ())
    if variable == URL_KEY_ENV and not spec.described and access.keyed and others:
        mend = f"a key of its own: describe the model in models.toml; {URL_KEY_ENV} is for {access.keyed[0]} alone"
        return "", mend
    key = key_of(variable) if variable else ""
    if variable and not key and (spec.described or not spec.urls):
        raise UsageError(f"{spec.name} needs a key: set the environment variable {shown_variable(variable)}")
    return key, variable


def shown_variable(name: str) -> str:
    """The name of a variable; what may be a key that was written in its place is not shown."""
    return name if "_" in name or len(name) < LIKE_A_KEY else "that `key` names"
