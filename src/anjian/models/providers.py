"""The table of OpenAI-compatible providers."""

from functools import cache
from importlib.resources import files

import msgspec


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the table of providers; `key_env` is empty where no key is wanted."""

    base_url: str
    key_env: str = ""

    @property
    def url_env(self) -> str:
        """The variable that replaces the base URL."""
        return self.key_env.removesuffix("_API_KEY") + "_BASE_URL" if self.key_env else "OLLAMA_BASE_URL"


@cache
def providers() -> dict[str, Provider]:
    """The table of OpenAI-compatible providers, by name."""
    text = files("anjian.models").joinpath("providers.toml").read_bytes()
    return msgspec.toml.decode(text, type=dict[str, Provider])
