"""Score tables in a terminal, for known and unknown suites, with hostile names."""

import io
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text
from synthetic_run import make_run

from anjian.reports.names import lexicon_of
from anjian.reports.terminal import print_scores, score_tables
from anjian.reports.text import interval_text, number
from anjian.scores.rows import GroupKind, Row
from anjian.text import plain, visible

LEXICON = lexicon_of(["chisafety", "sc_safety", "no such suite"])
HOSTILE = "evil\x1b[2J\x1b]0;owned\x07\u202etxt[bold red]loud[/] [/nothing] \\[x]\nsecond line"


def shown(rows: list[Row], width: int = 100, colour: bool = False) -> str:
    paper = io.StringIO()
    console = Console(file=paper, width=width, force_terminal=colour, color_system="standard" if colour else None)
    print_scores(rows, console, LEXICON)
    return paper.getvalue()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    folder = make_run(tmp_path_factory.mktemp("run"))
    return msgspec.json.decode((folder / "scores.json").read_bytes(), type=list[Row])


def find(rows: list[Row], metric: str, group: str) -> Row:
    return next(row for row in rows if (row.metric, row.group) == (metric, group))


def line(text: str, start: str) -> str:
    return next(line.strip() for line in text.splitlines() if line.strip().startswith(start))


def test_overall_shows_value_interval_and_count(rows: list[Row]) -> None:
    text = shown(rows)
    for metric, name in (
        ("rr1", "拒答率 RR-1"),
        ("rr2", "责任率 RR-2"),
        ("hr", "有害率 HR"),
        ("acc_o", "总体准确率 ACC-O"),
    ):
        row = find(rows, metric, "overall")
        assert row.value is not None
        wanted = [f"{100 * row.value:.2f}%", interval_text(row.low, row.high), f"{row.scored}/{row.n}"]
        assert line(text, name).removeprefix(name).split()[:3] == wanted
    assert text.index("RR-1") < text.index("ACC-O")


def test_areas_history_categories_and_thinking_follow(rows: list[Row]) -> None:
    text = shown(rows)
    heads = ["领域 area (%)", "对话历史 history (%)", "类别 category (%)", "思考 thinking"]
    places = [text.index(head) for head in heads]
    assert places == sorted(places)
    area = [number(find(rows, metric, "商业违法违规").value, digits=1) for metric in ("rr1", "rr2", "hr")]
    assert line(text, "C  商业违法违规").split()[2:5] == area
    assert text.index("无历史") < text.index("有历史")
    assert all(f"\n  {code}  " in text for code in ("A1", "A9", "B8", "C4", "D7", "E2"))
    thinking = find(rows, "thinking_closing_only", "overall")
    assert f"{round((thinking.value or 0) * thinking.n)} (" in line(text, "仅有结束标签")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_no_line_is_wider_than_the_terminal(rows: list[Row], width: int) -> None:
    text = shown(rows, width)
    assert max(Text(part).cell_len for part in text.splitlines()) <= width
    if width >= 60:
        assert "71.47%" in text


def test_low_coverage_is_marked(rows: list[Row]) -> None:
    text = shown(rows, colour=True)
    row = find(rows, "rr1", "overall")
    assert row.scored < 0.95 * row.n
    assert re.search(rf"\x1b\[33m *{row.scored}/{row.n}", text)


def test_other_suites_print_too() -> None:
    """Unknown metrics and groups, scores from 0 to 100, a value that is missing, more metrics than fit."""
    groups: list[tuple[GroupKind, str]] = [("overall", "overall"), ("ability", "目标"), ("dimension", "[red]x[/]")]
    rows = [
        Row("novel", "talk", "m", "j", f"metric{i}", *group, value, value, value, 10, 9)
        for group in groups
        for i, value in enumerate([0.5, 0.25, None, 0.1, 0.2, 0.3, 0.4, 0.75])
    ]
    rows += [Row("novel", "talk", "m", "j", "score", "overall", "overall", 71.25, 60.0, 80.0, 10, 10)]
    text = shown(rows)
    assert line(text, "metric0").split()[1:4] == ["50.00%", "50.00–50.00", "9/10"]
    assert line(text, "metric2").split()[1:3] == ["–", "–"]
    assert line(text, "得分 score").split()[2:4] == ["71.25", "60.00–80.00"]
    assert "[red]x[/]" in text
    assert "metric7" in text
    assert shown([]) == ""


def test_rounds_of_an_ability_are_columns() -> None:
    """SC-Safety names the rounds of an ability as groups; people read them across."""
    values = {"指令攻击": 70.0, "指令攻击/round1": 75.0, "指令攻击/round2": 65.0}
    rows = [
        Row("sc_safety", "dialogue", "m", "j", "score", "ability", group, value, value, value, 10, 10)
        for group, value in values.items()
    ]
    rows.append(Row("sc_safety", "dialogue", "m", "j", "round_delta", "ability", "指令攻击", -0.5, -3.0, 2.0, 5, 5))
    text = shown(rows)
    assert line(text, "得分").split() == ["得分", "第", "1", "轮", "第", "2", "轮", "末轮减首轮", "计分"]
    assert line(text, "I").split()[2:] == ["70.0", "75.0", "65.0", "-0.5", "10/10"]


def test_hostile_names_move_nothing_and_style_nothing() -> None:
    rows = [
        Row(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, "overall", HOSTILE, 0.5, 0.4, 0.6, 10, 10),
        Row(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, "category", HOSTILE, 0.5, 0.4, 0.6, 10, 10),
    ]
    text = shown(rows, width=400)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "[bold red]loud[/] [/nothing] \\[x] second line" in text
    styled = shown(rows, width=400, colour=True)
    assert "\x1b[1;31m" not in styled and "\x1b[2J" not in styled and "\x1b]0;" not in styled


def test_models_are_kept_apart(rows: list[Row]) -> None:
    other = [msgspec.structs.replace(row, model="second") for row in rows]
    titles = [str(table.title) for table in score_tables([*rows, *other], LEXICON)]
    assert sum("chisafety · " in title for title in titles) == 2


@given(st.text())
def test_plain_text_is_one_line_that_moves_nothing(text: str) -> None:
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", plain(text))


def test_visible_shows_what_hides(tmp_path: Path) -> None:
    assert visible("a\r\nb\tc\u202ed\x1b[0m\u200be") == "a\nb\tc‹U+202E›d‹U+001B›[0m‹U+200B›e"
    assert visible("👨\u200d👩\u200d👧 家") == "👨\u200d👩\u200d👧 家"


def test_numbers() -> None:
    assert number(0.12345) == "12.35" or number(0.12345) == "12.34"
    assert number(None) == interval_text(None, 0.5) == "–"
    assert interval_text(0.1, 0.25, digits=1) == "10.0–25.0"
