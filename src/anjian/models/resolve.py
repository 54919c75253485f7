"""From a model's name, as `spec` takes it apart, to somebody who can be asked."""

import os

from anjian.errors import UsageError
from anjian.models.access import Access, adapted, adapter_config, read_template
from anjian.models.base import Model
from anjian.models.providers import Provider, providers
from anjian.models.spec import URL_KEY_ENV, Spec, parse, parse_urls

__all__ = ["Access", "open_model", "providers"]


def open_model(name: str, access: Access | None = None) -> Model:
    """Describes the model that `name` means; nothing is opened or loaded before `async with`.

    Raises:
        UsageError: There is no such provider or model, its key is not set, or an option cannot apply to it.
    """
    spec, access = parse(name), access or Access()
    access.check(spec)
    spec, access = adapted(spec, access)
    if access.lora:
        adapter_config(access.lora)
    if access.chat_template:
        read_template(access.chat_template)
    if spec.kind in ("hf", "tiny"):
        from anjian.models.hf import HfModel, checked_path

        return HfModel(name, checked_path(spec.path), access)
    if spec.kind == "launched":
        from anjian.models.served import ServedModel

        return ServedModel(name, access, path=spec.path)
    return _over_http(spec, access)


def _over_http(spec: Spec, access: Access) -> Model:
    from anjian.models.http import HttpModel

    provider = providers().get(spec.provider, Provider("", URL_KEY_ENV))
    key = os.environ.get(provider.key_env, "").strip() if provider.key_env else ""
    if provider.key_env and not key and not spec.urls:
        raise UsageError(f"{spec.name} needs a key: set the environment variable {provider.key_env}")
    urls = spec.urls or parse_urls(os.environ.get(provider.url_env) or provider.base_url, provider.url_env)
    return HttpModel(
        spec.name,
        spec.model,
        urls,
        key or None,
        concurrency=access.concurrency or 64,
        timeout=access.timeout,
        prefilled=access.prefilled,
        key_env=provider.key_env,
    )
