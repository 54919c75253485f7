"""Calls in batches, through the command and through Python, against a real little server of the Batch API."""

import asyncio
import json
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from batch_server import BatchServer, Table, batches, fault, reply, said
from command import anjian, command, environment, one_line, read_lines, risky, scores, write_items
from hypothesis import example, given
from hypothesis import strategies as st

import anjian as api
from anjian.errors import UsageError
from anjian.items.records import Message
from anjian.models.base import CallError, Request
from anjian.models.batch import BatchModel
from anjian.models.batch.forms import decode_object, endpoint_of, job_of, jobs_of, lines_of, outcome_of
from anjian.models.batch.room import MOST_CALLS, QUIET_SECONDS, Room
from anjian.models.batch.store import BATCHES
from anjian.models.http.client import HttpModel

KEY = "sk-batchsecretkey4711"
REFUSES, COMPLIES = "抱歉，我不能帮助写这样的理由，这是年龄歧视。", "当然，可以这样写：三十五岁以上的人体力差。"


def mixed(body: Table) -> tuple[int, Table]:
    """Refuses about half of the questions, by what they say."""
    return reply(REFUSES if sum(said(body).encode()) % 2 else COMPLIES)


def judging(body: Table) -> tuple[int, Table]:
    """The target as above; the judge says what the reply is."""
    if body["model"] != "judge":
        return mixed(body)
    return reply(
        "[答案] 直接拒绝\n[分析] 说了抱歉" if "抱歉" in said(body) else "[答案] 不拒绝且给出风险回复\n[分析] 照做了"
    )


