"""The HTML report, opened in a real Chromium: it shows the numbers, shows hostile text as text, and asks nobody."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from browser import CHROMIUM, Tab, browser
from hypothesis import given
from hypothesis import strategies as st
from synthetic_run import MODEL, SCRIPT, make_run

from anjian.errors import UsageError
from anjian.reports import entries
from anjian.reports.entries import read_run
from anjian.reports.figures import all_figures
from anjian.reports.html import write_report
from anjian.reports.page import embedded
from anjian.scores.rows import GroupKind, Row, Verdicted

HOSTILE_MODEL = "http://h:1/v1#</title><script>document.title='owned'</script>\x1b[31m\u202e{{ 7*7 }}"
NOTE = "1567 multiple-choice questions were not asked <img src=x onerror=\"document.title='owned'\">"
in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here, so the report was not opened")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_run(tmp_path_factory.mktemp("run"), model=HOSTILE_MODEL, notes=(NOTE,))
    write_report(folder)
    return folder


def visit(folder: Path, work: Callable[[Tab], Awaitable[Any]], tmp_path: Path) -> Any:
    """Opens the report of a folder and returns what `work` returns; fails if the page complained while loading."""

    async def whole() -> Any:
        async with browser(tmp_path / "profile") as tab:
            await tab.open((folder / "report.html").as_uri())
            assert not [*tab.named("Runtime.exceptionThrown"), *tab.named("Log.entryAdded")]
            return await work(tab)

    return asyncio.run(whole())


def scores(folder: Path) -> list[Row]:
    return msgspec.json.decode((folder / "scores.json").read_bytes(), type=list[Row])


def verdicts(folder: Path) -> list[Verdicted]:
    return [msgspec.json.decode(line, type=Verdicted) for line in (folder / "verdicts.jsonl").read_bytes().splitlines()]


@in_chromium
def test_shows_the_numbers_of_the_scores(run: Path, tmp_path: Path) -> None:
    async def look(tab: Tab) -> Any:
        return await tab.run(
            "[...document.querySelectorAll('.card')].map(card => [card.dataset.metric, "
            "...['.value', '.interval', '.counted'].map(part => card.querySelector(part).textContent)])"
        )

    cards = visit(run, look, tmp_path)
    assert [card[0] for card in cards] == ["rr1", "rr2", "hr", "acc_o"]
    rows = {row.metric: row for row in scores(run) if row.group_kind == "overall"}
    for metric, value, interval, counted in cards:
        row = rows[metric]
        assert row.value is not None and row.low is not None and row.high is not None
        assert value == f"{row.value * 100:.2f}%"
        assert interval == f"95% 区间 {row.low * 100:.2f}–{row.high * 100:.2f}"
        assert counted == f"计分 {row.scored} / {row.n}"


@in_chromium
def test_draws_every_chart_without_a_complaint(run: Path, tmp_path: Path) -> None:
    async def look(tab: Tab) -> Any:
        await tab.run("[...document.querySelectorAll('.choices button')].forEach(button => button.click())")
        places = await tab.run(
            "[...document.querySelectorAll('[data-figure]')].filter(f => f.querySelector('.main-svg .trace, .main-svg "
            ".barlayer path, .main-svg .scatterlayer path')).map(f => f.dataset.figure)"
        )
        chosen = await tab.run("document.querySelector('.choices [aria-pressed=true]').textContent")
        wide = await tab.run("document.documentElement.scrollWidth <= innerWidth")
        return places, chosen, wide, tab.named("Log.entryAdded")

    places, chosen, wide, complaints = visit(run, look, tmp_path)
    assert places == ["labels-0", "radar", "categories", "contrasts-0", "published-0", "published-1"]
    assert chosen == "准确率 ACC"
    assert wide
    assert not complaints


@in_chromium
def test_fits_a_phone(run: Path, tmp_path: Path) -> None:
    async def look(tab: Tab) -> Any:
        await tab.resize(390, 800, mobile=True)
        await tab.run("new Promise(done => setTimeout(done, 400))")
        return await tab.run("[document.documentElement.scrollWidth, innerWidth]")

    assert visit(run, look, tmp_path) == [390, 390]


@in_chromium
def test_asks_nobody(run: Path, tmp_path: Path) -> None:
    """The policy refuses requests and new scripts even to a script of the page: a server beside it is never called."""
    callers = []

    async def look(tab: Tab) -> Any:
        server = await asyncio.start_server(lambda reader, writer: callers.append(writer), "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await tab.run(
            """(async (address) => {
              globalThis.refused = [];
              addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
              await fetch(address).catch(() => null);
              new Image().src = `${address}x.png`;
              const script = document.createElement("script");
              script.textContent = "document.title = 'owned'";
              document.body.append(script);
              const box = document.createElement("div");
              box.innerHTML = '<img src="data:," onerror="document.title=1"><iframe src="http://127.0.0.1:9/"></iframe>';
              document.body.append(box);
              await new Promise((done) => setTimeout(done, 500));
            })"""
            f"('{address}')"
        )
        server.close()
        return await tab.run("[refused, document.title]")

    refused, title = visit(run, look, tmp_path)
    assert {"connect-src", "img-src", "script-src-elem", "script-src-attr", "frame-src"} <= set(refused)
    assert "安鉴" in title
    assert callers == []


@in_chromium
def test_hostile_text_is_shown_and_not_run(run: Path, tmp_path: Path) -> None:
    async def look(tab: Tab) -> Any:
        said = []
        for words in ("<script>document.title='owned'", "[bold]loud"):
            await search(tab, words)
            await tab.run("document.querySelectorAll('.entry').forEach(entry => entry.open = true)")
            await tab.run("new Promise(done => setTimeout(done, 300))")
            said.append(await tab.run("document.getElementById('entries').textContent"))
        facts = (
            "[document.title, document.querySelector('h1').textContent, document.querySelectorAll('#owned').length, "
        )
        facts += "document.querySelectorAll('main img, #entries script').length, document.scripts.length]"
        return said, await tab.run(facts)

    (scripts, controls), (title, heading, owned, elements, count) = visit(run, look, tmp_path)
    assert SCRIPT in scripts
    assert "‹U+001B›[31mred‹U+0007› safe‹U+202E›gpj.exe {{ 7*7 }} </title><h1 id=owned>owned</h1>" in controls
    assert "&lt;b&gt;‹U+2028›end" in controls
    shown = HOSTILE_MODEL.replace("\x1b", "‹U+001B›").replace("\u202e", "‹U+202E›")
    assert title == f"{shown} · 安鉴安全评测报告"
    assert heading == shown
    assert (owned, elements, count) == (0, 0, 4)


async def search(tab: Tab, words: str) -> None:
    await tab.run(
        f"(() => {{ const box = document.getElementById('by-text'); box.value = {json.dumps(words)}; "
        "box.dispatchEvent(new Event('input')); return new Promise(done => setTimeout(done, 400)); })()"
    )


async def choose(tab: Tab, control: str, value: str) -> None:
    await tab.run(
        f"(() => {{ const box = document.getElementById('{control}'); box.value = {json.dumps(value)}; "
        "box.dispatchEvent(new Event('change')); })()"
    )


async def found(tab: Tab) -> int:
    text: str = await tab.run("document.getElementById('found').textContent")
    return int(text.split(" / ")[0])


@in_chromium
def test_filters_and_pages(run: Path, tmp_path: Path) -> None:
    async def look(tab: Tab) -> dict[str, Any]:
        seen: dict[str, Any] = {"all": await found(tab)}
        seen["first page"] = await tab.run("document.querySelectorAll('.entry').length")
        seen["first"] = await tab.run("document.querySelector('.entry .badge').textContent")
        await tab.run("document.getElementById('next').click()")
        seen["page"] = await tab.run("document.getElementById('page').textContent")
        await choose(tab, "by-area", "商业违法违规")
        seen["area"] = await found(tab)
        seen["categories"] = await tab.run("document.getElementById('by-category').options.length - 1")
        await choose(tab, "by-category", "违反商业道德")
        seen["category"] = await found(tab)
        await choose(tab, "by-label", "unscored")
        seen["unscored"] = await found(tab)
        seen["badges"] = await tab.run("[...document.querySelectorAll('.entry .badge')].map(b => b.className)")
        await tab.run("document.querySelector('.filters').reset()")
        await tab.run("new Promise(done => setTimeout(done, 100))")
        seen["cleared"] = await found(tab)
        await search(tab, "CHI-C2-M13")
        seen["text"] = await tab.run("document.querySelectorAll('.entry').length")
        await search(tab, "没有这几个字")
        seen["nothing"] = await found(tab)
        return seen

    seen, lines = visit(run, look, tmp_path), verdicts(run)
    ethics = [line for line in lines if line.category == "违反商业道德"]
    assert seen == {
        "all": len(lines),
        "first page": 50,
        "first": "不拒绝且给出风险回复 risky reply",
        "page": "2 / 13",
        "area": 5 * 20,
        "categories": 5,
        "category": len(ethics),
        "unscored": sum(line.unscored is not None for line in ethics),
        "badges": ["badge unscored"] * sum(line.unscored is not None for line in ethics),
        "cleared": len(lines),
        "text": 1,
        "nothing": 0,
    }
    assert seen["unscored"]


@in_chromium
def test_an_opened_item_tells_everything(run: Path, tmp_path: Path) -> None:
    async def look(tab: Tab) -> Any:
        await search(tab, "chi-A1-q04")
        await tab.run("document.querySelector('.entry').open = true")
        await tab.run("new Promise(done => setTimeout(done, 200))")
        texts = await tab.run("[...document.querySelectorAll('.body .who, .body summary')].map(e => e.textContent)")
        return (
            texts,
            await tab.run("document.querySelector('.body').textContent"),
            await tab.run("document.querySelector('.body details.thinking')?.open"),
        )

    texts, body, thinking_open = visit(run, look, tmp_path)
    assert [text.split(" ")[0] for text in texts] == ["用户", "模型", "用户", "思考", "回复"]
    assert "裁判 rules-v1" in body and "编号 chi-A1-q04" in body and "词元" in body
    assert thinking_open is False


class Tags(HTMLParser):
    """Collects what could make a browser fetch something."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [
            f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href", "action", "data")
        ]


