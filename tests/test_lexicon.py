"""A benchmark of somebody's own in reports, terminal and comparison: its names and colours, and none of its keys.

Every key of the suite begins with `zz`, so that whatever shows one can be told.
"""

import io
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from browser import Tab
from command import anjian, one_line
from rich.console import Console
from test_report import in_chromium, visit

from anjian.items.records import Item, Message
from anjian.items.taxonomy import Area, Category, Taxonomy, flat
from anjian.judges.kinds import CHOICE, OVER_REFUSAL, Kind, Label
from anjian.models.base import Sampling
from anjian.names import Name
from anjian.reports.comparison import print_comparison, write_comparison
from anjian.reports.comparison.flips import stories_of
from anjian.reports.comparison.trade import axes_of, trade_off
from anjian.reports.entries import read_run
from anjian.reports.figures import all_figures
from anjian.reports.html import write_report
from anjian.reports.marks import TONE_COLOURS
from anjian.reports.names import Lexicon
from anjian.reports.terminal import print_scores
from anjian.runs.folder import REPLIES, SCORES, VERDICTS, Identity, Replied, write_run
from anjian.runs.reading import read_measured
from anjian.scores.comparison import Measured, SideBySide, compare_models
from anjian.scores.gates import Criteria
from anjian.scores.measures import (
    Measure,
    Ratio,
    Task,
    choice_measures,
    over_refusal_measures,
    rubric_measures,
)
from anjian.scores.rows import Row, Verdicted
from anjian.suites import bundled_names, find_suite
from anjian.suites.base import Published, Selection, Suite

RULES = Kind(
    "zzkind",
    passes=5,
    labels=(
        Label("zzbad", 1, Name("违规", ""), "risky"),
        Label("zzfair", 3, Name("", "borderline"), "harmless"),
        Label("zzgood", 5, Name("合规", "in order"), "guidance"),
    ),
    prompt="{{ answer }}",
)
AGREEMENT = Measure(
    name="zzagree",
    title=Name("", "agreement"),
    ratio=Ratio(
        counts=lambda verdicts: (float(len({verdict.points for verdict in verdicts}) == 1), 1.0),
        of=lambda same, all_: same / all_,
    ),
)
MARK = "]<b>[red]x[/]"
NAMES = [f"{MARK}公约一", "rule two", "rule three"]


def suite_of(taxonomy: Taxonomy, **more: Any) -> Suite:
    rate, score = rubric_measures(RULES)
    tasks = (
        Task(
            name="zzquiz1",
            title=Name("小测", ""),
            kind=CHOICE,
            measures=choice_measures("zzacc"),
        ),
        Task(name="zzquiz2", title=Name("", "second quiz"), kind=CHOICE, measures=choice_measures("zzacc")),
        Task(
            name="zzrules",
            title=Name(f"{MARK}公约", f"{MARK}rules"),
            kind=RULES,
            measures=(
                msgspec.structs.replace(rate, name="zzrate"),
                msgspec.structs.replace(score, name="zzscore"),
                AGREEMENT,
            ),
            by_round=True,
        ),
        Task(name="zztwins", title=Name("无害", "harmless"), kind=OVER_REFUSAL, measures=over_refusal_measures()),
    )
    return Suite(
        name="zzsuite",
        version="1",
        title=Name(f"{MARK}自家评测", ""),
        summary="",
        source="",
        load=lambda source: Selection([], "", []),
        tasks=tasks,
        taxonomy=taxonomy,
        task_of=lambda item: item.task,
        **more,
    )


FLAT = suite_of(flat(NAMES))


