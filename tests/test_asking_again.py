"""What came to nothing is asked again by the next run; what stops a run, and what is one item's failure."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import anjian, read_lines, risky, scores, write_items
from loopback import Call, Server, completion, failure, serving

from anjian.errors import UsageError
from anjian.items.records import Message
from anjian.models.base import HTTP_ERROR, TIMEOUT, CallError, Model, Reply, Request
from anjian.runs.asking import LedgerAsk, StoppedError
from anjian.runs.ledger import Ledger

REFUSAL = "抱歉，我不能这样做。"
VERDICT = "[答案] 直接拒绝\n[分析] 没有引导。"


class Scripted:
    """A model that answers as it is told, one call after another."""

    name = "m"
    concurrency = 1

    def __init__(self, *said: Reply | CallError) -> None:
        self.said = list(said)
        self.calls = 0

    async def __aenter__(self) -> Model:
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    def about(self) -> dict[str, Any]:
        return {}

    def waiting(self) -> str:
        return ""

    async def complete(self, request: Request) -> Reply:
        self.calls += 1
        said = self.said.pop(0)
        if isinstance(said, CallError):
            raise said
        return said


def request(text: str = "问") -> Request:
    return Request((Message("user", text),))


def session(
    path: Path, model: Scripted | None, *texts: str, usable: Callable[[Reply], bool] | None = None
) -> list[str]:
    """Asks in a session of its own; returns the texts of the replies, or why there are none."""

    async def ask() -> list[str]:
        with Ledger(path) as ledger:
            asked = LedgerAsk("m", ledger, model)
            said = []
            for text in texts or ("问",):
                try:
                    said.append((await asked(request(text), usable)).text)
                except CallError as error:
                    said.append(error.reason)
                except StoppedError as error:
                    return [*said, str(error)]
            return said

    return asyncio.run(ask())


EMPTY = [Reply(""), Reply("  \n"), Reply("<think>想", finish_reason="length"), Reply("", reasoning="想")]


@pytest.mark.parametrize("nothing", EMPTY)
def test_a_reply_without_an_answer_is_asked_for_again(nothing: Reply, tmp_path: Path) -> None:
    model = Scripted(nothing, Reply("答"))
    assert session(tmp_path / "l", model, "问", "问") == [nothing.text] * 2, "but not in the same session"
    assert session(tmp_path / "l", None) == [nothing.text], "and not by a replay"
    assert session(tmp_path / "l", model, "问", "问") == ["答"] * 2
    assert session(tmp_path / "l", model) == ["答"]
    assert model.calls == 2


@pytest.mark.parametrize("fault", [CallError(TIMEOUT, "slow"), CallError(HTTP_ERROR, "no key", fatal=True, status=401)])
def test_where_the_new_call_fails_the_old_reply_stays(fault: CallError, tmp_path: Path) -> None:
    session(tmp_path / "l", Scripted(Reply(""), Reply("", reasoning="想")), "一", "二")
    model = Scripted(fault, fault)
    assert session(tmp_path / "l", model, "一", "一", "二") == ["", "", ""]
    assert model.calls == (1 if fault.fatal else 2), "a model that cannot be reached is not tried again"
    assert session(tmp_path / "l", None, "一", "二") == ["", ""]


def test_whoever_asks_says_what_is_of_use(tmp_path: Path) -> None:
    model = Scripted(Reply("也许"), Reply("是"))
    assert session(tmp_path / "l", model, usable=lambda reply: reply.text == "是") == ["也许"]
    assert session(tmp_path / "l", model, usable=lambda reply: True) == ["也许"]
    assert session(tmp_path / "l", model, usable=lambda reply: reply.text == "是") == ["是"]


def refused(status: int) -> CallError:
    return CallError(HTTP_ERROR, f"HTTP {status}: blocked", fatal=True, status=status)


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_firewalls_refusal_is_one_items_failure(status: int, tmp_path: Path) -> None:
    said: list[Reply | CallError] = [Reply("一"), refused(status), refused(status), Reply("四"), *[refused(status)] * 5]
    found = session(tmp_path / "l", Scripted(*said), *"一二三四五六七八九")
    assert found[:8] == ["一", HTTP_ERROR, HTTP_ERROR, "四", *[HTTP_ERROR] * 4]
    assert "does not answer: HTTP" in found[8], "several in a row are no longer single prompts"
    again = session(tmp_path / "l", Scripted(refused(status), Reply("三")), "二", "三")
    assert again == [HTTP_ERROR, "三"], "the model answered in an earlier session"


@pytest.mark.parametrize("status", [302, 403, 404, 405])
def test_the_very_first_prompt_may_be_the_one_that_is_blocked(status: int, tmp_path: Path) -> None:
    assert session(tmp_path / "l", Scripted(refused(status), Reply("二")), "一", "二") == [HTTP_ERROR, "二"]
    found = session(tmp_path / "m", Scripted(*[refused(status)] * 5), *"一二三四五六")
    assert found[:4] == [HTTP_ERROR] * 4
    assert "check the key" in found[4]


ABOUT_ALL = [
    "The model `m` does not exist",
    "模型不存在",
    "model_not_found",
    "Invalid API key",
    "no permission",
    "无权限",
]


@pytest.mark.parametrize("words", ABOUT_ALL)
@pytest.mark.parametrize("status", [401, 402, 403, 404, 405])
def test_what_every_call_meets_stops_at_once(status: int, words: str, tmp_path: Path) -> None:
    model = Scripted(CallError(HTTP_ERROR, words, fatal=True, status=status))
    assert "does not answer: " in session(tmp_path / "l", model, "一", "二")[0]
    assert model.calls == 1


@pytest.mark.parametrize("status", [401, 402])
def test_a_key_that_is_no_longer_good_stops_after_successes_too(status: int, tmp_path: Path) -> None:
    found = session(tmp_path / "l", Scripted(Reply("一"), refused(status)), "一", "二", "三")
    assert found[0] == "一"
    assert ("top up" if status == 402 else "check the key") in found[1]


def test_a_model_never_reached_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="blocked"):
        StoppedError("m", refused(404), ever_answered=False).as_remark()
    assert "blocked" in StoppedError("m", refused(404), ever_answered=True).as_remark()


def evaluate(server: Server, folder: Path, *more: object, count: int = 4) -> tuple[int, str]:
    file = write_items(folder / "items.jsonl", risky(count))
    done = anjian("eval", f"{server.base_url}#m", "--suite", "chisafety", "--items", file, "--out", folder / "run",
                  *more)  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def unscored(folder: Path) -> list[str | None]:
    return [line.get("unscored") for line in read_lines(folder / "run" / "verdicts.jsonl")]


def test_a_second_run_brings_coverage_up(tmp_path: Path) -> None:
    healed = False

    def behave(call: Call) -> Any:
        return completion(REFUSAL if healed or "第0份" not in call.said else "<think>想到一半")

    with serving(behave) as server:
        rc, said = evaluate(server, tmp_path)
        assert rc == 3
        assert "no_answer" in said
        assert said.strip().endswith("run the same command to ask again")
        healed, before = True, len(server.calls)
        assert evaluate(server, tmp_path)[0] == 0
        assert len(server.calls) == before + 1, "only what had no answer is asked again"
        assert evaluate(server, tmp_path)[0] == 0
        assert len(server.calls) == before + 1
    assert unscored(tmp_path) == [None] * 4


def test_the_last_line_says_where_the_answer_went(tmp_path: Path) -> None:
    with serving(lambda call: completion(None, reasoning_content=REFUSAL)) as server:
        rc, said = evaluate(server, tmp_path)
    assert rc == 3
    assert "the server's reasoning parser took everything" in said.strip().splitlines()[-1]


def test_unparsed_verdicts_are_asked_for_again_and_parsed_ones_never(tmp_path: Path) -> None:
    strict = False

    def behave(call: Call) -> Any:
        if call.body["model"] == "m":
            return completion(REFUSAL)
        reminded = len(call.body["messages"]) == 3
        odd = "第0份" in str(call.body["messages"][0]["content"])
        return completion(VERDICT if reminded and (strict or not odd) else "不好说。")

    with serving(behave) as server:
        judge = ("--judge", f"{server.base_url}#judge")
        rc, said = evaluate(server, tmp_path, *judge)
        assert rc == 3
        assert said.strip().endswith("run the same command to ask again")
        assert sorted(filter(None, unscored(tmp_path))) == ["judge_unparsed"]
        strict, before = True, len(server.calls)
        assert evaluate(server, tmp_path, *judge)[0] == 0
        assert len(server.calls) == before + 1, "the reminder of the one that could not be read"
    assert unscored(tmp_path) == [None] * 4


def test_a_verdict_in_the_reasoning_field_is_read(tmp_path: Path) -> None:
    form = '{"answer": "直接拒绝", "analysis": "没有引导。"}'

    def behave(call: Call) -> Any:
        return completion(REFUSAL) if call.body["model"] == "m" else completion(None, reasoning_content=form)

    with serving(behave) as server:
        assert evaluate(server, tmp_path, "--judge", f"{server.base_url}#judge")[0] == 0
    assert scores(tmp_path / "run")["rr1", "overall"]["value"] == 1


@pytest.mark.parametrize("status", [403, 404, 405])
def test_one_blocked_prompt_does_not_stop_a_run(status: int, tmp_path: Path) -> None:
    def behave(call: Call) -> Any:
        return failure(status, "Forbidden by WAF") if "第2份" in call.said else completion(REFUSAL)

    with serving(behave) as server:
        assert evaluate(server, tmp_path, count=5)[0] == 3
        assert unscored(tmp_path) == [None, None, "http_error", None, None]
        assert evaluate(server, tmp_path, count=5)[0] == 3, "alone, it is still no reason to stop"
    assert unscored(tmp_path) == [None, None, "http_error", None, None]


@pytest.mark.parametrize("concurrency", [1, 8])
def test_where_every_single_call_was_refused_the_end_names_the_mend(concurrency: int, tmp_path: Path) -> None:
    with serving(lambda call: failure(403, "blocked")) as server:
        rc, said = evaluate(server, tmp_path, "--concurrency", concurrency, count=3)
    assert rc == 2
    assert "blocked; check the key, the base URL and the model's name" in said.strip().splitlines()[-1]


def test_an_unknown_model_is_wrong_usage(tmp_path: Path) -> None:
    with serving(lambda call: failure(404, "no such model")) as server:
        rc, said = evaluate(server, tmp_path, count=3)
    assert rc == 2
    assert "no such model" in said.strip().splitlines()[-1]
