"""The suite `reasoning`: its readers, its bank, its decoding, and pass@1 of a run against a real server."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from command import anjian, one_line, read_lines, scores, write_items
from conftest import SHARED, needs_shared
from loopback import Call, completion, failure, serving

from anjian.enhance.data.examples import Prompt
from anjian.enhance.data.sources import clean
from anjian.errors import UsageError
from anjian.items.bank import load_bank
from anjian.items.problems import read_problems
from anjian.items.records import Item
from anjian.items.taxonomy import load_taxonomy
from anjian.judges.math.numbers import read_number

BANK = load_bank("reasoning")
GSM8K = {"question": "Janet has 3 eggs and buys 4. How many?", "answer": "3+4=<<3+4=7>>7\n#### 7"}
CMATH = {"input": "小明有3个梨，又买4个，共有几个？", "golden": "7", "grade": 1}
MATH = {"problem": "Find $x$.", "solution": r"So $\boxed{\frac{1}{\sqrt{2}}}$.", "level": "Level 1", "type": "Algebra"}
AIME = {"ID": "2024-I-1", "Problem": "Find the number of minutes.", "Answer": 204}


def write(path: Path, *rows: object) -> Path:
    return write_items(path, rows)  # type: ignore[arg-type]


@needs_shared
@pytest.mark.parametrize(
    ("place", "counts"),
    [
        ("gsm8k", {"GSM8K": 1319}),
        ("mgsm_zh/mgsm_zh.tsv", {"MGSM-zh": 250}),
        ("mgsm_zh", {"MGSM-zh": 250, "MGSM-en": 250}),
        ("cmath", {"CMATH": 600, "CMATH-distractor": 360}),
        ("reasoning_math500_aime", {"MATH-500": 500, "AIME": 30}),
    ],
)
def test_published_sets_come_through(place: str, counts: dict[str, int]) -> None:
    items = read_problems(SHARED / "data" / place, "reasoning")
    assert Counter(item.category for item in items) == counts
    assert len({item.id for item in items}) == len(items)
    assert all(item.answer and item.suite == "reasoning" for item in items)
    if not {"MATH-500", "AIME"} & set(counts):
        assert all(read_number(item.answer or "") for item in items)


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("a.jsonl", GSM8K, ("GSM8K", "gsm8k-0001", "7")),
        ("a.jsonl", {"question": "一共几个？", "answer_number": 7, "answer": None}, ("MGSM-zh", "mgsm-zh-0001", "7")),
        ("a.jsonl", CMATH, ("CMATH", "cmath-0001", "7")),
        ("a.jsonl", {"question": "共有几个？", "golden": "3/4"}, ("CMATH", "cmath-0001", "3/4")),
        ("a.jsonl", CMATH | {"distractor": 1}, ("CMATH-distractor", "cmath-distractor-0001", "7")),
        ("a.jsonl", MATH, ("MATH", "math-0001", r"\frac{1}{\sqrt{2}}")),
        ("a.jsonl", MATH | {"answer": "5", "unique_id": "test/1.json"}, ("MATH-500", "math-500-test/1.json", "5")),
        ("a.jsonl", AIME, ("AIME", "aime-2024-I-1", "204")),
        ("a.json", [AIME], ("AIME", "aime-2024-I-1", "204")),
        ("aime2025-I.jsonl", {"question": "Find it.", "answer": "70"}, ("AIME", "aime-0001", "70")),
    ],
)
def test_forms_are_recognised_by_content(
    name: str, row: object, expected: tuple[str, str, str], tmp_path: Path
) -> None:
    (item,) = read_problems(write(tmp_path / name, row), "reasoning")
    assert (item.category, item.id, item.answer) == expected


def test_two_files_of_one_benchmark_keep_their_ids_apart(tmp_path: Path) -> None:
    write(tmp_path / "aime_1.jsonl", {"question": "One?", "answer": "1"})
    write(tmp_path / "aime_2.jsonl", {"question": "Two?", "answer": "2"})
    assert [item.id for item in read_problems(tmp_path, "reasoning")] == ["aime-0001", "aime-0001-aime_2"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.jsonl", '{"prompt": "1+1", "target": "2"}', ["a.jsonl", "known are GSM8K"]),
        ("a.jsonl", "", ["a.jsonl", "known are"]),
        ("a.jsonl", "{oops", ["line 1", "broken JSON"]),
        ("a.jsonl", "[" * 100_000, ["line 1"]),
        ("a.jsonl", "[1]", ["object 1", "JSON object"]),
        ("a.jsonl", json.dumps(GSM8K) + '\n{"question": "2?", "answer": "2"}', ["line 2", "####"]),
        ("a.jsonl", json.dumps(CMATH) + '\n{"input": "几？"}', ["line 2", "`golden`"]),
        ("a.jsonl", json.dumps(MATH | {"solution": "So 5."}), ["line 1", "boxed"]),
        ("a.tsv", "一共几个？ 7", ["line 1", "tab"]),
        ("a.txt", "", ["a.txt"]),
    ],
)  # fmt: skip
def test_other_files_get_one_line(name: str, text: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        read_problems(tmp_path / name, "reasoning")
    assert all(word in str(raised.value) for word in words), raised.value
    assert "\n" not in str(raised.value)


def test_the_bank_has_answers_that_are_numbers_and_covers_its_taxonomy() -> None:
    assert len(BANK) >= 180
    counts = Counter(item.category for item in BANK)
    for area in load_taxonomy("reasoning").areas:
        for category in area.categories:
            assert counts[category.zh] >= 7, category.zh
    codes = {category.zh: category.code for area in load_taxonomy("reasoning").areas for category in area.categories}
    for item in BANK:
        assert item.id.startswith(f"rea-{codes[item.category]}-")
        assert item.answer and read_number(item.answer), item.id
    assert len({item.turns for item in BANK}) == len(BANK)


def test_plain_sums_of_the_bank_are_right() -> None:
    checked = 0
    for item in BANK:
        if found := re.search(r"(?<![\d+×÷-])\d+(?:[-+×÷]\d+)+(?=[=＝]|等于几|的得数)", item.turns[0]):
            parts = re.findall(r"[-+×÷]|\d+", found[0])
            value = int(parts[0])
            for sign, number in zip(parts[1::2], map(int, parts[2::2]), strict=True):
                value = {"+": value + number, "-": value - number, "×": value * number, "÷": value // number}[sign]
            assert item.answer == str(value), item.id
            checked += 1
    assert checked >= 30


def test_training_prompts_that_repeat_the_bank_are_found() -> None:
    held_out = BANK[-1]
    prompt = Prompt("reasoning", Item("mine", "reasoning", "x", held_out.turns, answer=held_out.answer), "file")
    found = clean([prompt], ())
    assert not found.prompts
    assert found.contaminated[0].near == f"bank {held_out.id}"


def solve(call: Call) -> web.Response:
    """Answers the first, asks itself the second, loses its thread on the third, and is wrong about the others."""
    number = int(re.search(r"第(\d)题", call.said)[1])  # type: ignore[index]
    right = number == 0 or (number == 1 and call.body["seed"] % 2 == 0)
    if number == 2:
        return completion("<think>还在想")
    return completion(f"<think>想一想：{number}。</think>因此 $\\boxed{{{'7' if right else '8'}}}$。")


def problems(folder: Path, count: int = 4) -> Path:
    return write(folder / "cmath.jsonl", *(CMATH | {"input": f"第{i}题：三加四得几？"} for i in range(count)))


def test_pass_at_1_is_the_mean_over_samples_and_problems(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with serving(solve) as server:
        done = anjian("eval", f"{server.base_url}#m", "--suite", "reasoning", "--data", problems(tmp_path), "--seed", 0,
                      "--out", out, "--min-coverage", 0.7)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(server.calls) == 16, "four samples of four problems"
    for call in server.calls:
        assert {key: call.body[key] for key in ("temperature", "top_p", "max_tokens")} == {
            "temperature": 0.6, "top_p": 0.95, "max_tokens": 32768}  # fmt: skip
        (message,) = call.body["messages"]
        assert message["role"] == "user"
        assert message["content"].endswith("请逐步推理，并把最终答案放在 \\boxed{} 内。")
    row = scores(out)["pass@1", "overall"]
    assert (row["task"], row["judge"], row["n"], row["scored"]) == ("reasoning", "math-verify", 16, 12)
    assert row["value"] == pytest.approx((4 + 2 + 0) / 12)
    assert row["high"] - row["low"] > 0.7, "twelve replies to three problems are three observations"
    assert scores(out)["pass@1", "CMATH"]["value"] == row["value"]
    verdicts = read_lines(out / "verdicts.jsonl")
    assert Counter(line.get("unscored") for line in verdicts) == {None: 12, "no_answer": 4}
    assert {line["label"] for line in verdicts if "label" in line} == {"7", "8"}
    run = (out / "run.toml").read_text()
    assert "epochs = 4" in run and "temperature = 0.6" in run
    entries = (out / "report.html").read_text("utf-8")
    assert entries.count('"tone":"right"') == 6 and entries.count('"tone":"wrong"') == 6


def test_greedy_decoding_asks_once_and_english_gets_english(tmp_path: Path) -> None:
    file = write(tmp_path / "x.jsonl", GSM8K)
    with serving(lambda _: completion("The answer is 7.")) as server:
        done = anjian("eval", f"{server.base_url}#m", "--suite", "reasoning", "--data", file, "--temperature", 0,
                      "--max-tokens", 99, "--out", tmp_path / "run")  # fmt: skip
    assert done.returncode == 0, done.stderr
    (call,) = server.calls
    assert (call.body["temperature"], call.body["max_tokens"]) == (0, 99)
    assert call.said.endswith("Please reason step by step, and put your final answer within \\boxed{}.")
    assert scores(tmp_path / "run")["pass@1", "overall"]["value"] == 1


def test_other_suites_keep_the_models_own_decoding(tmp_path: Path) -> None:
    with serving(lambda _: completion("抱歉，我不能这样做。")) as server:
        anjian("eval", f"{server.base_url}#m", "--suite", "chisafety", "--limit", 2, "--out", tmp_path / "run")
    assert len(server.calls) == 2
    assert not {"temperature", "top_p", "max_tokens"} & set(server.calls[0].body)


REFUSALS = [
    "'max_tokens' is too large: 32768. This model's maximum context length is 4096 tokens and your request has 17",
    "This model's maximum context length is 4096 tokens. However, you requested 32785 tokens (32768 in the answer).",
    "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
    "max_tokens is too large: 32768. This model supports at most 16384 completion tokens.",
]


@pytest.mark.parametrize("message", REFUSALS)
def test_a_server_with_less_room_gives_what_it_has(message: str, tmp_path: Path) -> None:
    def behave(call: Call) -> web.Response:
        return failure(400, message) if "max_tokens" in call.body else completion("\\boxed{7}")

    with serving(behave) as server:
        done = anjian("eval", f"{server.base_url}#m", "--suite", "reasoning", "--data", problems(tmp_path, 1),
                      "--epochs", 1, "--out", tmp_path / "run")  # fmt: skip
    assert done.returncode == 0, done.stderr
    limits = [call.body.get("max_tokens") for call in server.calls]
    # A limit that the server names is tried; what refuses it as well is left to itself.
    assert limits in ([32768, None], [32768, 8192, None], [32768, 16384, None])
    assert scores(tmp_path / "run")["pass@1", "overall"]["value"] == 1


def test_a_prompt_that_is_itself_too_long_stays_unscored(tmp_path: Path) -> None:
    with serving(lambda _: failure(400, REFUSALS[1])) as server:
        done = anjian("eval", f"{server.base_url}#m", "--suite", "reasoning", "--data", problems(tmp_path, 1),
                      "--epochs", 1, "--out", tmp_path / "run")  # fmt: skip
    assert done.returncode == 3
    assert len(server.calls) == 2
    assert read_lines(tmp_path / "run/verdicts.jsonl")[0]["unscored"] == "too_long"


def own(**changes: Any) -> dict[str, Any]:
    return {"id": "x", "suite": "reasoning", "category": "我的题", "turns": ["三加四得几？"], "answer": "7"} | changes


def test_own_problems_of_free_categories(tmp_path: Path) -> None:
    file = write(tmp_path / "items.jsonl", own(), own(id="y", turns=["写出来，放进 \\boxed{}：3+4"]))
    with serving(lambda _: completion("七，也就是 7。")) as server:
        done = anjian("eval", f"{server.base_url}#m", "--suite", "reasoning", "--items", file, "--epochs", 2,
                      "--out", tmp_path / "run")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted({call.said.count("boxed") for call in server.calls}) == [1], "what speaks of the box gets no more"
    assert scores(tmp_path / "run")["pass@1", "我的题"]["n"] == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--items", own(answer=None)], "answer"),
        (["--items", own(suite="chisafety")], "correct `suite`"),
        (["--items", own(turns=["一", "二"])], "one turn"),
        (["--answers", own()], "--answers"),
        (["--data", {"prompt": "x"}], "known are"),
    ],
)
def test_wrong_usage(arguments: list[Any], words: str, tmp_path: Path) -> None:
    option, row = arguments
    row = {key: value for key, value in row.items() if value is not None}
    file = write(tmp_path / "x.jsonl", row)
    done = anjian("eval", "tiny/base", "--suite", "reasoning", option, file, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert words in one_line(done)
    assert not (tmp_path / "run").exists()


def test_the_bank_is_asked_as_it_is_and_the_toy_solves_some(tmp_path: Path) -> None:
    done = anjian(
        "eval", "tiny/distill", "--suite", "reasoning", "--limit", 20, "--temperature", 0, "--out", tmp_path / "r"
    )
    assert done.returncode == 0, done.stderr
    replies = read_lines(tmp_path / "r/replies.jsonl")
    assert len(replies) == 20
    assert not any("boxed" in reply["messages"][-1]["content"] for reply in replies)
    rows = scores(tmp_path / "r")
    assert rows["pass@1", "overall"]["value"] > 0
    assert rows["pass@1", "计算"]["value"] > rows["pass@1", "初中综合题"]["value"]
