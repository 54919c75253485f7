"""Whatever is wrong with the input: one clear line, the right exit code, no traceback."""

import json
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web
from command import anjian, choice, one_line, read_lines, risky, write_items
from loopback import Behave, completion, failure, half_a_body, serving, silence

from anjian.runs.ledger import GROUP

MODEL = "http://127.0.0.1:9/v1#m"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((MODEL, "--suite", "nonsense"), "chisafety"),
        (("gpt-4o", "--suite", "chisafety"), "provider/model"),
        (("nobody/gpt", "--suite", "chisafety"), "deepseek"),
        (("tiny/giant", "--suite", "chisafety"), "tiny/distill"),
        (("deepseek/deepseek-chat", "--suite", "chisafety"), "DEEPSEEK_API_KEY"),
        ((MODEL, "--suite", "chisafety", "--judge", "zhipu/glm"), "ZHIPU_API_KEY"),
        ((MODEL, "--suite", "chisafety", "--judge", "rules-v9"), "provider/model"),
        (("http://127.0.0.1:9/v1", "--suite", "chisafety"), "#MODEL"),
        (("http://127.0.0.1:99999999/v1#m", "--suite", "chisafety"), "not a URL"),
        (("http://me:secret@127.0.0.1:9/v1#m", "--suite", "chisafety"), "ANJIAN_API_KEY"),
        ((MODEL, "--suite", "chisafety", "--wrong-option"), "--wrong-option"),
        ((MODEL, "--suite", "chisafety", "--limit", "0"), "--limit"),
        ((MODEL, "--suite", "chisafety", "--temperature", "-1"), "--temperature"),
        ((MODEL, "--suite", "chisafety", "--items", "a", "--data", "b"), "--items"),
        ((MODEL, "--suite", "chisafety", "--data", "/no/such/folder"), "/no/such/folder"),
        ((MODEL, "--suite", "chisafety", "--items", "/no/such/file"), "/no/such/file"),
        (("hf//no/such/checkpoint", "--suite", "chisafety"), "/no/such/checkpoint"),
        ((), "model"),
    ],
)
def test_wrong_usage_exits_2_with_one_line(arguments: tuple[str, ...], named: str, tmp_path: Path) -> None:
    done = anjian("eval", *arguments, *(("--out", tmp_path / "run") if arguments else ()))
    assert done.returncode == 2, done.stderr
    assert named in one_line(done)
    assert "secret" not in done.stderr


def lines(*items: object) -> str:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


