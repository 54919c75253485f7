"""Scores of other harnesses, through the command: the forms, names, intervals, merging, and bad files."""

import json
import zlib
from math import sqrt
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command import anjian, one_line
from fuzzing import examples
from harness_files import (
    evalscope_v1,
    evalscope_v2,
    gpqa,
    inspect_log,
    inspect_metric,
    inspect_score,
    lm_eval,
    metric_v2,
    write,
    write_eval,
    write_zip,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from anjian.errors import UsageError
from anjian.imports import import_results
from anjian.scores.rows import Row

Rows = dict[tuple[str, str, str], dict[str, Any]]


def imported(tmp_path: Path, *arguments: object) -> tuple[Rows, str, str]:
    """The rows by suite, metric and group, and what was printed."""
    out = tmp_path / "out" / "scores.json"
    done = anjian("import", *arguments, "--out", out)
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text(encoding="utf-8"))
    return {(row["suite"], row["metric"], row["group"]): row for row in rows}, done.stdout, done.stderr


def refused(*arguments: object) -> str:
    done = anjian("import", *arguments)
    assert done.returncode == 2, done.stdout
    return one_line(done)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all the examples of a property."""
    return tmp_path_factory.mktemp("harness")


def wilson_by_hand(p: float, n: float) -> tuple[float, float]:
    z = 1.959963984540054
    middle, half = p + z * z / 2 / n, z * sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def bounds(row: dict[str, Any]) -> Any:
    return pytest.approx((row["low"], row["high"]), abs=2e-6)


def test_lm_eval_with_its_standard_error(tmp_path: Path) -> None:
    rows, shown, notes = imported(tmp_path, write(tmp_path / "results_2026.json", gpqa()), "--model", "hf/org/base")
    [row] = rows.values()
    assert (1.959963984540054 * 0.0337 + row["low"], row["high"] - 1.959963984540054 * 0.0337) == pytest.approx(
        (0.3383838, 0.3383838), abs=1e-6
    )
    assert row == {
        "suite": "gpqa_diamond", "task": "imported", "model": "hf/org/base", "judge": "lm-eval 0.4.9", "metric": "acc",
        "group_kind": "overall", "group": "overall", "value": 0.338384, "low": row["low"], "high": row["high"],
        "n": 198, "scored": 198,
    }  # fmt: skip
    assert "33.84%" in shown
    assert "lm-eval 0.4.9" in shown
    assert not notes


@pytest.mark.parametrize(("value", "stderr"), [(0.25, "N/A"), (0.25, float("nan")), (1.0, 0.0), (0.5, None)])
def test_without_a_usable_error_the_interval_is_wilsons(tmp_path: Path, value: float, stderr: object) -> None:
    rows, _, _ = imported(tmp_path, write(tmp_path / "results_1.json", gpqa(value, stderr, 40)))
    [row] = rows.values()
    assert wilson_by_hand(value, 40) == bounds(row)
    assert (row["n"], row["scored"], row["model"]) == (40, 40, "org/base")


def test_intervals_stay_between_0_and_1_and_others_do_not(tmp_path: Path) -> None:
    metrics = {"alias": "t", "acc,none": 0.99, "acc_stderr,none": 0.02, "bleu,none": 0.5, "bleu_stderr,none": "N/A",
               "word_perplexity,none": 12.5, "word_perplexity_stderr,none": 0.5}  # fmt: skip
    samples = {"n-samples": {"t": {"original": 50, "effective": 50}}}
    rows, _, _ = imported(tmp_path, write(tmp_path / "r.json", lm_eval({"t": metrics}, **samples)))
    assert rows["t", "acc", "overall"]["high"] == 1
    assert rows["t", "bleu", "overall"]["low"] is None
    assert rows["t", "word_perplexity", "overall"]["high"] == pytest.approx(12.5 + 0.98, abs=0.001)


def test_a_filter_is_named_only_where_two_give_one_metric(tmp_path: Path) -> None:
    both = {"alias": "gsm8k", "exact_match,strict-match": 0.5, "exact_match_stderr,strict-match": 0.01,
            "exact_match,flexible-extract": 0.6, "exact_match_stderr,flexible-extract": 0.02}  # fmt: skip
    one = {"alias": "humaneval", "pass@1,create_test": 0.4, "pass@1_stderr,create_test": 0.03}
    rows, _, _ = imported(tmp_path, write(tmp_path / "r.json", lm_eval({"gsm8k": both, "humaneval": one})))
    assert {(suite, metric): row["value"] for (suite, metric, _), row in rows.items()} == {
        ("gsm8k", "exact_match,strict-match"): 0.5,
        ("gsm8k", "exact_match,flexible-extract"): 0.6,
        ("humaneval", "pass@1"): 0.4,
    }
    flexible = rows["gsm8k", "exact_match,flexible-extract", "overall"]
    assert flexible["high"] - flexible["value"] == pytest.approx(0.0392, abs=1e-4)


def test_tasks_of_a_group_are_its_categories(tmp_path: Path) -> None:
    values = {"mmlu": 0.5, "mmlu_stem": 0.4, "mmlu_physics": 0.3, "mmlu_maths": 0.5, "mmlu_law": 0.6, "arc": 0.7}
    results = {task: {"alias": f" - {task}", "acc,none": value, "acc_stderr,none": 0.01}
               for task, value in values.items()}  # fmt: skip
    results["tagged"] = {" ": " ", "alias": "tagged"}
    tree = {"mmlu": ["mmlu_stem", "mmlu_law"], "mmlu_stem": ["mmlu_physics", "mmlu_maths"], "tagged": ["arc"]}
    samples = {"mmlu_physics": 100, "mmlu_maths": 50, "mmlu_law": 150, "arc": 20}
    counts = {task: {"original": 200, "effective": n} for task, n in samples.items()}
    content = lm_eval(results, **{"group_subtasks": tree, "n-samples": counts})
    rows, shown, _ = imported(tmp_path, write(tmp_path / "r.json", content))
    assert {(suite, row["group_kind"], group, row["n"]) for (suite, _, group), row in rows.items()} == {
        ("mmlu", "overall", "overall", 300), ("mmlu", "area", "mmlu_stem", 150), ("mmlu", "category", "mmlu_law", 150),
        ("mmlu", "category", "mmlu_physics", 100), ("mmlu", "category", "mmlu_maths", 50),
        ("arc", "overall", "overall", 20),
    }  # fmt: skip
    assert "mmlu_law" not in shown


def test_lm_eval_before_0_4_has_no_filters_and_no_counts(tmp_path: Path) -> None:
    config = {"model": "gpt2", "model_args": "x=1,pretrained=org/old"}
    results = {"arc_challenge": {"acc": 0.4, "acc_stderr": 0.01, "acc_norm": 0.45}}
    content = {"results": results, "versions": {"arc_challenge": 0}, "config": config}
    rows, _, _ = imported(tmp_path, write(tmp_path / "old.json", content))
    acc, norm = rows["arc_challenge", "acc", "overall"], rows["arc_challenge", "acc_norm", "overall"]
    assert (acc["model"], acc["judge"], acc["n"]) == ("org/old", "lm-eval", 0)
    assert acc["high"] - acc["low"] == pytest.approx(0.0392, abs=1e-4)
    assert norm["low"] is None


def test_evalscope_of_before_schema_2(tmp_path: Path) -> None:
    subsets = {"STEM": {"物理": (0.5, 20), "数学": (0.25, 40)}, "人文": {"历史": (0.75, 40)}}
    rows, shown, _ = imported(tmp_path, write(tmp_path / "ceval.json", evalscope_v1("AverageAccuracy", subsets)))
    assert {(row["group_kind"], group, row["value"], row["n"]) for (_, _, group), row in rows.items()} == {
        ("overall", "overall", 0.5, 100), ("area", "STEM", 0.3333, 60), ("area", "人文", 0.75, 40),
        ("category", "物理", 0.5, 20), ("category", "数学", 0.25, 40), ("category", "历史", 0.75, 40),
    }  # fmt: skip
    overall = rows["ceval", "acc", "overall"]
    assert (overall["judge"], overall["model"]) == ("evalscope", "org-base")
    assert wilson_by_hand(0.5, 100) == bounds(overall)
    assert "ceval" in shown


def test_evalscope_schema_2_with_repeated_answers(tmp_path: Path) -> None:
    """400 answers to 100 questions are 100 observations; a mean keeps the plain name, pass@k never has it."""
    report = evalscope_v2(
        metric_v2("accuracy", "mean", 0.4, 400),
        metric_v2("accuracy", "pass_at_k", 0.55, 100, k=4),
        metric_v2("quality", "mean", 40.0, 400, top=100.0),
        metric_v2("completion_tokens", "mean", 0.5, 400, top=None),
        execution_summary={"requested": 404, "succeeded": 400, "errored": 4, "incomplete": True, "subsets": {}},
    )
    rows, _, _ = imported(tmp_path, write(tmp_path / "live_code_bench.json", report))
    assert {metric for _, metric, _ in rows} == {"acc", "acc,pass_at_k,k=4", "quality", "completion_tokens"}
    mean, passed = rows["live_code_bench", "acc", "overall"], rows["live_code_bench", "acc,pass_at_k,k=4", "overall"]
    assert (mean["n"], mean["scored"], passed["n"]) == (404, 400, 100)
    assert wilson_by_hand(0.4, 100) == bounds(mean)
    low, high = wilson_by_hand(0.4, 400)
    quality = rows["live_code_bench", "quality", "overall"]
    assert (quality["low"], quality["high"]) == pytest.approx((100 * low, 100 * high), abs=1e-5)
    assert rows["live_code_bench", "completion_tokens", "overall"]["low"] is None


def test_evalscope_tells_repeats_beside_the_report(tmp_path: Path) -> None:
    report = evalscope_v2(metric_v2("accuracy", "mean", 0.4, 400), metric_v2("quality", "pass_at_k", 0.5, 100, k=4))
    write(tmp_path / "run" / "reports" / "org-base" / "live_code_bench.json", report)
    config = tmp_path / "run" / "configs" / "task_config.yaml"
    config.parent.mkdir()
    config.write_text("evalscope_version: 1.14.1\njudge:\n  repeats: 1\nmodel: org-base\nrepeats: 4\n")
    rows, _, _ = imported(tmp_path, tmp_path / "run")
    row = rows["live_code_bench", "acc", "overall"]
    assert (row["judge"], row["n"], row["scored"]) == ("evalscope 1.14.1", 400, 400)
    assert wilson_by_hand(0.4, 100) == bounds(row)
    assert wilson_by_hand(0.5, 100) == bounds(rows["live_code_bench", "quality,pass_at_k,k=4", "overall"])
    (config.parent / "task_config_2.yaml").write_text("evalscope_version: 1.14.1\nrepeats: 1\n")
    rows, _, _ = imported(tmp_path, tmp_path / "run")
    assert wilson_by_hand(0.4, 400) == bounds(rows["live_code_bench", "acc", "overall"])


def test_evalscope_before_0_10(tmp_path: Path) -> None:
    subsets = [{"name": "a", "score": 0.2}, {"name": "b", "score": 0.4}]
    report = {"name": "mmlu", "metric": "WeightedAverageAccuracy", "score": 0.3, "total_num": 60,
              "category": [{"name": "STEM", "score": 0.3, "subset": subsets}]}  # fmt: skip
    human = {"name": "HumanEval", "metric": "pass@k", "score": {"pass@1": 0.5}, "category": [], "total_num": 164}
    files = [write(tmp_path / "mmlu.json", report), write(tmp_path / "human.json", human)]
    assert "names no model; give --model NAME" in refused(*files, "--out", tmp_path / "s.json")
    rows, _, _ = imported(tmp_path, *files, "--model", "m")
    assert wilson_by_hand(0.3, 60) == bounds(rows["mmlu", "acc", "overall"])
    assert rows["mmlu", "acc", "b"]["value"] == 0.4
    assert rows["HumanEval", "pass@1", "overall"]["n"] == 164


@pytest.mark.parametrize("archived", [False, True])
def test_inspect_logs(tmp_path: Path, archived: bool) -> None:
    log = inspect_log([inspect_score({"accuracy": 0.4, "stderr": 0.03}, scored=190)])
    path = write_eval(tmp_path / "l.eval", log) if archived else write(tmp_path / "l.json", log)
    rows, shown, notes = imported(tmp_path, path)
    [row] = rows.values()
    assert (row["suite"], row["metric"], row["model"]) == ("gpqa_diamond", "acc", "vllm/org/base")
    assert (row["judge"], row["n"], row["scored"]) == ("inspect_ai 0.3.285", 198, 190)
    assert (row["low"], row["high"]) == pytest.approx((0.3412, 0.4588), abs=1e-4)
    assert "190/198" in shown
    assert not notes


def test_inspect_epochs_reducers_and_scorers(tmp_path: Path) -> None:
    scores = [
        inspect_score({"accuracy": 0.4}, reducer="mean"),
        inspect_score({"accuracy": 0.7, "stderr": 0.0}, reducer="pass_at_5"),
        inspect_score({"accuracy": 0.5, "std": 0.2}, "model_graded_qa", scored=198 * 5),
    ]
    rows, _, _ = imported(tmp_path, write(tmp_path / "l.json", inspect_log(scores, total=198 * 5, epochs=5)))
    found = {metric: (row["value"], row["n"], row["scored"]) for (_, metric, _), row in rows.items()}
    assert found == {
        "acc,choice": (0.4, 198, 198),
        "acc,model_graded_qa": (0.5, 990, 990),
        "acc,pass_at_5": (0.7, 198, 198),
    }
    for row in rows.values():
        assert wilson_by_hand(row["value"], 198) == bounds(row)


def test_inspect_groups_are_categories(tmp_path: Path) -> None:
    inner = {"metric": {"type": "metric", "name": "inspect_ai/accuracy", "params": {}}, "group_key": "subject"}
    errors = {"metric": {"type": "metric", "name": "stderr", "params": {}}, "group_key": "subject"}
    metrics = {"accuracy": inspect_metric("accuracy", 0.3),
               "physics": inspect_metric("physics", 0.2, "grouped", **inner),
               "all": inspect_metric("all", 0.3, "grouped", **inner),
               "physics1": inspect_metric("physics", 0.05, "grouped", **errors),
               "lower": inspect_metric("lower", 0.1, "ci"), "high": inspect_metric("high", 0.6, "share")}  # fmt: skip
    score = inspect_score({}) | {"metrics": metrics}
    rows, _, _ = imported(tmp_path, write(tmp_path / "l.json", inspect_log([score])))
    assert set(rows) == {("gpqa_diamond", "acc", "overall"), ("gpqa_diamond", "acc", "physics"),
                         ("gpqa_diamond", "share_high", "overall")}  # fmt: skip
    physics = rows["gpqa_diamond", "acc", "physics"]
    assert (physics["group_kind"], physics["n"]) == ("category", 0)
    assert (physics["low"], physics["high"]) == pytest.approx((0.102, 0.298), abs=1e-4)


def test_runs_that_did_not_end_well_are_pointed_out(tmp_path: Path) -> None:
    failed = inspect_log([inspect_score({"accuracy": 0.4})], status="error")
    _, _, notes = imported(tmp_path, write(tmp_path / "failed.json", failed))
    assert "status is `error`" in notes
    running = write_eval(tmp_path / "running.eval", inspect_log([]), member="_journal/start.json")
    assert "status is `started`" in refused(running, "--out", tmp_path / "s.json")


def zstandard_log(path: Path, log: dict[str, Any]) -> Path:
    plain = json.dumps(log).encode()
    # One frame with one raw block (RFC 8878): a fixture needs no compressor.
    frame = b"\x28\xb5\x2f\xfd\xa0" + len(plain).to_bytes(4, "little") + (1 | len(plain) << 3).to_bytes(3, "little")
    return write_zip(path, "header.json", frame + plain, plain, 93)


def test_archives_of_newer_versions(tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    log = zstandard_log(tmp_path / "l.eval", inspect_log([inspect_score({"accuracy": 0.4, "stderr": 0.03})]))
    rows, _, _ = imported(tmp_path, log)
    assert rows["gpqa_diamond", "acc", "overall"]["value"] == 0.4
    log.write_bytes(log.read_bytes().replace(b"0.4", b"0.9"))
    assert "checksum" in refused(log, "--out", tmp_path / "s.json")


def test_without_the_library_the_mend_is_named(tmp_path: Path) -> None:
    (tmp_path / "zstandard.py").write_text("raise ImportError")
    log = zstandard_log(tmp_path / "l.eval", inspect_log([]))
    done = anjian("import", log, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert 'pip install -e ".[inspect]" in a clone' in one_line(done)
    assert str(log) in one_line(done)


def test_an_existing_file_is_merged_and_measured_rows_stay(tmp_path: Path) -> None:
    out = tmp_path / "scores.json"
    place = {"task": "mcq", "judge": "options-v1", "group_kind": "overall", "group": "overall"}
    measured = {"suite": "gpqa_diamond", "model": "m", "metric": "acc", **place, "value": 0.9, "low": None,
                "high": None, "n": 9, "scored": 9}  # fmt: skip
    out.write_text(json.dumps([measured]), encoding="utf-8")
    for value, expected in ((0.25, "1 new, 0 replaced, 1 kept"), (0.5, "0 new, 1 replaced, 1 kept")):
        done = anjian("import", write(tmp_path / "r.json", gpqa(value)), "--model", "m", "--out", out)
        assert expected in done.stdout, done.stderr
        rows = json.loads(out.read_text(encoding="utf-8"))
        assert rows[0] == measured
        assert [row["value"] for row in rows[1:]] == [value]


@pytest.mark.parametrize("content", ["not scores", '{"results": {}}', '[{"suite": "x"}]', "[" * 100_000])
def test_another_file_is_never_overwritten(tmp_path: Path, content: str) -> None:
    out = tmp_path / "precious.json"
    out.write_text(content)
    assert str(out) in refused(write(tmp_path / "r.json", gpqa()), "--out", out)
    assert out.read_text() == content
    assert "is a folder" in refused(tmp_path / "r.json", "--out", tmp_path)


def test_folders_are_searched_and_other_files_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "outputs"
    write(folder / "org__base" / "results_1.json", gpqa(0.2))
    write(folder / "org__base" / "results_2.json", gpqa(0.3))
    write(folder / "reports" / "base" / "ceval.json", evalscope_v1("acc", {"default": {"all": (0.5, 10)}}))
    write(folder / "configs" / "task.json", {"datasets": ["ceval"]})
    (folder / "half.json").write_text('{"results": {"gp')
    (folder / "samples.jsonl").write_text("{}")
    rows, shown, notes = imported(tmp_path, folder, "--model", "m")
    assert {(suite, row["value"]) for (suite, _, _), row in rows.items()} == {("gpqa_diamond", 0.3), ("ceval", 0.5)}
    assert "3 files" in shown
    assert "results_1.json and in" in notes
    assert "1 other file left out" in notes
    assert "half.json is no whole JSON file" in notes
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "lm-evaluation-harness" in refused(empty)


def test_two_models_never_get_one_name(tmp_path: Path) -> None:
    files = [write(tmp_path / "a.json", gpqa()), write(tmp_path / "b.json", gpqa(0.5, model_name="org/tuned"))]
    line = refused(*files, "--model", "m", "--out", tmp_path / "s.json")
    assert "org/base, org/tuned" in line
    assert not (tmp_path / "s.json").exists()
    rows, _, _ = imported(tmp_path, *files)
    assert len(json.loads((tmp_path / "out" / "scores.json").read_text())) == 2
    assert {row["model"] for row in rows.values()} == {"org/tuned"}


def test_what_is_no_number_is_left_out_with_a_note(tmp_path: Path) -> None:
    metrics = {
        "alias": "t",
        "acc,none": 0.5,
        "f1,none": float("nan"),
        "em,none": "N/A",
        "x,none": None,
        "y,none": 1e999,
    }
    rows, _, notes = imported(tmp_path, write(tmp_path / "r.json", lm_eval({"t": metrics})))
    assert [metric for _, metric, _ in rows] == ["acc"]
    for name, shown in (("f1", "nan"), ("em", "N/A"), ("x", "nothing"), ("y", "inf")):
        assert (
            f"t, {name},none is no number ({shown}); left out" in notes or f"t, {name} is no number ({shown})" in notes
        )


def test_names_are_shown_without_terminal_codes(tmp_path: Path) -> None:
    hostile = "org/\x1b[31m[bold]base\ud800"
    path = tmp_path / "r.json"
    path.write_text(json.dumps(gpqa(model_name=hostile)), encoding="utf-8")
    rows, shown, _ = imported(tmp_path, path)
    assert "\x1b[31m" not in shown
    assert "[bold]" in "".join(shown.split())
    assert rows["gpqa_diamond", "acc", "overall"]["model"] == "org/\x1b[31m[bold]base?"


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("list.json", b"[1]", "holds a JSON list"),
        ("other.json", b'{"a": 1}', "is no result file"),
        ("text.json", b"hello", "no whole JSON file"),
        ("binary.eval", b"\x00\xff\xfe", "no whole JSON file"),
        ("deep.json", b'{"a":' * 100_000, "no whole JSON file"),
        ("cut.eval", b"PK\x03\x04cut", "no whole archive"),
    ],
)
def test_unknown_and_broken_files_are_named_with_what_is_read(
    tmp_path: Path, name: str, content: bytes, fault: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    line = refused(path)
    assert str(path) in line
    assert fault in line
    assert all(harness in line for harness in ("EvalScope", "lm-evaluation-harness", "Inspect AI"))


def test_a_known_form_with_a_wrong_key_names_the_key(tmp_path: Path) -> None:
    line = refused(write(tmp_path / "l.json", inspect_log([{"name": 3}])))
    assert "results.scores[0].name" in line
    assert "the name of the task is missing" in refused(write(tmp_path / "e.json", lm_eval({" ": {"acc,none": 0.5}})))
    missing = tmp_path / "missing.json"
    assert f"cannot read {missing}" in refused(missing)


def test_archives_that_unpack_to_too_much_are_refused(tmp_path: Path) -> None:
    plain = b" " * (40 * 2**20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(plain) + packer.flush()
    honest = write_zip(tmp_path / "honest.eval", "header.json", packed, plain, 8)
    assert "larger than 32 MiB unpacked" in refused(honest)
    liar = write_zip(tmp_path / "liar.eval", "header.json", packed, plain, 8, size=1000)
    assert str(liar) in refused(liar)


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just(10**400))
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)
GROUPED = {"metric": {"type": "metric", "name": "accuracy", "params": {}}}
GROUPS = {"accuracy": inspect_metric("accuracy", 0.4), "stderr": inspect_metric("stderr", 0.1),
          "physics": inspect_metric("physics", 0.1, "grouped", **GROUPED)}  # fmt: skip
VALID = [
    gpqa(group_subtasks={"all": ["gpqa_diamond"], "gpqa_diamond": []}),
    evalscope_v1("acc", {"a": {"x": (0.5, 4), "y": (0.2, 5)}, "b": {"z": (0.1, 6)}}),
    evalscope_v2(metric_v2("accuracy", "mean", 0.4, 400), metric_v2("accuracy", "pass_at_k", 0.5, 100, k=4),
                 execution_summary={"requested": 404, "succeeded": 400}),
    {"name": "d", "metric": "acc", "score": 0.3, "total_num": 9, "model_name": "m",
     "category": [{"name": "c", "score": 0.3, "subset": [{"name": "s", "score": 0.3}, {"name": "t", "score": 0.1}]}]},
    inspect_log([inspect_score({}, reducer="mean") | {"metrics": GROUPS}]),
]  # fmt: skip


@st.composite
def spoiled(draw: st.DrawFn) -> object:
    """A valid file in which one place, chosen anywhere, holds anything."""
    content = json.loads(json.dumps(draw(st.sampled_from(VALID))))
    node = content
    while True:
        places = list(range(len(node))) if isinstance(node, list) else list(node)
        place = draw(st.sampled_from(places))
        if isinstance(node[place], dict | list) and node[place] and draw(st.booleans()):
            node = node[place]
            continue
        node[place] = draw(JSON)
        return content


def check_rows(path: Path, content: object) -> bool:
    """Reads a file whatever is in it: rows that can be written and shown, or one line that names the file."""
    write(path, content) if not isinstance(content, bytes) else path.write_bytes(content)
    try:
        rows = import_results([path], "m").rows
    except UsageError as error:
        assert str(path) in str(error)
        return False
    for row in rows:
        assert row.value is not None
        assert (row.low is None) == (row.high is None)
        if row.low is not None and row.high is not None:
            slack = 2e-6 * max(1.0, abs(row.value))
            assert row.low - slack <= row.value <= row.high + slack
        assert 0 <= row.scored <= row.n
    assert msgspec.json.decode(msgspec.json.encode(rows), type=list[Row]) == rows
    return True


@settings(max_examples=examples(400), deadline=None)
@given(spoiled())
def test_a_spoiled_file_gives_rows_or_one_line(folder: Path, content: object) -> None:
    check_rows(folder / "spoiled.json", content)


@settings(max_examples=examples(100), deadline=None)
@given(st.one_of(JSON, st.binary(max_size=40), st.binary(max_size=40).map(lambda tail: b"PK\x03\x04" + tail)))
def test_any_file_gives_one_line(folder: Path, content: object) -> None:
    assert not check_rows(folder / "any.json", content)


@settings(max_examples=examples(150), deadline=None)
@given(st.data())
def test_a_damaged_archive_gives_rows_or_one_line(folder: Path, data: st.DataObject) -> None:
    path = folder / "damaged.eval"
    whole = write_eval(path, VALID[-1]).read_bytes()
    place, byte = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 255))
    check_rows(path, whole[:place] + bytes([byte]) + whole[place + 1 :])


def test_the_valid_files_are_valid(folder: Path) -> None:
    assert all(check_rows(folder / "valid.json", content) for content in VALID)
