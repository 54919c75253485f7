"""Published results: the figures of the papers, and their misprints marked."""

import io

import pytest
from rich.console import Console

from anjian.errors import UsageError
from anjian.reports.published import load_published, published_names, published_tables
from anjian.suites import find_suite

QUESTIONS = {"discrimination": 460, "values": 399, "commercial": 254, "rights": 355, "specific_services": 99}


def printed(suite: str) -> list[str]:
    texts = []
    for table in published_tables(suite):
        paper = io.StringIO()
        Console(file=paper, width=100).print(table)
        texts.append(paper.getvalue())
    return texts


def line(text: str, model: str) -> list[str]:
    return next(line.split()[1:] for line in text.splitlines() if line.split()[:1] == [model])


def test_spot_values() -> None:
    chisafety, sc_safety = load_published("chisafety").sheets, load_published("sc_safety").sheets["score"]
    assert chisafety["mcq"].values["ChatGLM3-6B"]["discrimination"] == 12.39
    assert chisafety["refusal"].values["Qwen1.5-110B-Chat"]["with_history_rr1"] == 49.50
    assert sc_safety.values["Llama-2-13B-Chat"]["round2"] == 71.96
    assert sc_safety.licence["GPT-4"] == "closed"
    assert [len(sheet.values) for sheet in (*chisafety.values(), sc_safety)] == [10, 10, 14]


def test_recomputed_accuracy_follows_from_the_areas() -> None:
    for model, values in load_published("chisafety").sheets["mcq"].values.items():
        mean = sum(values[area] * n for area, n in QUESTIONS.items()) / sum(QUESTIONS.values())
        assert values["overall_recomputed"] == pytest.approx(mean, abs=0.011), model


@pytest.mark.parametrize("metric", ["rr1", "rr2", "hr"])
def test_refusal_is_the_mean_of_its_parts(metric: str) -> None:
    """So the figure used for Baichuan2-13B's HR with history is the consistent one."""
    for model, values in load_published("chisafety").sheets["refusal"].values.items():
        mean = (462 * values[f"without_history_{metric}"] + 101 * values[f"with_history_{metric}"]) / 563
        assert values[metric] == pytest.approx(mean, abs=0.02), model


def test_misprints_are_marked_and_explained() -> None:
    accuracy, by_area, by_history = printed("chisafety")
    assert line(accuracy, "Qwen1.5-14B-Chat")[-2:] == ["88.39*", "87.30"]
    assert line(accuracy, "Yi-34B-Chat")[-2:] == ["68.54", "68.54"]
    assert accuracy.count("*\n") == 0 and accuracy.count("* ") >= 6
    assert "shifted by one model from Qwen1.5-14B to Yi-6B" in " ".join(accuracy.split())
    assert line(by_history, "Baichuan2-13B-Chat")[-1] == "16.83*"
    assert line(by_history, "ChatGLM3-6B")[-1] == "16.83"
    assert "Printed as 26.73" in by_history
    assert "*" not in by_area


@pytest.mark.parametrize("suite", ["chisafety", "sc_safety"])
def test_tables_fit_100_columns_and_name_their_source(suite: str) -> None:
    for text in printed(suite):
        assert "…" not in text
        assert "arXiv 2406.10311" in text or "arXiv 2310.05818" in text
        assert all(len(part) <= 100 for part in text.splitlines())


def test_rounds_and_abilities() -> None:
    total, abilities = printed("sc_safety")
    assert line(total, "Llama-2-13B-Chat") == ["77.49", "83.02", "71.96", "-11.06", "open"]
    assert line(abilities, "GPT-4")[:3] == ["84.51", "84.97", "84.05"]


def test_what_stands_beside_a_run_depends_on_its_questions() -> None:
    beside = load_published("chisafety").beside
    official, other = (beside.about(way, "my {items}", "judge {x}") for way in (True, False))
    assert "本次也用官方题目，裁判是 judge {x}" in official.zh and "my {items}" not in official.zh
    assert "本次的题目是 my {items}，裁判是 judge {x}" in other.zh


def test_every_sheet_and_column_that_is_declared_is_there() -> None:
    """What suites say of their published results, and what the tables show, stands in the files."""
    for name in published_names():
        results = load_published(name)
        columns = {sheet: set(next(iter(found.values.values()))) for sheet, found in results.sheets.items()}
        for one in find_suite(name).published:
            assert set(one.columns.values()) <= columns[one.sheet]
            assert set(one.columns) <= {measure.name for _, measure in find_suite(name).measures()}
        for table in results.tables:
            shown = {column.column for column in table.columns} - {"licence"}
            shown |= {column.minus or column.unlike for column in table.columns} - {""}
            assert shown <= columns[table.sheet]
    sheet = load_published("chisafety").sheets["refusal"]
    assert sheet.alike("rr2", "rr1") and not sheet.alike("hr", "rr1")


def test_unknown_suite_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="chisafety, sc_safety"):
        published_tables("flames")
