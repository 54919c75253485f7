"""Calls and tokens a minute, without bursts."""

import asyncio
import time
from itertools import pairwise

from aiohttp import web
from asking import put, question
from hypothesis import given
from hypothesis import strategies as st
from loopback import Call, completion, serving

from anjian.models.http.client import HttpModel
from anjian.models.http.pace import Pace


def starts(server_calls: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(sorted(server_calls))]


def test_calls_start_evenly_on_all_servers_together() -> None:
    came: list[float] = []

    def note(call: Call) -> web.Response:
        came.append(time.monotonic())
        return completion("好")

    with serving(note) as one, serving(note) as two:
        asked = put(one, *[question(f"{i}") for i in range(8)], urls=[one.base_url, two.base_url], rpm=1200)
    assert asked.texts == ["好"] * 8
    assert max(came) - min(came) >= 7 * 0.05
    assert min(starts(came)) > 0.03


def test_tokens_are_counted_by_what_calls_did_cost() -> None:
    async def spread(pace: Pace, cost: int) -> float:
        started = time.monotonic()
        for _ in range(4):
            expected = await pace.turn(400)
            pace.used(400, expected, cost // 2, cost // 2)
        return time.monotonic() - started

    dear = asyncio.run(spread(Pace(None, 1_000_000), 2000))
    assert 0.36 <= dear < 2
    assert asyncio.run(spread(Pace(None, 1_000_000), 20)) < 0.1


def test_a_reply_that_costs_nothing_known_changes_no_account() -> None:
    async def turns() -> float:
        pace = Pace(None, 6_000_000)
        started = time.monotonic()
        for _ in range(3):
            pace.used(400, await pace.turn(400), 0, 0)
        return time.monotonic() - started

    assert asyncio.run(turns()) >= 0.012


def test_who_gives_up_holds_nobody_up() -> None:
    async def race() -> float:
        pace = Pace(600, None)
        await pace.turn(1)
        waiting = [asyncio.ensure_future(pace.turn(1)) for _ in range(5)]
        await asyncio.sleep(0)
        assert pace.waiting == 5
        for one in waiting[:4]:
            one.cancel()
        started = time.monotonic()
        await waiting[4]
        assert pace.waiting == 0
        return time.monotonic() - started

    assert asyncio.run(race()) < 0.19


def test_a_server_that_asks_for_a_pause_gets_it() -> None:
    async def held() -> float:
        pace = Pace(60_000, None)
        pace.hold(0.1)
        started = time.monotonic()
        await pace.turn(1)
        return time.monotonic() - started

    assert asyncio.run(held()) >= 0.1


def test_it_can_be_seen_that_calls_wait_for_their_turn() -> None:
    async def look(url: str) -> list[str]:
        async with HttpModel("m", "m", [url], rpm=600) as model:
            calls = [asyncio.ensure_future(model.complete(question(f"{i}"))) for i in range(3)]
            await calls[0]
            seen = [model.waiting()]
            await asyncio.gather(*calls)
            return [*seen, model.waiting()]

    with serving(lambda call: completion("好")) as server:
        assert asyncio.run(look(server.base_url)) == ["waiting: 600 requests a minute", ""]


def test_limits_in_words() -> None:
    assert Pace(600, None).limits == "600 requests a minute"
    assert Pace(None, 200_000).limits == "200,000 tokens a minute"
    assert Pace(60, 1000).limits == "60 requests and 1,000 tokens a minute"


@given(st.lists(st.tuples(st.integers(1, 10**7), st.integers(0, 10**9), st.integers(0, 10**9)), max_size=20))
def test_no_usage_breaks_the_account(calls: list[tuple[int, int, int]]) -> None:
    async def account() -> None:
        pace = Pace(None, 10**18)
        for size, prompt, reply in calls:
            expected = await pace.turn(size)
            assert 0 < expected < 10**18
            pace.used(size, expected, prompt, reply)

    asyncio.run(account())
