"""`anjian filing`: the self-assessment for GB/T 45654-2025, from the banks to the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anjian.cli.eval import Ties
from anjian.cli.options import (
    Batch,
    BatchSize,
    Budget,
    ChatTemplate,
    Concurrency,
    Device,
    Dtype,
    ExtraBody,
    Filtered,
    Header,
    JudgeCard,
    JudgePrompt,
    Lora,
    Models,
    ServerArgs,
    System,
    ThinkPrefilled,
    Timeout,
    TrustRemoteCode,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from anjian.filing.banks import Gap
    from anjian.filing.results import Results

filing = typer.Typer(no_args_is_help=True, help="备案自评估 The self-assessment for GB/T 45654-2025.")
Out = Annotated[Path, typer.Option(help="The folder of the filing.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the filing.")]
TOO_FEW = 3
SHOWN = 10


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(filing, name="filing")


@filing.command("plan")
def plan_filing(
    out: Out,
    bank: Annotated[
        list[str] | None,
        typer.Option(help="A file of your own questions, CSV, xlsx or JSONL; content=FILE names its bank; repeat."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed draws another sample.")] = None,
    content: Annotated[
        int | None, typer.Option(min=1, help="How many questions of generated content. Default: 1000.")
    ] = None,
    refuse: Annotated[int | None, typer.Option(min=1, help="How many that must be refused. Default: 300.")] = None,
    answer: Annotated[int | None, typer.Option(min=1, help="How many that must not be refused. Default: 300.")] = None,
    bundled: Annotated[
        bool | None, typer.Option("--bundled/--no-bundled", help="Draw from the bundled banks, too.")
    ] = None,
) -> None:
    """Write filing.toml, count what the banks lack against the standard, and draw the sample.

    Exit 3 where the banks are too small for the sample; it is drawn from what there is.
    """
    from anjian.console import plain_console, tell
    from anjian.filing.folder import FILING, GAPS, SAMPLE
    from anjian.filing.plan import Wanted, plan
    from anjian.filing.standard import load_standard

    made = plan(out, Wanted(tuple(bank or ()), seed, content, refuse, answer, bundled))
    console = plain_console()
    for size in load_standard().banks:
        console.print(_gap_table([gap for gap in made.gaps if gap.bank == size.name]))
    for note in made.notes:
        console.print(f"note: {note}", soft_wrap=True)
    counts = ", ".join(f"{load_standard().bank(name).zh} {count}" for name, count in made.drawn.items())
    console.print(f"抽样 sample (seed {made.filing.sample.seed}): {counts}", soft_wrap=True)
    console.print(f"written: {out / FILING}, {out / SAMPLE}, {out / GAPS}", soft_wrap=True)
    if made.short:
        tell("\n".join(f"anjian: {line}" for line in made.short))
        raise typer.Exit(TOO_FEW)


@filing.command("run")
def run_filing(
    model: Annotated[str, typer.Argument(help="The service's model: a name of models.toml, or as in `anjian eval`.")],
    out: Out,
    judge: Annotated[
        list[str] | None,
        typer.Option(help="As in `anjian eval`; several are a panel. Default: as filing.toml says."),
    ] = None,
    classifier: Annotated[
        list[str] | None,
        typer.Option(help="Who classifies generated content, where that is not the judge; such as guard/FAMILY=MODEL."),
    ] = None,
    judge_card: JudgeCard = None,
    judge_prompt: JudgePrompt = None,
    ties: Annotated[Ties, typer.Option(help="What a panel's tie is worth.")] = "unscored",
    budget: Budget = None,
    seed: Annotated[int | None, typer.Option(help="Seed of sampling, where the model takes one.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="0 is greedy.")] = None,
    top_p: Annotated[float | None, typer.Option(min=0, max=1, help="Default: the model's own.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest reply, thinking included.")] = None,
    concurrency: Concurrency = None,
    timeout: Timeout = 600.0,
    min_coverage: Annotated[float, typer.Option(min=0, max=1, help="Exit 3 if a smaller share is scored.")] = 0.95,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked, and ask nothing.")] = False,
    filtered: Filtered = "refusal",
    models: Models = None,
    system: System = None,
    extra_body: ExtraBody = None,
    header: Header = None,
    batch: Batch = False,
    think_prefilled: ThinkPrefilled = False,
    device: Device = None,
    dtype: Dtype = None,
    batch_size: BatchSize = None,
    server_args: ServerArgs = None,
    lora: Lora = None,
    chat_template: ChatTemplate = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Ask the sample, judge it, review it by keywords, and write the sheets for people. Run it again to go on."""
    options: dict[str, Any] = locals()
    from anjian.arguments import access_of
    from anjian.cli.eval import carry_out
    from anjian.console import tell
    from anjian.filing.folder import RUN
    from anjian.filing.run import check_lists, classify_content, prepare_run
    from anjian.filing.standard import SUITE
    from anjian.judges.prompting import load_prompt
    from anjian.labels.sheets import load_openpyxl
    from anjian.models.base import Sampling
    from anjian.options import reach_of
    from anjian.runs.plan import Plan

    load_openpyxl()
    check_lists(out)
    plan = Plan(
        model=model,
        suite=SUITE,
        judges=tuple(judge or ()),
        strict_ties=ties == "stricter",
        sampling=Sampling(temperature, top_p, max_tokens, seed),
        filtered=filtered,
        budget=budget,
        cards=tuple(judge_card or ()),
        prompts=tuple(map(load_prompt, judge_prompt or ())),
        access=access_of(reach_of(options)),
    )
    prepared = prepare_run(out, plan)
    if filtered == "refusal":
        typer.echo("note: what the provider's filter refuses counts as the service's refusal (--filtered refusal)")
    if dry_run:
        from anjian.cli.dry_run import describe

        describe(prepared, out / RUN)
        return
    code = carry_out(prepared, out / RUN, min_coverage)
    for line in classify_content(out, classifier, prepared):
        tell(f"anjian: {line}")
        code = TOO_FEW
    _review(out)
    raise typer.Exit(code)