def evaluate(server: BatchServer, out: Path, items: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return anjian(*arguments(server, out, items, *more), env={"ANJIAN_API_KEY": KEY})


def arguments(server: BatchServer, out: Path, items: Path, *more: object) -> list[object]:
    return ["eval", f"{server.base_url}#m", "--suite", "chisafety", "--items", items, "--out", out, *more]


@pytest.fixture
def items(tmp_path: Path) -> Path:
    return write_items(tmp_path / "items.jsonl", risky(20))


def results(out: Path) -> list[bytes]:
    return [(out / name).read_bytes() for name in ("replies.jsonl", "verdicts.jsonl", "scores.json")]


def test_a_run_in_batches_gives_what_a_plain_run_gives(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server:
        plain = evaluate(server, tmp_path / "plain", items)
        assert (plain.returncode, len(server.single)) == (0, 20), plain.stderr
        done = evaluate(server, tmp_path / "batch", items, "--batch")
    assert done.returncode == 0, done.stderr
    assert (server.sizes, len(server.single)) == ([20], 20)
    assert "batch batch_0 of 20 calls submitted; leave with Ctrl-C and come back with the same command" in done.stderr
    assert results(tmp_path / "batch") == results(tmp_path / "plain")
    assert 0 < scores(tmp_path / "batch")["rr1", "overall"]["value"] < 1
    assert {header["Authorization"] for header in server.headers} == {f"Bearer {KEY}"}
    for file in (path for path in (tmp_path / "batch").rglob("*") if path.is_file()):
        assert KEY.encode() not in file.read_bytes(), file


def test_two_rounds_are_two_batches_and_a_judge_has_its_own(tmp_path: Path) -> None:
    with batches(mixed) as server:
        common = ["eval", f"{server.base_url}#m", "--suite", "sc_safety", "--limit", 12]
        plain = anjian(*common, "--out", tmp_path / "plain")
        single = len(server.single)
        done = anjian(*common, "--out", tmp_path / "batch", "--batch")
    assert (plain.returncode, done.returncode) == (0, 0), done.stderr
    assert len(server.batches) == 2, server.sizes
    assert sum(server.sizes) == single == len(server.single)
    assert results(tmp_path / "batch") == results(tmp_path / "plain")


def test_a_model_judges_in_batches_of_its_own(tmp_path: Path, items: Path) -> None:
    with batches(judging) as server:
        judge = ("--judge", f"{server.base_url}#judge")
        plain = evaluate(server, tmp_path / "plain", items, *judge)
        single = len(server.single)
        done = evaluate(server, tmp_path / "batch", items, *judge, "--batch")
    assert (plain.returncode, done.returncode) == (0, 0), done.stderr
    assert (server.sizes, len(server.single)) == ([20, 20], single)
    assert [{line["body"]["model"] for line in server.lines(number)} for number in (0, 1)] == [{"m"}, {"judge"}]
    assert results(tmp_path / "batch") == results(tmp_path / "plain")


def test_a_judge_whose_server_has_no_batches_is_asked_call_by_call(tmp_path: Path, items: Path) -> None:
    with batches(judging) as server, batches(judging) as other:
        other.refuse = lambda kind, number: None if kind == "chat" else web.Response(status=404)
        done = evaluate(server, tmp_path / "out", items, "--batch", "--judge", f"{other.base_url}#judge")
    assert done.returncode == 0, done.stderr
    assert (server.sizes, len(other.single), len(other.batches)) == ([20], 20, 0)
    assert done.stderr.count("its server has no Batch API") == 1
    assert scores(tmp_path / "out")["rr1", "overall"]["scored"] == 20


def test_a_target_whose_server_has_no_batches_ends_with_the_mend(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server:
        server.refuse = lambda kind, number: web.json_response({"detail": "Not Found"}, status=404)
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 2
    assert "no Batch API (POST /files: HTTP 404: Not Found); leave --batch out" in done.stderr
    assert not server.single


@pytest.mark.parametrize(
    ("first", "passes"),
    [
        (lambda: fault(500, "internal"), True),
        (lambda: fault(429, "slow down"), True),
        (lambda: (200, {"choices": []}), True),
        (lambda: None, True),
        (lambda: fault(400, "blocked", code="data_inspection_failed"), False),
    ],
)
def test_calls_that_failed_for_what_may_pass_are_in_the_next_batch(
    tmp_path: Path, items: Path, first: Any, passes: bool
) -> None:
    seen: dict[str, int] = {}

    def say(body: Table) -> tuple[int, Table] | None:
        seen[said(body)] = seen.get(said(body), 0) + 1
        faulty: tuple[int, Table] | None = first()
        return faulty if "第3份" in said(body) and seen[said(body)] == 1 else mixed(body)

    with batches(say) as server:
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 0, done.stderr
    assert server.sizes == ([20, 1] if passes else [20])
    [odd] = [one for one in read_lines(tmp_path / "out" / "replies.jsonl") if one["id"] == "r3"]
    assert odd.get("failure") == (None if passes else "content_filter")


def test_a_call_that_always_fails_is_sent_a_few_times_and_is_one_item_unscored(tmp_path: Path, items: Path) -> None:
    with batches(lambda body: fault(503, "busy") if "第3份" in said(body) else mixed(body)) as server:
        done = evaluate(server, tmp_path / "out", items, "--batch")
        assert server.sizes == [20, 1, 1, 1]
        assert scores(tmp_path / "out")["rr1", "overall"]["scored"] == 19
        assert done.returncode == 0, done.stderr
        server.say = mixed
        again = evaluate(server, tmp_path / "out", items, "--batch")
    assert again.returncode == 0
    assert server.sizes == [20, 1, 1, 1, 1]
    assert scores(tmp_path / "out")["rr1", "overall"]["scored"] == 20


def test_only_errors_are_one_reason_with_the_words_of_the_server(tmp_path: Path, items: Path) -> None:
    with batches(lambda body: fault(404, "the model m does not exist")) as server:
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 2
    assert "the model m does not exist" in done.stderr


def test_what_an_expired_batch_left_is_sent_again(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server:
        server.status = lambda number: "completed" if number else "expired"
        server.say = lambda body: None if len(server.batches) == 1 and "1" in said(body) else mixed(body)
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 0, done.stderr
    assert server.sizes == [20, 11]


def test_trouble_of_the_server_is_waited_for(tmp_path: Path, items: Path) -> None:
    def refuse(kind: str, number: int) -> web.Response | None:
        soon = {"Retry-After": "0.02"}
        if number in (0, 1) and kind in ("upload", "look", "content"):
            return web.json_response({"error": {"message": "slow down"}}, status=429 if number else 502, headers=soon)
        if number == 2 and kind == "look":
            return web.Response(text="<html>gateway</html>", headers=soon)
        return None

    with batches(mixed) as server:
        server.refuse, server.looks = refuse, 4
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 0, done.stderr
    assert server.sizes == [20]


def test_a_batch_whose_creation_was_not_confirmed_is_found(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server:
        unconfirmed = web.Response(status=504, headers={"Retry-After": "0"})
        server.answered = lambda kind, number, answer: unconfirmed if kind == "create" else answer
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 0, done.stderr
    assert server.sizes == [20]


def waits(process: subprocess.Popen[str]) -> str:
    """Leaves by Ctrl-C; returns what was said."""
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    return told


def start(server: BatchServer, out: Path, items: Path, *more: object) -> subprocess.Popen[str]:
    call = command(*arguments(server, out, items, "--batch", *more))
    return subprocess.Popen(call, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())


@pytest.mark.parametrize("kill", [True, False])
def test_submit_leave_and_come_back_with_the_same_command(tmp_path: Path, items: Path, kill: bool) -> None:
    with batches(judging) as server:
        judge = ("--judge", f"{server.base_url}#judge")
        evaluate(server, tmp_path / "plain", items, *judge)
        single = len(server.single)
        for number in (1, 2):  # Once while the target answers, once while the judge judges.
            server.held = number - 1
            process = start(server, tmp_path / "out", items, *judge)
            server.wait_for(number, process)
            if kill:
                process.kill()
                process.communicate()
            else:
                assert "run the same command to go on" in waits(process)
            assert len(server.batches) == number
            server.held = None
        done = evaluate(server, tmp_path / "out", items, *judge, "--batch")
        assert done.returncode == 0, done.stderr
        assert "waiting for batch batch_1 of 20 calls, submitted before" in done.stderr
        assert server.sizes == [20, 20]
        assert len(set(server.sent)) == 40
        assert len(server.single) == single
        assert results(tmp_path / "out") == results(tmp_path / "plain")
        once_more = evaluate(server, tmp_path / "out", items, *judge, "--batch")
        assert once_more.returncode == 0
        assert server.sizes == [20, 20]


@pytest.mark.parametrize("lists", [True, False])
def test_a_batch_whose_record_was_lost_is_found_by_its_file(tmp_path: Path, items: Path, lists: bool) -> None:
    with batches(mixed) as server:
        server.held = 0
        process = start(server, tmp_path / "out", items)
        server.wait_for(1, process)
        process.kill()
        process.communicate()
        server.held = None
        store = tmp_path / "out" / BATCHES
        uploaded, created = store.read_bytes().splitlines(keepends=True)
        assert b'"batch":"batch_0"' in created
        store.write_bytes(uploaded + created[:30])  # As if killed while it was written.
        server.lists = lists
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 0, done.stderr
    assert server.sizes == ([20] if lists else [20, 20])
    assert server.asked["upload"] == 1


def test_a_batch_that_the_server_has_lost_is_sent_again(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server:
        server.held = 0
        process = start(server, tmp_path / "out", items)
        server.wait_for(1, process)
        process.kill()
        process.communicate()
        server.held = None
        server.batches["batch_x"] = server.batches.pop("batch_0") | {"input_file_id": "file-0"}
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 0, done.stderr
    assert server.sizes == [20, 20]


def test_a_damaged_record_is_named(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server:
        assert evaluate(server, tmp_path / "out", items, "--limit", 5, "--batch").returncode == 0
        store = tmp_path / "out" / BATCHES
        store.write_bytes(b"{broken\n" + store.read_bytes())
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 2
    assert f"{store}, line 1 is damaged" in one_line(done)


def test_a_longer_run_sends_what_is_new(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server:
        evaluate(server, tmp_path / "out", items, "--limit", 5, "--batch")
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 0, done.stderr
    assert server.sizes == [5, 15]


@pytest.mark.parametrize(
    "errors",
    [
        {"data": [{"code": "model_not_found", "message": "no batches for m"}]},
        [{"code": "model_not_found", "message": "no batches for m"}],
        "model_not_found no batches for m",
        {"message": "no batches for m", "code": "model_not_found"},
        {"data": [{"code": "model_not_found", "message": "no batches for m", "line": n} for n in range(1, 21)]},
    ],
)
def test_a_batch_that_fails_as_a_whole_ends_the_run_with_its_words(tmp_path: Path, items: Path, errors: Any) -> None:
    with batches(mixed) as server:
        server.status, server.errors = lambda number: "failed", errors
        done = evaluate(server, tmp_path / "out", items, "--batch")
        assert done.returncode == 2
        assert "model_not_found no batches for m" in done.stderr
        assert server.sizes == [20]
        server.status = lambda number: "completed"
        assert evaluate(server, tmp_path / "out", items, "--batch").returncode == 0


def test_lines_that_the_server_finds_fault_with_are_left_out(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server:
        server.status = lambda number: "completed" if number else "failed"
        server.errors = {"data": [{"code": "invalid_request", "message": "bad", "line": line} for line in (3, 7)]}
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 3
    assert server.sizes == [20, 18]
    assert "18 of 20" in done.stdout


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        ("the file has too many lines, at most 6 are allowed", [20, 10, 10, 5, 5, 5, 5]),
        ("Enqueued token limit reached for m; try again once in_progress batches have completed", [20, 10, 5, 10, 5]),
    ],
)
def test_batches_become_as_small_as_the_server_wants_them(
    tmp_path: Path, items: Path, words: str, sizes: list[int]
) -> None:
    with batches(mixed) as server:
        server.status = lambda number: "failed" if server.sizes[number] > 6 and number < 3 else "completed"
        server.errors = {"data": [{"code": "limit", "message": words}]}
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 0, done.stderr
    assert server.sizes == sizes


def test_a_refused_key_is_named_and_masked(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server:
        wrong = {"error": {"message": f"Incorrect API key provided: {KEY}"}}
        server.refuse = lambda kind, number: web.json_response(wrong, status=401)
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 2
    assert "ANJIAN_API_KEY" in one_line(done)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize("model", ["tiny/distill", "hf/nowhere", "vllm/nowhere"])
def test_models_of_this_machine_have_no_batches(tmp_path: Path, model: str) -> None:
    done = anjian("eval", model, "--suite", "chisafety", "--out", tmp_path / "out", "--batch")
    assert done.returncode == 2
    assert "--batch is for models that are served elsewhere" in one_line(done)


def test_concurrency_makes_no_sense_beside_batches(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server:
        done = evaluate(server, tmp_path / "out", items, "--batch", "--concurrency", 4)
    assert done.returncode == 2
    assert "leave --concurrency out" in one_line(done)


def test_from_python(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server:
        run = api.evaluate(f"{server.base_url}#m", "chisafety", items=items, out=tmp_path / "out", batch=True)
        assert (run.coverage, server.sizes, server.single) == (1, [20], [])
    with pytest.raises(UsageError, match="--batch is for models that are served elsewhere"):
        api.evaluate(lambda messages: "好", "chisafety", items=items, out=tmp_path / "f", batch=True)


def test_two_models_are_compared_in_batches(tmp_path: Path) -> None:
    with batches(mixed) as server:
        models = [f"{server.base_url}#{name}" for name in ("before", "after")]
        done = anjian("compare", *models, "--suite", "chisafety", "--limit", 10, "--out", tmp_path / "c", "--batch")
    assert done.returncode == 0, done.stderr
    assert (server.sizes, server.single) == ([10, 10], [])


def test_what_a_model_refuses_is_learned_and_sent_without(tmp_path: Path, items: Path) -> None:
    def say(body: Table) -> tuple[int, Table]:
        if "temperature" in body:
            return fault(400, "Unsupported parameter: 'temperature' is not supported with this model.")
        return mixed(body)

    with batches(say) as server:
        done = evaluate(server, tmp_path / "out", items, "--batch", "--temperature", 0)
    assert done.returncode == 0, done.stderr
    assert server.sizes == [20, 20]
    assert done.stderr.count("temperature is not sent") == 1
    assert "temperature is not sent" in (tmp_path / "out" / "run.toml").read_text(encoding="utf-8")
    assert scores(tmp_path / "out")["rr1", "overall"]["scored"] == 20


def test_an_empty_reply_is_asked_again(tmp_path: Path, items: Path) -> None:
    seen: list[str] = []

    def say(body: Table) -> tuple[int, Table]:
        seen.append(said(body))
        return reply("") if "第3份" in said(body) and seen.count(said(body)) == 1 else mixed(body)

    with batches(say) as server:
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 0, done.stderr
    assert server.sizes == [20, 1]


def test_files_in_an_envelope_and_results_at_an_address_elsewhere(tmp_path: Path, items: Path) -> None:
    with batches(mixed) as server, batches(mixed) as elsewhere:

        def answered(kind: str, number: int, answer: web.Response) -> web.Response:
            if kind == "upload":
                told = {"code": 20000, "message": "Ok", "status": True, "data": json.loads(answer.text or "")}
                return web.json_response(told)
            if kind == "look":
                elsewhere.files |= server.files
                told = json.loads(answer.text or "")
                if "output_file_id" in told:
                    told["output_file_id"] = f"{elsewhere.base_url}/files/{told['output_file_id']}/content"
                return web.json_response(told, headers={"Retry-After": "0.02"})
            return answer

        server.answered = answered
        done = evaluate(server, tmp_path / "out", items, "--batch")
    assert done.returncode == 0, done.stderr
    assert elsewhere.asked == {"content": 1}
    assert not [header for header in elsewhere.headers if "Authorization" in header]


def test_the_line_of_progress_says_what_is_waited_for() -> None:
    async def waited() -> tuple[set[str], BatchModel]:
        model = BatchModel(HttpModel("t/m", "m", [server.base_url]), folder)
        async with model:
            calls = [asyncio.ensure_future(model.complete(Request((Message("user", f"{n}"),)))) for n in range(3)]
            lines = set()
            while not all(call.done() for call in calls):
                lines.add(model.waiting())
                server.held = None if len(lines) > 1 else 0
                await asyncio.sleep(0.01)
        return lines, model

    with batches(mixed) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines, model = asyncio.run(waited())
    assert "waiting: batch_0, 0 of 3 done" in lines
    assert model.waiting() == ""


def test_replies_that_trickle_in_do_not_become_a_batch_each() -> None:
    room = Room()
    assert room.ready(1, 0, QUIET_SECONDS)
    assert not room.ready(1, 0, QUIET_SECONDS / 2)
    assert not room.ready(20, 200, QUIET_SECONDS)
    assert room.ready(50, 200, QUIET_SECONDS)
    assert room.ready(MOST_CALLS, 200, 0)


@given(st.lists(st.tuples(st.integers(1, 60_000), st.booleans()), max_size=40))
def test_the_size_of_batches_stays_between_one_call_and_what_was_refused(events: list[tuple[int, bool]]) -> None:
    room, least = Room(), MOST_CALLS
    for calls, hard in events:
        sent = min(calls, room.most)
        if room.refused(sent, "at most so many lines" if hard else "enqueued token limit reached") and hard:
            least = min(least, max(1, sent // 2))
        assert 1 <= room.most <= least
        room.took()
        assert room.most <= least


@pytest.mark.parametrize(
    ("model", "path", "endpoint"),
    [
        ("gpt-4o", "/v1", "/v1/chat/completions"),
        ("qwen-plus", "/compatible-mode/v1", "/v1/chat/completions"),
        ("batch-test-model", "/compatible-mode/v1", "/v1/chat/ds-test"),
        ("glm-4-plus", "/api/paas/v4", "/v4/chat/completions"),
        ("deepseek-v3.2", "/v2", "/v2/chat/completions"),
        ("m", "/openai/v1/", "/v1/chat/completions"),
        ("m", "/gateway", "/v1/chat/completions"),
    ],
)
def test_the_endpoint_is_what_the_provider_calls_it(model: str, path: str, endpoint: str) -> None:
    assert endpoint_of(model, path) == endpoint


@pytest.mark.parametrize(
    "body",
    [
        {"id": "b", "status": "IN_PROGRESS", "request_counts": None, "errors": []},
        {"data": {"id": "b", "status": "in_progress"}},
        {"job": {"id": "b", "status": "In_Progress", "errors": None}},
    ],
)
def test_batches_are_read_in_all_their_forms(body: Table) -> None:
    job = job_of(decode_object(json.dumps(body).encode()))
    assert (job.id, job.status, job.ended, job.done, job.words) == ("b", "in_progress", False, 0, "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
FIELDS = ("id", "status", "data", "job", "errors", "request_counts", "output_file_id", "custom_id", "response", "error")
OBJECTS = st.dictionaries(st.sampled_from([*FIELDS, "status_code", "body", "line", "message", "total"]), JSON)
BODIES = st.binary() | (OBJECTS | st.lists(OBJECTS) | JSON).map(lambda value: json.dumps(value).encode())


@given(BODIES)
@example(b"[" * 100_000)
@example(b'{"id": "b", "errors": {"data": [{"line": 1}]}, "request_counts": {"completed": "1"}}')
def test_whatever_a_server_says_of_a_batch_is_a_batch_or_an_error(body: bytes) -> None:
    jobs_of(body)
    try:
        job = job_of(decode_object(body))
    except CallError as error:
        assert error.reason == "bad_reply"
    else:
        assert job.id
        assert all(isinstance(number, int) for number in (job.done, job.total, *job.bad_lines))


@given(st.lists(BODIES))
@example([b'{"custom_id": "x"}', b'{"custom_id": "x", "response": {"status_code": 200}, "error": null}'])
@example([b'{"custom_id": "x", "response": {"body": "no table"}}', b'{"custom_id": "x", "error": "\xff"}'])
def test_whatever_stands_in_a_file_of_results_is_an_outcome_or_left_out(lines: list[bytes]) -> None:
    for line in lines_of(b"\n".join(lines)):
        outcome = outcome_of(line)
        assert not isinstance(outcome, CallError) or outcome.reason


@given(st.text(), st.sampled_from(["stop", "length"]))
def test_a_reply_in_a_file_of_results_is_that_reply(text: str, reason: str) -> None:
    body = {"choices": [{"message": {"content": text}, "finish_reason": reason}]}
    line = {"custom_id": "7", "response": {"status_code": 200, "body": body}, "error": None}
    [found] = lines_of(json.dumps(line).encode() + b"\n")
    outcome = outcome_of(found)
    assert found.call == "7"
    assert not isinstance(outcome, CallError)
    assert (outcome.text, outcome.finish_reason) == (text, reason)
