"""Comparisons as people see them: terminal, Markdown, CSV, LaTeX and HTML, with hostile names and answers."""

import asyncio
import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from browser import CHROMIUM, Tab, browser
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len
from rich.console import Console
from synthetic_comparison import FORMULA, LEXICON, MARKUP, MODELS, PROTECTED, SUITES, TYPESET, make_comparison, run_of
from synthetic_run import ANSWERS, SCRIPT

from anjian.errors import UsageError
from anjian.reports.comparison import print_comparison, write_comparison
from anjian.reports.comparison.figures import forest
from anjian.reports.comparison.flips import MOST_FLIPS, listed
from anjian.reports.comparison.latex import escaped as latex_escaped
from anjian.reports.comparison.markdown import escaped as markdown_escaped
from anjian.reports.comparison.table import interval_of, sheets, signed, value_of
from anjian.reports.comparison.trade import trade_off
from anjian.reports.comparison.words import mark, noted, told, way_of
from anjian.reports.text import csv_text
from anjian.scores.comparison import Measured, SideBySide, compare_models
from anjian.scores.gates import Criteria
from anjian.scores.paired import Change, Metric
from anjian.scores.rows import IMPORTED, Row
from anjian.text import plain

in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here, so the page was not opened")
RR1 = Metric("chisafety", "refusal", "rr1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[SideBySide, Path]:
    folder = tmp_path_factory.mktemp("comparison")
    comparison, runs = make_comparison(folder)
    assert write_comparison(comparison, runs, folder, LEXICON) == folder / "compare.html"
    return comparison, folder


@pytest.fixture
def comparison(made: tuple[SideBySide, Path]) -> SideBySide:
    return made[0]


@pytest.fixture
def folder(made: tuple[SideBySide, Path]) -> Path:
    return made[1]


def printed(comparison: SideBySide, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_comparison(comparison, console, LEXICON)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def two_models(*runs: Measured, imported: tuple[Row, ...] = ()) -> SideBySide:
    return compare_models(("a", "b"), runs, SUITES, Criteria(), imported, PROTECTED)


def foreign(model: str, value: float | None, metric: str = "acc") -> Row:
    return Row("gpqa", IMPORTED, model, "harness", metric, "overall", "overall", value, None, None, 198, 198)


# The table


def test_the_best_of_a_column_goes_by_direction_and_ties_are_all_best(comparison: SideBySide) -> None:
    for sheet in sheets(comparison, LEXICON):
        for column in sheet.columns:
            values = {i: float(value_of(row, column.factor)) for i, row in enumerate(column.cells) if row}
            assert len(values) >= 2
            wanted = max(values.values()) if column.metric.higher else min(values.values())
            assert column.best == {place for place, value in values.items() if value == wanted}
    (imported,) = (sheet for sheet in sheets(comparison, LEXICON) if sheet.suite == "gpqa|d")
    assert imported.columns[0].best == {1, 2}


def test_a_column_with_one_value_has_no_best() -> None:
    runs = [run_of(model, "reasoning", "reasoning", (1, 1)) for model in ("a", "b")]
    for other in ((), (foreign("b", None),)):
        found = sheets(two_models(*runs, imported=(foreign("a", 0.5), *other)), LEXICON)
        assert [column.best for sheet in found for column in sheet.columns if sheet.suite == "gpqa"] == [frozenset()]


def test_values_of_other_harnesses_are_percent_or_as_they_are() -> None:
    runs = [run_of(model, "reasoning", "reasoning", (1, 1)) for model in ("a", "b")]
    rows = (foreign("a", 0.5), foreign("b", 0.25), foreign("a", 61.5, "elo"), foreign("b", 60.0, "elo"))
    sheet = sheets(two_models(*runs, imported=rows), LEXICON)[-1]
    assert [value_of(row, column.factor) for column in sheet.columns for row in column.cells] == [
        "50.00", "25.00", "61.50", "60.00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "best", "text"), [(0.0, 1, "0.0"), (-0.0001, 1, "0.0"), (0.012, 1, "+1.2"), (-3.25, 100, "−3.2")]
)
def test_changes_have_signs_and_zero_has_none(value: float, best: float, text: str) -> None:
    assert signed(value, msgspec.structs.replace(RR1, best=best)) == text


@pytest.mark.parametrize(
    ("p", "gain", "sign", "way"),
    [
        (0.2, 0.1, "", "open"), (0.05, 0.1, "", "open"), (0.049, 0.1, "†", "better"), (0.01, -0.1, "†", "worse"),
        (0.009, -0.1, "‡", "worse"), (1.0, 0.0, "", "same"), (None, None, "", "none"),
    ],
)  # fmt: skip
def test_marks_and_findings(p: float | None, gain: float | None, sign: str, way: str) -> None:
    change = Change(RR1, 10, 0, change=gain, p_holm=p, improved=("i",) if gain else ())
    assert (mark(change, 0.05), way_of(change, 0.05)) == (sign, way)
    fewer = msgspec.structs.replace(change, metric=Metric("chisafety", "refusal", "hr", higher=False))
    assert way_of(fewer, 0.05) == {"better": "worse", "worse": "better"}.get(way, way)


# Words


def test_every_reason_and_note_is_told_in_chinese(tmp_path: Path) -> None:
    calm = [run_of(model, "reasoning", "reasoning", (0, 1), items=400) for model in ("a", "b")]
    answers = [run_of(m, "over_refusal", "over_refusal", (0, 0, 1), items=400, judge="m") for m in ("a", "b")]
    silent = run_of("b", "over_refusal", "over_refusal", (1, 0, 0), items=400, judge="m")
    shares = (("a", (1.0, 0, 0, 0)), ("b", (0, 0, 0.0, 1)))
    first, second = (run_of(model, "chisafety", "refusal", share, judge="m") for model, share in shares)
    looked = [run_of(model, "chisafety", "refusal", share) for model, share in shares]
    choices = [run_of(m, "chisafety", "mcq", share, items=90) for m, share in (("a", (0, 1)), ("b", (1, 0)))]
    other = msgspec.structs.replace(
        silent, items="x", rows=[msgspec.structs.replace(r, judge="j") for r in silent.rows]
    )
    few = run_of("b", "over_refusal", "over_refusal", (0, 0, 1), items=300, judge="m")
    pairs = {
        "safer": [first, second, *calm, *answers],
        "harmed": [*choices, answers[0], silent],
        "not proven": [first, second, answers[0], few, calm[0]],
        "first look": [*looked, *calm, *answers],
        "small": [
            first,
            second,
            *calm,
            *(run_of(m, "over_refusal", "over_refusal", (0, 0, 1), items=30, judge="m") for m in "ab"),
        ],
        "other": [answers[0], other],
    }
    outcomes, verbs = {}, set()
    for name, runs in pairs.items():
        found = two_models(*runs)
        outcomes[name] = found.last.decision.outcome
        reasons = [told(reason, found.last, found.criteria, LEXICON) for reason in found.last.decision.reasons]
        assert reasons
        for words in [*reasons, *(noted(note, LEXICON) for note in found.notes)]:
            assert not re.search(r"[一-鿿]", words.en), words
            verbs |= set(re.findall("变好|变差|保持|可能|没有|无法|不同|初看|至少要", words.zh))
    assert outcomes.pop("safer") == "safer" and outcomes.pop("harmed") == "harmed"
    assert set(outcomes.values()) == {"not proven"}
    assert {"变好", "变差", "保持", "没有", "无法", "不同", "初看", "至少要"} <= verbs


# Terminal


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_all_within_its_width(comparison: SideBySide, width: int) -> None:
    text = printed(comparison, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert not set("\x1b\u202e") & set(text)
    together = re.sub(r"\s+", "", text)
    for column in (column for sheet in sheets(comparison, LEXICON) for column in sheet.columns):
        for row in filter(None, column.cells):
            assert value_of(row, column.factor) in together
            assert interval_of(row, column.factor) in together
    for contrast in comparison.contrasts:
        assert re.sub(r"\s+", "", f"{plain(contrast.before)}→{plain(contrast.after)}") in together
        for change in contrast.changes:
            assert signed(change.change, change.metric) in together
        for reason in contrast.decision.reasons:
            assert re.sub(r"\s+", "", told(reason, contrast, comparison.criteria, LEXICON).zh) in together
    assert "裁判 judge: options-v1, rules-v1" in text
    assert "初看判定" in text
    assert "reasoning: no run of hf/" in text
    assert text.rstrip().splitlines()[-1].endswith(f"exit code with --gate: {comparison.last.decision.exit_code}")


def test_a_comparison_without_a_suite_in_common_is_shown(tmp_path: Path) -> None:
    bare = two_models(run_of("a", "reasoning", "reasoning", (1, 1)))
    assert "没有 b 的运行" in printed(bare)
    write_comparison(bare, [], tmp_path, LEXICON)
    assert "没有 b 的运行" in (tmp_path / "compare.html").read_text(encoding="utf-8")


# Markdown


def cells_of(text: str) -> list[list[list[str]]]:
    """Tables of rendered Markdown as lists of lines of cells."""
    found: list[list[list[str]]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found:
            found[-1][-1].append("".join(child.content for child in token.children or []))
    return found


def test_markdown_has_a_table_for_each_suite_and_each_pair(comparison: SideBySide, folder: Path) -> None:
    text = (folder / "compare.md").read_text(encoding="utf-8")
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    found = [cells_of(one)[0] for one in tables]
    assert len(found) == len(sheets(comparison, LEXICON)) + len(comparison.contrasts)
    for table, sheet in zip(found, sheets(comparison, LEXICON), strict=False):
        assert [line[0] for line in table[1:]] == [" ".join(plain(model).split()) for model in MODELS]
        for place, line in enumerate(table[1:]):
            for cell, column in zip(line[1:], sheet.columns, strict=True):
                assert cell.startswith(value_of(column.cells[place], column.factor))
    for table in found:
        assert {len(line) for line in table} == {len(table[0])}
    bold = re.findall(r"\*\*[\d.]+\*\*", text)
    assert len(bold) == sum(len(column.best) for sheet in sheets(comparison, LEXICON) for column in sheet.columns)
    assert "[−" in text and "‡" in text and "初看判定" in text


@given(st.text(st.characters(codec="utf-8")) | st.text(st.sampled_from("\\|`*_[]()<>&#+-.!~=1 a\n\"'{}^")))
def test_markdown_shows_any_name_as_it_is(name: str) -> None:
    shown = " ".join(plain(name).split())
    (table,) = cells_of(f"| a | b |\n|---|---|\n| {markdown_escaped(name)} | x |")
    assert table[1] == [shown, "x"]


# CSV


def read_csv(path: Path) -> list[dict[str, str]]:
    assert path.read_bytes().startswith(codecs.BOM_UTF8), "Excel needs it"
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def test_the_cells_are_tidy(comparison: SideBySide, folder: Path) -> None:
    lines = read_csv(folder / "compare.csv")
    assert len(lines) == sum(row is not None for line in comparison.lines for row in line.cells)
    assert [line["model"] for line in lines if line["metric"] == "rr1"] == [plain(MARKUP), f"'{FORMULA}", TYPESET]
    rr1 = next(row for row in comparison.lines[0].cells if row and row.metric == "rr1")
    first = next(line for line in lines if line["metric"] == "rr1")
    assert [float(first[key]) for key in ("value", "low", "high", "n", "scored")] == [
        rr1.value, rr1.low, rr1.high, rr1.n, rr1.scored,
    ]  # fmt: skip
    assert [line["best"] for line in lines if line["suite"] == "gpqa|d"] == ["0", "1", "1"]


def test_the_changes_are_tidy(comparison: SideBySide, folder: Path) -> None:
    lines = read_csv(folder / "changes.csv")
    changes = [change for contrast in comparison.contrasts for change in contrast.changes]
    assert [(line["metric"], line["n"]) for line in lines] == [(c.metric.metric, str(c.n)) for c in changes]
    assert [line["change"] for line in lines] == ["" if c.change is None else str(c.change) for c in changes]
    assert {line["decision"] for line in lines} == {contrast.decision.outcome for contrast in comparison.contrasts}


@given(st.text(st.sampled_from("=+-@＝＋－＠﹣﹫\t\r\n \u3000\xa0\u200d\x1b\u202e'“1a,\"")))
def test_no_cell_is_a_formula(name: str) -> None:
    ((cell,),) = csv.reader(io.StringIO(csv_text([[name + "x"]]).removeprefix("\ufeff")))
    text = plain(name + "x")
    assert cell in (text, "'" + text)
    meant = unicodedata.normalize("NFKC", text.lstrip(" \u3000\xa0\u200d'“\""))
    assert (cell != text) == meant.startswith(("=", "+", "-", "@"))


# LaTeX

_READ = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^", r"\textless{}": "<",
    r"\textgreater{}": ">", r"\textbar{}": "|", "$-$": "−", r"\textendash{}": "–", r"$\alpha$": "α", r"\dag{}": "†",
    r"\ddag{}": "‡", r"$\rightarrow$": "→", "{}": "", **{f"\\{char}": char for char in "_%#&{}$"},
    **{f"{{{char}}}": char for char in "[]*`\""},
}  # fmt: skip


def latex_read(text: str) -> str:
    """What LaTeX prints; fails on anything that it would read as a command."""
    tokens = sorted(map(re.escape, _READ), key=len, reverse=True)
    shown = ""
    for part in re.findall(rf"{'|'.join(tokens)}|.", text, re.DOTALL):
        assert part in _READ or part not in set('\\{}$&%#_^~[]*`"'), part
        shown += _READ.get(part, part)
    return shown


@given(st.text(st.characters(codec="utf-8")) | st.text(st.sampled_from("\\{}$&%#_^~[]*`'\"-<>| a")))
def test_latex_prints_any_name_as_it_is(name: str) -> None:
    text = latex_escaped(name)
    assert latex_read(text) == plain(name)
    assert "--" not in text and "''" not in text


def test_latex_is_whole(comparison: SideBySide, folder: Path) -> None:
    text = (folder / "compare.tex").read_text(encoding="utf-8")
    bare = re.sub(r"\\[\\{}%&#$_]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    tables = re.findall(r"\\begin\{tabular\}\{(\w+)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert len(tables) == len(sheets(comparison, LEXICON)) + len(comparison.contrasts)
    for columns, body in tables:
        for line in body.splitlines():
            cells = 1 + len(re.findall(r"(?<!\\)&", line))
            if line.endswith(r" \\") and "multicolumn" not in line:
                assert cells == len(columns), line
    assert latex_escaped(TYPESET) in text
    assert r"ACC-i $\uparrow$\\discrimination" in text
    assert not re.search(r"[一-鿿]", text)
    assert "judge: rules-v1" in text and "a first look: harm it cannot see" in text and "no run of" in text


# Flips and figures


def test_of_many_flips_both_ways_are_listed() -> None:
    many = tuple(map(str, range(300)))
    for better, worse, wanted in (
        (300, 300, (100, 100)),
        (300, 20, (180, 20)),
        (20, 300, (20, 180)),
        (150, 50, (150, 50)),
    ):
        found = listed(Change(RR1, 600, 0, improved=many[:better], worsened=many[:worse]))
        assert tuple(map(len, found)) == wanted
        assert sum(wanted) <= MOST_FLIPS


def test_figures_tell_gains_and_what_is_compared(comparison: SideBySide) -> None:
    for contrast in comparison.contrasts:
        figure = forest(contrast, comparison.criteria, LEXICON)
        assert figure
        points = {
            y: x
            for trace in figure["data"]
            if trace["mode"] == "markers"
            for x, y in zip(trace["x"], trace["y"], strict=True)
        }
        for change in contrast.changes:
            key = "/".join((change.metric.suite, change.metric.task, change.metric.metric, change.metric.group))
            assert (key in points) == (change.gain is not None)
            if change.gain is not None:
                assert points[key] == pytest.approx(change.gain * change.metric.points)
        bound = [change for change in contrast.changes if change.metric.group_kind == "overall" and change.n]
        margins = [shape for shape in figure["layout"]["shapes"] if shape["x0"]]
        assert [shape["x0"] for shape in margins] == [-2.0] * len(bound)
    figure = trade_off(comparison, LEXICON)
    assert figure
    assert [trace["name"][0] for trace in figure["data"][1:]] == ["1", "2", "3"]
    assert "<script" not in str(figure)
    assert (
        trade_off(two_models(*(run_of(model, "reasoning", "reasoning", (1, 1)) for model in ("a", "b"))), LEXICON)
        is None
    )


# The page


def visit(folder: Path, work: Callable[[Tab], Awaitable[Any]], tmp_path: Path) -> Any:
    async def whole() -> Any:
        async with browser(tmp_path / "profile") as tab:
            page = (folder / "compare.html").as_uri()
            await tab.open(page)
            found = await work(tab)
            assert not [*tab.named("Runtime.exceptionThrown"), *tab.named("Log.entryAdded")]
            asked = [event["request"]["url"] for event in tab.named("Network.requestWillBeSent")]
            assert [url for url in asked if not url.startswith("data:")] == [page]
            return found

    return asyncio.run(whole())


WAIT = "new Promise(done => setTimeout(done, 300))"
OPEN = f"(async () => {{ for (const box of document.querySelectorAll('.flips')) box.open = true; await {WAIT}; "
OPEN += f"for (const box of document.querySelectorAll('.flip')) box.open = true; await {WAIT}; }})()"


@in_chromium
def test_the_page_shows_all_and_runs_nothing_of_others(comparison: SideBySide, folder: Path, tmp_path: Path) -> None:
    async def look(tab: Tab) -> Any:
        await tab.run(OPEN)
        facts = "[document.title, document.querySelector('h1').textContent, document.body.innerText, "
        facts += "document.querySelectorAll('#owned, main img, .flip script').length, document.scripts.length, "
        facts += "[...document.querySelectorAll('[data-figure]')].filter(f => f.querySelector('.main-svg "
        facts += ".scatterlayer path')).map(f => f.dataset.figure), document.querySelectorAll('.flip').length, "
        facts += "[...document.querySelectorAll('.sheet td b')].length]"
        found = await tab.run(facts)
        await tab.resize(390, 800, mobile=True)
        await tab.run("new Promise(done => setTimeout(done, 400))")
        return found, await tab.run("[document.documentElement.scrollWidth, innerWidth]")

    (title, heading, text, owned, scripts, drawn, flips, bold), phone = visit(folder, look, tmp_path)
    shown = MARKUP.replace("\x1b", "‹U+001B›").replace("\u202e", "‹U+202E›")
    assert title == f"{shown} → {FORMULA} → {TYPESET} · 安鉴模型对比"
    assert heading == f"{shown} → {FORMULA} → {TYPESET}"
    assert (owned, scripts) == (0, 4)
    assert drawn == ["trade-off", "forest-0", "forest-1", "forest-2"]
    assert phone == [390, 390]
    changes = [change for contrast in comparison.contrasts for change in contrast.changes]
    assert flips == sum(len(change.improved) + len(change.worsened) for change in changes)
    assert bold == sum(len(column.best) for sheet in sheets(comparison, LEXICON) for column in sheet.columns)
    assert SCRIPT in text and "‹U+001B›[31mred" in text
    assert ANSWERS[2] in text and "直接拒绝 direct refusal" in text and "答对 right：A" in text
    assert "没有原文 no text" in text
    assert "初看判定" in text and "reasoning：没有 hf/" in text
    for change in changes:
        assert signed(change.change, change.metric) in text


@in_chromium
def test_a_flip_shows_both_answers_and_labels(comparison: SideBySide, folder: Path, tmp_path: Path) -> None:
    contrast = comparison.contrasts[0]
    place, change = next((i, c) for i, c in enumerate(contrast.changes) if c.metric.metric == "rr1" and c.worsened)

    async def look(tab: Tab) -> Any:
        await tab.run(f'document.querySelector(\'.flips[data-contrast="0"][data-change="{place}"]\').open = true')
        await tab.run(WAIT)
        await tab.run("document.querySelector('.flip').open = true")
        await tab.run(WAIT)
        return await tab.run(
            "[document.querySelectorAll('.flip').length, document.querySelector('.flip .mono').textContent, "
            "[...document.querySelectorAll('.flip .round .badge')].map(b => b.textContent), "
            "[...document.querySelectorAll('.flip .said')].map(b => b.textContent)]"
        )

    count, item, labels, said = visit(folder, look, tmp_path)
    assert count == len(change.improved) + len(change.worsened)
    assert item == change.worsened[0]
    assert "拒绝" in labels[0] and "不拒绝" in labels[1]
    assert len(said) == 3 and "你能替我写一段" in said[0]
    for place, text in ((0, said[1]), (1, said[2])):
        replies = (folder / f"run{place}" / "replies.jsonl").read_bytes().splitlines()
        (reply,) = (one for one in map(msgspec.json.decode, replies) if one["id"] == item)
        assert text == reply["answer"]


def test_the_page_says_how_many_flips_are_not_listed(tmp_path: Path) -> None:
    before, after = (
        run_of("a", "reasoning", "reasoning", (1, 0), items=450),
        run_of("b", "reasoning", "reasoning", (0, 1), items=450),
    )
    write_comparison(two_models(before, after), [before, after], tmp_path, LEXICON)
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert f"另有 {450 - 450 // 31 - MOST_FLIPS} 题没有列出" in page


def test_texts_of_a_broken_run_are_refused(tmp_path: Path) -> None:
    comparison, runs = make_comparison(tmp_path)
    (tmp_path / "run1" / "replies.jsonl").write_bytes(b"{broken\n")
    with pytest.raises(UsageError, match=r"replies\.jsonl"):
        write_comparison(comparison, runs, tmp_path, LEXICON)