@filing.command("review")
def review_filing(folder: Folder) -> None:
    """Review again by keywords, read the sheets of A and B, and write C's sheet of what they disagree on."""
    _review(folder)


def _review(folder: Path) -> None:
    from anjian.console import plain_console
    from anjian.filing.folder import HITS
    from anjian.filing.run import review

    console, found = plain_console(), review(folder)
    if found.lists is None:
        console.print("note: filing.toml names no list of keywords; there is no review by keywords", soft_wrap=True)
    else:
        console.print(_gap_table(found.lists))
        console.print(f"keywords in replies: {folder / HITS}", soft_wrap=True)
    people = found.people
    for note in people.notes:
        console.print(f"note: {note}", soft_wrap=True)
    for sheet in found.written:
        console.print(f"sheet to be filled in: {sheet.path}", soft_wrap=True)
        if sheet.added:
            numbers = ", ".join(map(str, sheet.added[:SHOWN])) + (" …" if len(sheet.added) > SHOWN else "")
            said = f"note: {len(sheet.added)} rows were not on it and were added: numbers {numbers}"
            console.print(said, soft_wrap=True)
    total = len(people.reviewed)
    counts = (f"{who} {sum(who in one.marks for one in people.reviewed.values())} of {total}" for who in "AB")
    settled = sum(bool(one.settled) for one in people.reviewed.values())
    said = f"reviewed by people: {', '.join(counts)}; settled {settled}, for C to settle {len(people.odds)}"
    console.print(said, soft_wrap=True)


def _gap_table(gaps: Sequence[Gap]) -> Table:
    """The total of a bank or of the keywords, and the risks of which there are too few."""
    from rich.text import Text

    from anjian.reports.terminal import titled_table

    whole, *inside = gaps
    table = titled_table(f"{whole.risk}：{whole.have}（应有 needs {whole.need}）")
    for head in ("代码\ncode", "风险或方面\nrisk or aspect", "已有\nhave", "应有\nneed", "缺\nshort"):
        table.add_column(head, justify="right" if head[0] in "已应缺" else "left", overflow="fold")
    for gap in (one for one in inside if one.short):
        table.add_row(Text(gap.code), Text(gap.risk), str(gap.have), str(gap.need), str(gap.short))
    enough = sum(not one.short for one in inside)
    table.add_row("", Text(f"另 {enough} 项够数 enough: {enough}"), "", "", "")
    table.add_row("", Text("合计 total"), str(whole.have), str(whole.need), str(whole.short))
    return table


@filing.command("report")
def report_filing(folder: Folder) -> None:
    """Write report.docx, report.html, the annexes and the hashes of all files, from what plan, run and review left."""
    from anjian.console import plain_console
    from anjian.filing.clauses import overall
    from anjian.filing.report import PAGE, WORD, write_report

    results, clauses = write_report(folder)
    console = plain_console()
    console.print(_rate_table(results))
    for one in results.rates:
        console.print(f"{one.zh}：{one.why}", soft_wrap=True, markup=False, highlight=False)
    decision, said = overall(clauses)
    console.print(f"{decision}：{said}", soft_wrap=True, markup=False, highlight=False)
    console.print(f"written: {folder / WORD}, {folder / PAGE}, {folder / 'annex'}", soft_wrap=True, markup=False)
    console.print(f"then: anjian filing check {folder}", soft_wrap=True, markup=False)


def _rate_table(results: Results) -> Table:
    from rich.text import Text

    from anjian.filing.decisions import limit, percent
    from anjian.reports.terminal import titled_table

    table = titled_table("各项结果与门槛 results against thresholds")
    for head in ("项目", "抽样\nn", "评分\nscored", "按总数计\ncounted", "门槛", "95% 限\nbound", "符合性"):
        table.add_column(head, overflow="fold")
    for one in results.rates:
        counts = str(one.n), str(one.scored), percent(one.counted), limit(one.threshold, at_most=one.at_most)
        table.add_row(Text(one.zh), *counts, percent(one.bound), one.decision)
    return table


@filing.command("check")
def check_filing(folder: Folder) -> None:
    """Compute every number again from the annexes, compare all files with their hashes; exit 1 on any difference."""
    from anjian.console import tell
    from anjian.filing.check import check

    faults = check(folder)
    for fault in faults:
        tell(f"anjian: {fault}")
    if faults:
        raise typer.Exit(1)
    typer.echo(f"{folder}: every number follows from the annexes, and every file has its hash")


@filing.command("diff")
def compare_filings(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A filing with its report.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A later one.")],
    show: Annotated[int, typer.Option(min=0, help="So many of what came or went are named.")] = 10,
) -> None:
    """Say what came into and went from banks and keywords, and which results moved."""
    from anjian.filing.changes import changes
    from anjian.text import one_line

    found = changes(old, new)
    for moved in found.lists:
        typer.echo(f"{moved.name}：{moved.before} → {moved.after}，新增 {len(moved.came)}，删去 {len(moved.gone)}")
        for sign, texts in (("+", moved.came), ("-", moved.gone)):
            for text in texts[:show]:
                typer.echo(f"  {sign} {one_line(text, 80)}")
            if len(texts) > show:
                typer.echo(f"  {sign} …… 另 {len(texts) - show} 条")
    for one in [*found.conditions, *found.rates]:
        said = f"{one.before} → {one.after}" if one.before != one.after else f"{one.after}（未变）"
        typer.echo(f"{one.name}：{one_line(said)}")
