"""`anjian models`: whom one can ask."""

import typer


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("models")(list_models)


def list_models() -> None:
    """List the providers, whether their keys are set, and the other ways to name a model."""
    import os

    from rich.table import Column, Table

    from anjian.console import plain_console
    from anjian.models.providers import providers
    from anjian.models.spec import TINY, URL_KEY_ENV

    table = Table(*(Column(head, overflow="fold") for head in ("model", "key", "where")))
    for name, provider in providers().items():
        state = "set" if os.environ.get(provider.key_env) else "not set"
        key = f"{provider.key_env}: {state}" if provider.key_env else "none needed"
        table.add_row(f"{name}/MODEL", key, provider.base_url)
    table.add_section()
    table.add_row("http://HOST:PORT/v1#MODEL", f"{URL_KEY_ENV}, if wanted", "any other OpenAI-compatible server")
    table.add_row("hf/ID-or-path", "none needed", "in this process, through transformers")
    table.add_row("vllm/ID-or-path", "none needed", "a vLLM server, launched and stopped")
    table.add_row("sglang/ID-or-path", "none needed", "an SGLang server, launched and stopped")
    for name in TINY:
        table.add_row(f"tiny/{name}", "none needed", "bundled toy, for trying things out offline")
    plain_console().print(table)
