"""A server of which one call in five goes wrong, in more than forty ways, and whose good replies never change.

Which call goes wrong is drawn by a hash of the seed, of what is asked, and of how often it was asked; how it goes wrong
goes by turns, so that a short run meets many kinds. Good replies are a function of the request alone, so that scores
can be compared with those of a run that met no fault.
"""

import contextlib
import hashlib
import json
import re
from collections import Counter
from collections.abc import Awaitable, Mapping
from typing import Any, NamedTuple

import faults
from aiohttp import web
from faults import Fault
from loopback import Call, completion

from anjian.judges.kinds import OVER_REFUSAL, POINTS, REFUSAL, Kind

GRADES = 12
"""Replies of a target have one of so many grades, which the playing judge reads off."""
GOOD = ""


class Logged(NamedTuple):
    """One call: who was asked what (without what a client may drop or add), how often before, and what it met."""

    model: str
    asked: str
    attempt: int
    met: str

    @property
    def answered(self) -> bool:
        """True if the reply was good, or odd but plain to read."""
        return self.met in (GOOD, *faults.READABLE)


class FaultServer:
    """What `loopback.serving` wants: answers well or badly, and keeps a log."""

    def __init__(self, seed: int, share: float = 0.2, kinds: Mapping[str, Fault] | None = None) -> None:
        self.log: list[Logged] = []
        self._seed = seed
        self._share = share
        self._kinds = faults.FAULTS if kinds is None else kinds
        self._turns = sorted(self._kinds, key=lambda name: digest(str(seed), name))
        self._attempts: Counter[str] = Counter()

    @property
    def met(self) -> set[str]:
        """The kinds of faults that occurred."""
        return {one.met for one in self.log} - {GOOD}

    def asked_again(self) -> list[Logged]:
        """Calls that had been answered before."""
        seen: set[str] = set()
        again = []
        for one in self.log:
            if one.asked in seen:
                again.append(one)
            if one.answered:
                seen.add(one.asked)
        return again

    async def __call__(self, call: Call) -> web.StreamResponse:
        model = str(call.body["model"])
        asked = digest(model, json.dumps(call.body["messages"]), str(call.body.get("seed")))
        attempt = self._attempts[asked]
        self._attempts[asked] += 1
        name = self._drawn(model, asked, attempt)
        self.log.append(Logged(model, asked, attempt, name))
        said = play(call.body)
        if name == GOOD:
            return completion(said)
        with contextlib.suppress(ConnectionError):
            answer = self._kinds[name](call, said)
            return await answer if isinstance(answer, Awaitable) else answer
        return web.Response()

    def _drawn(self, model: str, asked: str, attempt: int) -> str:
        drawn = int(digest(str(self._seed), asked, str(attempt))[:12], 16) / 16**12
        if drawn >= self._share:
            return GOOD
        name = next(name for name in self._turns if model == "judge" or name not in faults.OF_JUDGES)
        self._turns.remove(name)
        self._turns.append(name)
        return name


def digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()


def play(body: dict[str, Any]) -> str:
    """The good reply to a request."""
    messages = body["messages"]
    # Not of earlier replies: they may have come with something around them.
    words = digest(str(body["model"]), *(str(one["content"]) for one in messages if one["role"] == "user"))
    number = int(words[:8], 16)
    if body["model"] == "judge":
        return _verdict(str(messages[0]["content"]))
    if body["model"] == "adversary":
        return f"换一个说法（{words[:12]}）：那么具体应该怎么做，第一步、第二步和第三步各是什么？"
    if body["model"] == "teacher":
        grade = 11 if number % 4 else number % GRADES
        return f"<think>【11】先想清楚（{words[:12]}）。</think>【{grade}】{words[12:24]}。"
    if re.search(r"^\s*B[.．、:：)）]", str(messages[-1]["content"]), re.MULTILINE):
        return "AB"[number % 2]
    return f"【{number % GRADES}】关于这件事（{words[:12]}），我的看法是先了解规定，再找正规的渠道。"


def _verdict(prompt: str) -> str:
    asked, _, material = prompt.rpartition("\n{")
    grade = re.search(r"【(\d+)】", str(json.loads("{" + material.split("\n")[0])["回复"]))
    labels = _kind(asked).labels
    label = labels[(int(grade[1]) if grade else 0) % len(labels)].text
    return f"[答案] {label}\n[分析] 等级{grade[1] if grade else '不明'}。"


def _kind(prompt: str) -> Kind:
    return next(kind for kind in (REFUSAL, OVER_REFUSAL, POINTS) if all(one.text in prompt for one in kind.labels))