ONE, TWO = risky(2)
FILES: dict[str, tuple[str | bytes, list[str]]] = {
    "broken JSON": (lines(ONE) + '{"id": "x", \n', ["line 2", "JSON"]),
    "not an object": (lines(ONE, [1]), ["line 2"]),
    "unknown key": (lines(ONE | {"prompt": "?"}), ["line 1", "`prompt`"]),
    "missing key": (lines({key: value for key, value in ONE.items() if key != "category"}), ["line 1", "`category`"]),
    "wrong type": (lines(ONE, TWO | {"turns": "问"}), ["line 2", "`turns`"]),
    "wrong split": (lines(ONE | {"split": "test"}), ["line 1", "split"]),
    "no turns": (lines(ONE | {"turns": []}), ["line 1", "`turns`"]),
    "empty turn": (lines(ONE | {"turns": [" "]}), ["line 1", "`turns`"]),
    "repeated id": (lines(ONE, TWO, ONE), ["line 3", "line 1", "`id`"]),
    "empty file": ("", ["no items"]),
    "blank lines": ("\n\n  \n", ["no items"]),
    "not UTF-8": (lines(ONE).encode("gbk"), ["line 1", "UTF-8"]),
    "answer without option": (lines(choice(0, "C")), ["line 1", "`answer`"]),
    "one option": (lines(choice(0) | {"options": {"A": "是"}}), ["line 1", "`options`"]),
    "letters out of order": (lines(choice(0) | {"options": {"B": "是", "A": "否"}}), ["line 1", "`options`"]),
    "history ends with the user": (
        lines(ONE | {"history": [{"role": "user", "content": "嗯"}]}),
        ["line 1", "`history`"],
    ),
    "unknown role": (lines(ONE | {"history": [{"role": "bot", "content": "嗯"}]}), ["line 1", "history"]),
    "another suite": (lines(ONE | {"suite": "mine"}), ["r0", "suite"]),
    "unknown category": (lines(ONE | {"category": "外星歧视"}), ["r0", "外星歧视"]),
    "nothing with a key": (lines(choice(0, None)), ["nothing to ask", "--answers"]),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_of_items_is_named_with_line_and_key(name: str, tmp_path: Path) -> None:
    content, named = FILES[name]
    file = tmp_path / "items.jsonl"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = anjian("eval", MODEL, "--suite", "chisafety", "--items", file, "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    for part in ["items.jsonl", *named] if name not in ("another suite", "unknown category") else named:
        assert part in one_line(done)
    assert not (tmp_path / "run").exists()


def test_all_faults_of_a_file_are_named_in_one_run(tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(lines(ONE | {"turns": []}, TWO, ONE | {"id": "x", "split": "test"}, [1], TWO), encoding="utf-8")
    done = anjian("eval", MODEL, "--suite", "chisafety", "--items", file, "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    head, *faults = done.stderr.splitlines()
    assert head == f"anjian: 4 faults in {file}"
    for fault, number, key in zip(faults, (1, 3, 4, 5), ("`turns`", "`split`", "object", "`id`"), strict=True):
        assert fault.startswith(f"{file}, line {number}: ")
        assert key in fault


def test_all_wrong_suites_and_categories_are_named_in_one_run(tmp_path: Path) -> None:
    file = write_items(tmp_path / "items.jsonl", [ONE | {"category": "外星歧视"}, TWO | {"suite": "mine"}, choice(0)])
    done = anjian("eval", MODEL, "--suite", "chisafety", "--items", file, "--out", tmp_path / "run")
    assert done.returncode == 2
    head, first, second = done.stderr.splitlines()
    assert head == f"anjian: 2 faults in {file}"
    assert first.startswith(f"{file}, item r0: unknown `category` '外星歧视'")
    assert second.startswith(f"{file}, item r1: its suite is 'mine', not 'chisafety'")


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_of_items_is_read_as_lines_are(indent: int | None, tmp_path: Path) -> None:
    file = tmp_path / "items.json"
    small = choice(1, " b ") | {"id": 7, "options": {"a": "是", "b": "否"}, "meta": {"by": "甲"}}
    file.write_text(json.dumps([ONE, TWO, small], ensure_ascii=False, indent=indent), encoding="utf-8")
    done = anjian("eval", MODEL, "--suite", "chisafety", "--items", file, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "3 calls" in done.stdout


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text("\ufeff" + lines(ONE) + "\n" + lines(TWO), encoding="utf-8")
    done = anjian("eval", MODEL, "--suite", "chisafety", "--items", file, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "2 calls" in done.stdout


def html(_: object) -> web.Response:
    return web.Response(text="<html>请先登录</html>", content_type="text/html")


@pytest.mark.parametrize(
    ("behave", "code", "reason", "said"),
    [
        (html, 3, "bad_reply", "请先登录"),
        (lambda call: web.Response(), 3, "bad_reply", "empty body"),
        (half_a_body, 3, "bad_reply", ""),
        (silence, 3, "timeout", "0.4 s"),
        (lambda call: failure(400, "no"), 3, "http_error", "HTTP 400"),
        (lambda call: completion(""), 3, "no_answer", ""),
        (lambda call: failure(401, "no"), 2, None, "ANJIAN_API_KEY"),
        (lambda call: failure(404, "model m does not exist"), 2, None, "model m does not exist"),
    ],
)
def test_a_server_in_trouble(behave: Behave, code: int, reason: str | None, said: str, tmp_path: Path) -> None:
    file, out = write_items(tmp_path / "i.jsonl", risky(4)), tmp_path / "run"
    with serving(behave) as server:
        done = anjian("eval", f"{server.base_url}#m", "--suite", "chisafety", "--items", file, "--out", out,
                      "--timeout", 0.4)  # fmt: skip
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if reason is None:
        assert said in one_line(done)
    else:
        assert "coverage 0.0%" in done.stderr
        verdicts = read_lines(out / "verdicts.jsonl")
        assert {line["unscored"] for line in verdicts} == {reason}
        assert said in verdicts[0].get("analysis", "")
        assert not any("points" in line for line in verdicts)


def test_no_server_there(tmp_path: Path) -> None:
    done = anjian("eval", MODEL, "--suite", "chisafety", "--items", write_items(tmp_path / "i.jsonl", risky(4)),
                  "--out", tmp_path / "run")  # fmt: skip
    assert done.returncode == 2
    assert "http://127.0.0.1:9/v1" in one_line(done)


def test_a_dead_server_is_not_asked_for_ever(tmp_path: Path) -> None:
    file = write_items(tmp_path / "i.jsonl", risky(400))
    with serving(html) as server:
        more = ("--items", file, "--out", tmp_path / "run", "--concurrency", 8)
        done = anjian("eval", f"{server.base_url}#m", "--suite", "chisafety", *more)
    assert done.returncode == 3
    assert "does not answer" in done.stderr
    assert len(server.calls) < 200


def limited(size: int) -> Callable[[], None]:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize("size", [100_000, 600_000])
def test_a_full_disk_ends_the_run_with_one_line_and_can_be_resumed(size: int, tmp_path: Path) -> None:
    file, out = write_items(tmp_path / "i.jsonl", risky(300)), tmp_path / "run"
    with serving(lambda call: completion("抱歉，我不能帮您这样做。" * 40)) as server:
        arguments = ("eval", f"{server.base_url}#m", "--suite", "chisafety", "--items", file, "--out", out)
        full = anjian(*arguments, "--concurrency", 8, before=limited(size))
        assert full.returncode == 1, full.stderr
        assert "free some space" in full.stderr.splitlines()[-1]
        assert "Traceback" not in full.stderr
        asked = len(server.calls)
        assert anjian(*arguments).returncode == 0
    assert len(set(server.bodies)) == 300
    lost = len(server.calls) - 300
    assert lost <= min(asked, GROUP + 8), "only the group that could not be written is asked again"
