"""`anjian models`: whom one can ask; `anjian models check` asks one of them once, and says what was understood."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from anjian.cli.options import Models, Timeout

if TYPE_CHECKING:
    from rich.console import Console

    from anjian.models.base import Model, Reply, Request


def add_to(app: typer.Typer) -> None:
    """Adds the command and what is below it."""
    group = typer.Typer(
        name="models",
        help="List the models one can ask: of your own, of providers, on this machine; or try one.",
        invoke_without_command=True,
    )
    group.callback()(list_models)
    group.command("check")(check_model)
    app.add_typer(group)


def list_models(context: typer.Context, models: Models = None) -> None:
    """List the models that `models.toml` describes, the providers, whether their keys are set, and other names."""
    if context.invoked_subcommand:
        return
    from anjian.console import plain_console
    from anjian.models.book import book, book_path
    from anjian.models.providers import providers
    from anjian.models.spec import TINY, URL_KEY_ENV, parse

    rows = [("model", "key", "where")]
    for name, one in book().items():
        parse(name)  # What is wrong with an address is told, and a key in it is not shown.
        where = one.path or f"{one.urls or one.provider} · {one.model}"
        variable = one.key or (providers()[one.provider].key_env if one.provider in providers() else "")
        rows.append((name, _key(variable), f"{where} ({book_path()})"))
    rows += [(f"{name}/MODEL", _key(one.key_env), one.base_url) for name, one in providers().items()]
    rows += [
        ("http://HOST:PORT/v1#MODEL", f"{URL_KEY_ENV}, if wanted", "any other OpenAI-compatible server"),
        ("hf/ID-or-path", "none needed", "in this process, through transformers"),
        ("vllm/ID-or-path", "none needed", "a vLLM server, launched and stopped"),
        ("sglang/ID-or-path", "none needed", "an SGLang server, launched and stopped"),
        *((f"tiny/{name}", "none needed", "bundled toy, for trying things out offline") for name in TINY),
    ]
    _print(rows, plain_console())


def _print(rows: list[tuple[str, str, str]], console: Console) -> None:
    """Three columns; on a narrow terminal the last stands below, so that an address can be copied whole."""
    from anjian.text import plain

    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    wide = console.width >= sum(widths) + 2 + max(len(where) for *_, where in rows)
    for model, key, where in rows:
        below = " " if wide else "\n  "
        console.print(
            f"{plain(model):{widths[0]}} {plain(key):{widths[1] if wide else 0}}{below}{plain(where)}", soft_wrap=True
        )


def _key(variable: str) -> str:
    from anjian.models.resolve import shown_variable

    state = "set" if os.environ.get(variable) else "not set"
    return f"{shown_variable(variable)}: {state}" if variable else "none needed"


def check_model(
    name: Annotated[str, typer.Argument(help="As in `anjian eval`: a name in models.toml, provider/model, a URL …")],
    models: Models = None,
    timeout: Timeout = 120.0,
) -> None:
    """Ask a model once, and say what was understood: thinking, streaming, parameters, tokens."""
    import time

    from anjian.console import plain_console
    from anjian.errors import AnjianError
    from anjian.items.records import Message
    from anjian.models.base import CallError, Request, Sampling
    from anjian.models.resolve import Access, open_model
    from anjian.prompts import render
    from anjian.runs.loop import run_async

    model = open_model(name, Access(timeout=timeout))
    question = Message("user", render("anjian.cli", "check"))
    request = Request((question,), Sampling(temperature=0, top_p=1, seed=1, budget=1024))
    started = time.monotonic()
    try:
        reply, about = run_async(_ask(model, request))
    except CallError as error:
        raise AnjianError(f"{name} does not answer: {error.detail}") from None
    _show(name, reply, about, time.monotonic() - started, plain_console())


async def _ask(model: Model, request: Request) -> tuple[Reply, dict[str, object]]:
    async with model as ready:
        reply = await ready.complete(request)
        return reply, ready.about()


def _show(name: str, reply: Reply, about: dict[str, object], seconds: float, console: Console) -> None:
    from anjian.models.thinking import split_thinking
    from anjian.reports.words import SHAPES, named
    from anjian.text import one_line, plain

    thought = split_thinking(reply)
    where = " (in a field of its own)" if reply.reasoning.strip() else ""
    if thought.unknown:
        where = f"; the reply opens with {one_line(thought.unknown)}: an unknown mark of thinking?"
    if thought.parser_took_all:
        where = "; the server's reasoning parser took the answer along: start it with another, or with none"
    lines = {
        "model": name,
        "answer": one_line(thought.answer, 120) or "none",
        "thinking": f"{named(SHAPES, thought.shape)}{where}",
        "ended": reply.finish_reason,
        "tokens": f"{reply.prompt_tokens} in the prompt, {reply.completion_tokens} in the reply"
        if reply.completion_tokens
        else "not counted by the server",
        "took": f"{seconds:.1f} s",
    }
    for key, value in about.items():
        lines |= {key: "; ".join(map(str, value)) if isinstance(value, list) else str(value)}
    for key, text in lines.items():
        console.print(plain(f"{key:10} {text}"), soft_wrap=True)
