"""`anjian import`: scores that other evaluation harnesses measured."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from anjian.scores.rows import Row


WIDE = 100
"""Columns of a terminal that have room for everything."""


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("import")(import_scores)


def import_scores(
    results: Annotated[
        list[Path], typer.Argument(help="Result files of EvalScope, lm-evaluation-harness, Inspect AI, or folders.")
    ],
    model: Annotated[
        str | None, typer.Option(help="The model's name, as in `anjian eval`. Default: the name in the file.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The file of scores; what it holds already is kept.")] = Path("scores.json"),
) -> None:
    """Read results of other harnesses (GPQA, LiveCodeBench, …) into the form of scores.json."""
    import msgspec

    from anjian.console import plain_console
    from anjian.files import replace
    from anjian.imports import import_results, key_of, merged

    held = _held(out)
    imported = import_results(results, model)
    out.parent.mkdir(parents=True, exist_ok=True)
    replace(out, msgspec.json.format(msgspec.json.encode(merged(held, imported.rows)), indent=1) + b"\n")
    console = plain_console()
    console.print(_table(imported.rows, console.width))
    for note in imported.notes:
        sys.stderr.write(f"note: {_plain(note)}\n")
    replaced = len({key_of(row) for row in held} & {key_of(row) for row in imported.rows})
    files = f"{imported.files} {'files' if imported.files > 1 else 'file'}"
    line = f"{len(imported.rows)} rows of {files} in {out}: {len(imported.rows) - replaced} new, {replaced} replaced"
    console.print(f"{line}, {len(held) - replaced} kept", soft_wrap=True)


def _held(out: Path) -> list[Row]:
    """The rows that the file holds already; whatever else it may be is never overwritten."""
    import msgspec

    from anjian.errors import UsageError
    from anjian.scores.rows import Row

    try:
        return msgspec.json.decode(out.read_bytes(), type=list[Row])
    except FileNotFoundError:
        return []
    except IsADirectoryError:
        raise UsageError(f"--out {out} is a folder; name a file, such as {out / 'scores.json'}") from None
    except OSError as error:
        raise UsageError(f"cannot read --out {out}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UsageError(f"--out {out} holds something else than scores; choose another file") from None


def _plain(text: str) -> str:
    from anjian.text import plain

    return plain(text)


def _table(rows: Sequence[Row], width: int) -> Table:
    """The overall rows, and how many groups came with each."""
    from collections import Counter

    from rich import box
    from rich.table import Table
    from rich.text import Text

    from anjian.reports.names import Lexicon, key_of
    from anjian.reports.text import interval_text, number
    from anjian.text import plain

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
    for head in ("测试\nbenchmark", "模型\nmodel", "指标\nmetric"):
        table.add_column(head, overflow="fold")
    for head in ("值\nvalue", "95% 区间\ninterval", "计分/总数\nscored/n"):
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("分组\ngroups", "来源\nharness")[: 2 if width >= WIDE else 0]:
        table.add_column(head, overflow="fold")
    lexicon = Lexicon()
    groups = Counter((row.suite, row.model, row.metric) for row in rows if row.group_kind != "overall")
    for row in (row for row in rows if row.group_kind == "overall"):
        times = lexicon.factors([row])[key_of(row)]
        cells = [
            Text(plain(row.suite)),
            Text(plain(row.model)),
            Text(plain(str(lexicon.metric(row)))),
            Text(f"{number(row.value, times)}{'%' if times == 100 else ''}", style="bold"),
            Text(interval_text(row.low, row.high, times)),
            Text(f"{row.scored}/{row.n}" if row.n else "–"),
            Text(str(groups[row.suite, row.model, row.metric] or "–")),
            Text(plain(row.judge)),
        ]
        table.add_row(*cells[: len(table.columns)])
    return table