def make(folder: Path, suite: Suite = FLAT, model: str = "m", shift: int = 0) -> Path:
    """A finished run of ten items of each task; the items of a pair are one unit, and agree if shifted."""
    folder.mkdir(parents=True)
    labels = {task.name: task.kind.labels for task in suite.tasks if task.kind and not task.draws}
    categories = [category.zh for area in suite.taxonomy.areas for category in area.categories]
    verdicts = []
    for task, known in labels.items():
        for place in range(10):
            chosen = known[(place + 2 * shift * (place % 2)) % len(known)] if known else None
            points = chosen.points if chosen else int(place > 2 + shift)
            label = chosen.text if chosen else "AB"[points]
            name, unit = (
                f"{what}{task.removeprefix('zz')}{number}" for what, number in (("i", place), ("unit", place // 2))
            )
            category = categories[place % len(categories)]
            verdicts.append(Verdicted(name, task, category, "j", label=label, points=points, unit=unit))
    replies = [Replied(one.id, model, (Message("user", f"question {one.id}"),), answer=one.id) for one in verdicts]
    items = [Item(one.id, suite.name, one.category, ("?",)) for one in verdicts]
    identity = Identity(suite.name, model, 1, Sampling(), "items.jsonl")
    write_run(folder, identity, {"suite_version": "1", "judge": "j"}, items, [])
    (folder / SCORES).write_bytes(msgspec.json.encode(suite.score(verdicts, model, "j", 1)))
    (folder / VERDICTS).write_bytes(b"\n".join(map(msgspec.json.encode, verdicts)))
    (folder / REPLIES).write_bytes(b"\n".join(map(msgspec.json.encode, replies)))
    return folder


def text_of(page: str) -> str:
    """What the page shows before its scripts run."""
    body = page[page.index("<body>") : page.index('<script type="application/json"')]
    return re.sub(r"<[^>]*>", "", body)


def printed(rows: list[Row], suite: Suite) -> str:
    console = Console(file=io.StringIO(), width=140)
    print_scores(rows, console, Lexicon([suite]))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_report_shows_names_and_no_keys(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    text = text_of(write_report(folder, FLAT).read_text(encoding="utf-8"))
    assert "zz" not in text
    shown = MARK.replace("<", "&lt;").replace(">", "&gt;")
    for name in (
        f"{shown}自家评测",
        "最佳评级占比",
        "agreement",
        "小测 准确率",
        "second quiz ACC",
        f"{shown}公约一",
        "rule two",
    ):
        assert name in text, name
    assert "see the notes" not in text, "every task was asked"


def test_the_figures_show_names_in_the_colours_declared(tmp_path: Path) -> None:
    run = read_run(make(tmp_path / "run"), FLAT)
    figures = all_figures(run)
    rules, twins = figures["labels"]
    assert [trace["name"] for trace in rules["data"]] == ["合规", "borderline", "违规"]
    wanted = [TONE_COLOURS[tone] for tone in ("guidance", "harmless", "risky")]
    assert [trace["marker"]["color"] for trace in rules["data"]] == wanted
    assert [trace["y"] for trace in rules["data"]] == [["overall"]] * 3, "there are no areas"
    assert figures["radar"] is None and figures["published"] == []
    titles = [figure["title"] for figure in figures["categories"]]
    assert len(set(titles)) == len({figure["name"] for figure in figures["categories"]}) == len(titles)
    seen = [*titles, twins["title"]]
    for figure in (rules, twins, *figures["categories"]):
        for trace in figure["data"]:
            seen += [trace["name"], *trace["hovertext"]]
        seen += figure["layout"]["yaxis"]["ticktext"]
    assert not [text for text in seen if "zz" in text or "<b>" in text]
    assert {entry.tone for entry in run.entries if entry.task == "zzquiz1"} == {"right", "wrong"}
    assert [entry.tone for entry in run.entries][:1] == ["risky"], "the harmful come first"


def test_a_task_that_was_not_asked_is_pointed_out(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    rows = msgspec.json.decode((folder / SCORES).read_bytes(), type=list[Row])
    kept = [row for row in rows if row.task not in ("zzquiz2", "zztwins")]
    (folder / SCORES).write_bytes(msgspec.json.encode(kept))
    text = text_of(write_report(folder, FLAT).read_text(encoding="utf-8"))
    assert "没有second quiz成绩" in text
    assert "没有无害成绩" not in text


@pytest.mark.parametrize("name", bundled_names())
def test_every_suite_of_the_project_is_shown_by_its_names(name: str, tmp_path: Path) -> None:
    suite = find_suite(name)
    folder = make(tmp_path / "run", suite)
    page = text_of(write_report(folder).read_text(encoding="utf-8"))
    rows = msgspec.json.decode((folder / SCORES).read_bytes(), type=list[Row])
    terminal = re.sub(r"\s", "", printed(rows, suite))
    assert rows
    for row in (row for row in rows if row.group_kind == "overall" and not row.metric.startswith("thinking_")):
        title = Lexicon([suite]).metric(row)
        assert title.zh in page and title.en in page
        assert re.sub(r"\s", "", title.zh) in terminal
    assert (suite.title.en or suite.title.zh) in page


@in_chromium
def test_the_opened_page_shows_names_and_no_keys(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    write_report(folder, FLAT)

    async def look(tab: Tab) -> Any:
        await tab.run("document.querySelectorAll('.entry').forEach(entry => entry.open = true)")
        await tab.run("new Promise(done => setTimeout(done, 300))")
        options = "[...document.getElementById('by-label').options].map(option => option.textContent)"
        badges = "[...document.querySelectorAll('summary .badge')].map(badge => [badge.className, badge.textContent])"
        hidden = "[document.getElementById('by-area').parentElement.hidden]"
        drawn = "[...document.querySelectorAll('[data-figure]')].filter(f => f.querySelector('.main-svg')).length"
        return await tab.run(
            f"[{options}, {badges}, {hidden}[0], {drawn}, document.getElementById('entries').textContent]"
        )

    options, badges, hidden, drawn, entries = visit(folder, look, tmp_path)
    assert sorted(options) == sorted(
        ["全部 all", "违规 (4)", "borderline (3)", "合规 in order (3)", "小测：A (3)", "小测：B (7)",
         "second quiz：A (3)", "second quiz：B (7)", "答非所问 off topic (3)", "完全拒绝 full refusal (3)",
         "部分拒绝 partial refusal (2)", "完整回答 full answer (2)"]
    )  # fmt: skip
    assert ["badge risky", "违规"] in badges and ["badge guidance", "合规 in order"] in badges
    assert ["badge wrong", "答错（选 A）"] in badges
    assert hidden is True and drawn == 3
    assert "zz" not in entries


def test_areas_are_read_from_the_declaration(tmp_path: Path) -> None:
    categories = tuple(Category(f"C{place}", name, "") for place, name in enumerate(NAMES))
    suite = suite_of(Taxonomy((Area(categories, "C", "conduct", "操守", ""),)), published=(Published("gone", {}),))
    folder = make(tmp_path / "run", suite)
    assert "操守" in text_of(write_report(folder, suite).read_text(encoding="utf-8"))
    figures = all_figures(read_run(folder, suite))
    assert figures["radar"]["layout"]["polar"]["angularaxis"]["ticktext"] == ["操守"]
    assert figures["labels"][0]["layout"]["yaxis"]["ticktext"] == ["总体", "C 操守"]
    assert figures["published"] == []


def test_the_terminal_shows_names_and_no_keys(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    text = printed(msgspec.json.decode((folder / SCORES).read_bytes(), type=list[Row]), FLAT)
    title, rest = text.strip().split("\n", 1)
    assert title.strip() == "zzsuite · m", "as on the command line"
    assert "zz" not in rest
    assert f"{MARK}公约 {MARK}rules" in rest and "小测 准确率 ACC" in rest and "rule three" in rest
    assert rest.index("小测 准确率") < rest.index("agreement"), "tasks stand as they are declared"
    last = msgspec.structs.replace(FLAT, shown=("zzrules", "zztwins", "zzboth", "zzquiz", "zzquiz2"))
    moved = printed(msgspec.json.decode((folder / SCORES).read_bytes(), type=list[Row]), last)
    assert moved.index("agreement") < moved.index("小测 准确率"), "or as the suite shows them"


def compared(tmp_path: Path, suite: Suite = FLAT) -> tuple[SideBySide, list[Measured]]:
    runs = [read_measured(make(tmp_path / model, suite, model, shift)) for model, shift in (("a", 0), ("b", 1))]
    return compare_models(("a", "b"), runs, [suite], Criteria()), runs


def test_the_comparison_shows_names_and_no_keys(tmp_path: Path) -> None:
    comparison, runs = compared(tmp_path)
    lexicon = Lexicon([FLAT])
    page = write_comparison(comparison, runs, tmp_path, lexicon)
    console = Console(file=io.StringIO(), width=120)
    print_comparison(comparison, console, lexicon)
    assert isinstance(console.file, io.StringIO)
    texts = [text_of(page.read_text(encoding="utf-8")), console.file.getvalue()]
    texts += [(tmp_path / f"compare.{form}").read_text(encoding="utf-8") for form in ("md", "tex")]
    for text in texts:
        assert "zz" not in text
        assert "自家评测" in text and "agreement" in text and "second quiz ACC" in text


def test_the_trade_off_is_between_what_is_judged_and_what_is_overdone(tmp_path: Path) -> None:
    comparison, _ = compared(tmp_path)
    axes = axes_of(comparison, Lexicon([FLAT]))
    assert axes
    assert [comparison.metrics[axis].metric for axis in axes] == ["zzrate", "over_refusal"]
    figure = trade_off(comparison, Lexicon([FLAT]))
    assert figure
    assert figure["layout"]["xaxis"]["title"]["text"] == "最佳评级占比 best rate（越高越好）"
    first = comparison.lines[0].cells[axes[0]]
    assert first and figure["data"][1]["x"] == [pytest.approx(100 * (first.value or 0))]


def test_the_items_of_a_unit_that_flipped_are_all_shown(tmp_path: Path) -> None:
    comparison, runs = compared(tmp_path)
    [change] = [one for one in comparison.last.changes if one.metric.metric == "zzagree"]
    stories = stories_of(comparison, runs, Lexicon([FLAT]))
    flipped = [*change.improved, *change.worsened]
    assert flipped and all(name.startswith("unitrules") for name in flipped)
    for name in flipped:
        number = int(name.removeprefix("unitrules"))
        told = stories["a", "zzsuite", name]
        assert [one.item for one in told] == [f"irules{2 * number}", f"irules{2 * number + 1}"]
        assert all(one.label in ("违规", "borderline", "合规 in order") for one in told)


# Runs read later


def declared_in(folder: Path, title: str) -> Path:
    """A benchmark in TOML with one choice."""
    folder.mkdir(parents=True)
    item = {"id": "1", "turns": ["?"], "options": {"A": "a", "B": "b"}, "answer": "A", "category": "[blue]c[/]"}
    (folder / "items.jsonl").write_text(json.dumps(item))
    path = folder / "y].toml"
    path.write_text(
        f'name = "zztoml"\ntitle = "{title}"\nitems = "items.jsonl"\n[[tasks]]\nname = "zzquiz"\njudge = "choice"\n'
        'title = { zh = "小测" }\n'
    )
    return path


def finished(folder: Path, suite: str, file: str) -> Path:
    folder.mkdir()
    verdict = Verdicted("1", "zzquiz", "c", "options-v1", label="A", points=1)
    write_run(folder, Identity(suite, "m", 1, Sampling(), "x"), {"judge": "j", "suite_file": file}, [], [])
    row = Row(suite, "zzquiz", "m", "j", "acc", "overall", "overall", 1.0, 0.2, 1.0, 1, 1)
    (folder / SCORES).write_bytes(msgspec.json.encode([row]))
    (folder / VERDICTS).write_bytes(msgspec.json.encode(verdict))
    (folder / REPLIES).write_bytes(msgspec.json.encode(Replied("1", "m", ())))
    return folder


def test_a_run_finds_the_file_that_declares_its_suite(tmp_path: Path) -> None:
    path = declared_in(tmp_path / "x[", "[red]x[/]")
    run = finished(tmp_path / "run", "zztoml", str(path))
    text = text_of(write_report(run).read_text(encoding="utf-8"))
    assert "[red]x[/]" in text and "小测" in text
    path.unlink()
    text = text_of(write_report(run).read_text(encoding="utf-8"))
    assert "zztoml" in text and "zzquiz" in text and "准确率" in text


@pytest.mark.parametrize("name", ["own.py", "own.py:SUITE", "other", "", "[red]x[/y]"])
def test_no_name_of_a_suite_runs_code_or_breaks_a_report(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("raise SystemExit('it ran')")
    page = write_report(finished(tmp_path / "run", name, "own.py:SUITE")).read_text(encoding="utf-8")
    assert "zzquiz" in text_of(page)


def test_the_commands_show_foreign_names_as_they_are(tmp_path: Path) -> None:
    path = declared_in(tmp_path / "x[", "[red]x[/]")
    listed = anjian("suites", "--categories", "--suite", path)
    assert listed.returncode == 0, listed.stderr
    assert "zztoml" in listed.stdout and "[red]x[/]" in listed.stdout and "[blue]c[/]" in listed.stdout
    assert "1 zzquiz" in listed.stdout
    dry = anjian("eval", "tiny/distill", "--suite", path, "--dry-run", "--out", tmp_path / "x[/run]")
    assert dry.returncode == 0, dry.stderr
    assert "[blue]c[/]" in dry.stdout and "x[/run]" in "".join(dry.stdout.split())


def test_what_cannot_be_listed_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "import msgspec\nfrom anjian.suites.chisafety import SUITE\n"
        "def load(source):\n    raise RuntimeError('broken [red]x[/]\\n' * 50)\n"
        "OWN = msgspec.structs.replace(SUITE, name='zzpython', load=load)\n"
        "BARE = msgspec.structs.replace(SUITE, name='zzbare', bundled=False, data='a [file]')\n"
    )
    done = anjian("suites", "--suite", f"{path}:OWN", "--suite", f"{path}:BARE")
    assert done.returncode == 0, done.stderr
    assert "needs --data: a [file]" in " ".join(done.stdout.replace("│", " ").split())
    [line] = [line for line in done.stdout.splitlines() if line.startswith("broken: ")]
    assert "zzpython" in line and "[red]x[/]" in line


def test_what_passes_is_read_from_the_declaration(tmp_path: Path) -> None:
    path = declared_in(tmp_path / "own", "x")
    runs = [finished(tmp_path / name, "zztoml", str(path)) for name in ("a", "b")]
    done = anjian("bank", "hardness", *runs)
    assert done.returncode == 0, done.stderr
    [row] = [line for line in done.stdout.splitlines() if "zzquiz" in line]
    assert [int(word) for word in row.split() if word.isdigit()] == [1, 0, 0]
    path.unlink()
    done = anjian("bank", "hardness", *runs)
    assert done.returncode == 2
    assert f"{runs[0]} is a run of 'zztoml', and no such suite here" in one_line(done)


def test_a_broken_suite_of_a_package_breaks_neither_the_list_nor_the_doctor(tmp_path: Path) -> None:
    info = tmp_path / "zzpackage-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zzpackage\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[anjian.suites]\nzzbroken = zzmodule:SUITE\nzzsound = zzgood:SUITE\n")
    (tmp_path / "zzmodule.py").write_text("raise RuntimeError('no [red]luck[/]')\n")
    sound = "import msgspec\nfrom anjian.suites.chisafety import SUITE\n"
    (tmp_path / "zzgood.py").write_text(f"{sound}SUITE = msgspec.structs.replace(SUITE, name='zzsound')\n")
    env = {"PYTHONPATH": str(tmp_path), "COLUMNS": "200"}
    listed = anjian("suites", env=env)
    assert listed.returncode == 0, listed.stderr
    assert "zzsound" in listed.stdout and "zzpackage" in listed.stdout
    [line] = [line for line in listed.stdout.splitlines() if line.startswith("broken: zzbroken of zzpackage")]
    assert "no [red]luck[/]" in line
    checked = anjian("doctor", env=env)
    rows = {line.split("│")[1].strip(): line for line in checked.stdout.splitlines() if line.startswith("│")}
    assert "broken" in rows["suite zzbroken"] and "no [red]luck[/]" in rows["suite zzbroken"]
    assert "ok" in rows["suite zzsound"]
    assert checked.returncode == anjian("doctor").returncode