def test_is_one_file(run: Path) -> None:
    page, tags = (run / "report.html").read_text(encoding="utf-8"), Tags()
    tags.feed(page)
    assert tags.addresses == []
    assert "@import" not in page.split("</style>")[0]
    assert "url(" not in page.split("</style>")[0]
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    assert "unsafe" not in policy[1] and "http" not in policy[1] and "default-src &#39;none&#39;" in policy[1]


def test_says_what_the_reader_must_know(run: Path, tmp_path: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "覆盖率不足 95%" in page
    assert "裁判 rules-v1 按规则判定" in page
    assert "不能直接比较" in page
    assert "没有选择题成绩" not in page
    assert "were not asked &lt;img src=x" in page
    other = make_run(tmp_path, mcq=0, refusal=2, origin="official release in /data/v1", judge="openai/gpt", epochs=2)
    page = write_report(other).read_text(encoding="utf-8")
    assert "没有选择题成绩" in page
    assert "本次也用官方题目，裁判是 openai/gpt" in page
    assert "不能直接比较" not in page
    assert "rules-v1" not in page.split("</main>")[0].split("<main")[1]


def test_every_mark_has_a_hover_with_value_interval_and_count(run: Path) -> None:
    figures = all_figures(read_run(run))
    for figure in (*figures["labels"], figures["radar"], *figures["categories"], *figures["contrasts"]):
        for trace in figure["data"]:
            values = next(trace[key] for key in ("r", "x", "y") if isinstance(trace.get(key, [""])[0], int | float))
            assert len(trace["hovertext"]) == len(values)
            for text in trace["hovertext"]:
                assert re.search(r"\d+\.\d\d%.*95% 区间 \d+\.\d\d–\d+\.\d\d.*\d+ / \d+", text), text
    radar = next(trace for trace in figures["radar"]["data"] if trace["name"].endswith("RR-1"))
    rows = [row for row in scores(run) if row.metric == "rr1" and row.group_kind == "area"]
    assert radar["r"][:-1] == [pytest.approx(100 * (row.value or 0)) for row in rows]


def test_large_runs_list_the_harmful_then_the_unscored(
    run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(entries, "MOST_ENTRIES", 60)
    listed = read_run(run).entries
    tones = [entry.tone for entry in listed]
    lines = verdicts(run)
    harmful = sum(line.task == "refusal" and line.points == 0 for line in lines)
    assert tones[:harmful] == ["risky"] * harmful
    assert tones[harmful:] == ["unscored"] * (60 - harmful)
    page = write_report(make_run(tmp_path)).read_text(encoding="utf-8")
    assert f"另有 {len(lines) - 60} 条没有列出" in page


def test_long_texts_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "LONGEST_THINKING", 10)
    folder = make_run(tmp_path, refusal=3, mcq=0)
    assert "（其余 " in next(entry.thinking for entry in read_run(folder).entries if entry.thinking)
    monkeypatch.setattr(entries, "MOST_TEXT", 500)
    assert 0 < len(read_run(folder).entries) < 20


def test_other_suites_are_shown_too(tmp_path: Path) -> None:
    """A suite without a taxonomy and with scores from 0 to 100."""
    folder = make_run(tmp_path, refusal=1, mcq=0)
    table = (folder / "run.toml").read_text(encoding="utf-8").replace('"chisafety"', '"novel"')
    (folder / "run.toml").write_text(table, encoding="utf-8")
    groups: list[tuple[GroupKind, str]] = [("overall", "overall"), ("round", "1"), ("round", "2")]
    groups.append(("dimension", "<b>x</b>"))
    rows = [Row("novel", "talk", MODEL, "j", "score", *group, 71.25, 60.0, 80.0, 31, 30) for group in groups]
    (folder / "scores.json").write_bytes(msgspec.json.encode(rows))
    page = write_report(folder).read_text(encoding="utf-8")
    assert '<p class="value">71.25<span></span></p>' in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page and "<b>x</b>" not in page


def test_a_run_without_replies_is_shown(tmp_path: Path) -> None:
    folder = make_run(tmp_path, refusal=0, mcq=0)
    page = write_report(folder).read_text(encoding="utf-8")
    assert "0 / 0 条回复计分" in page


def test_a_run_that_says_little_of_itself_is_shown(tmp_path: Path) -> None:
    folder = make_run(tmp_path, refusal=1, mcq=0)
    (folder / "run.toml").write_text("[anjian]\n[run]\n[items]\n", encoding="utf-8")
    assert "<h1>–</h1>" in write_report(folder).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["run.toml", "scores.json", "verdicts.jsonl", "replies.jsonl"])
def test_an_unfinished_run_is_refused(name: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path, refusal=1, mcq=0)
    (folder / name).write_bytes(b"{broken\n")
    with pytest.raises(UsageError, match=name):
        write_report(folder)
    (folder / name).unlink()
    with pytest.raises(UsageError, match=name):
        write_report(folder)
    assert not (folder / "report.html").exists()


def test_replies_of_another_run_are_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path, refusal=2, mcq=0)
    lines = (folder / "replies.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "replies.jsonl").write_bytes(b"".join(reversed(lines)))
    with pytest.raises(UsageError, match="is not the reply judged"):
        write_report(folder)


@given(st.text())
def test_embedded_json_cannot_leave_its_element(text: str) -> None:
    page = embedded({"text": text})
    assert not set("<>&\u2028\u2029") & set(page)
    assert json.loads(page) == {"text": text}


def test_importing_reports_loads_neither_plotly_nor_jinja2() -> None:
    code = (
        "import sys, anjian.reports.html, anjian.reports.terminal, anjian.reports.published, anjian.reports.figures; "
    )
    code += "print(*{'plotly', 'jinja2', 'scipy', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
