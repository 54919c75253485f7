"""docs/providers.md: every block there is a models.toml that opens, and its tables and providers.toml name the same.

What the page says of streaming, and of asking a model once, is tried on a server.
"""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from command import anjian
from loopback import Call, completion, failure, serving

from anjian.models.book import book, using
from anjian.models.providers import providers
from anjian.models.resolve import open_model
from anjian.models.spec import parse

PAGE = (Path(__file__).parents[1] / "docs" / "providers.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
TABLES = re.findall(r"^\| name \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
ROWS = [line.strip("| ").split(" | ") for table in TABLES for line in table.splitlines()]


def address_of(cells: list[str]) -> str:
    found = re.search(r"https?://[^`\s]+", cells[1])
    assert found, f"{cells[0]} has no address"
    return found[0]


@pytest.mark.parametrize("block", BLOCKS, ids=[block.split("]")[0].strip("[") for block in BLOCKS])
def test_every_block_of_the_page_describes_models_that_open(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "models.toml"
    file.write_text(block, encoding="utf-8")
    for variable in (
        *re.findall(r"\b[A-Z_]+_KEY\b", block),
        *(one.key_env for one in providers().values() if one.key_env),
    ):
        monkeypatch.setenv(variable, "sk-of-this-test")
    with using(file):
        names = list(book())
        assert names == list(tomllib.loads(block))
        for name in names:
            spec = parse(name)
            assert open_model(name).name == name
            assert spec.model in block


def test_the_tables_name_every_provider_with_its_address() -> None:
    assert len(ROWS) >= 35
    assert all(len(cells) == 7 for cells in ROWS), [cells[0] for cells in ROWS if len(cells) != 7]
    told = {}
    for cells in ROWS:
        if (name := re.match(r"`([\w-]+)`", cells[0])) and name[1] in providers():
            told[name[1]] = address_of(cells)
    assert told == {name: one.base_url for name, one in providers().items()}


def test_every_provider_of_the_table_has_a_block() -> None:
    described = [table for block in BLOCKS for table in tomllib.loads(block).values()]
    assert {one["provider"] for one in described if "provider" in one} == set(providers())
    listed = {one.base_url for one in providers().values()}
    unlisted = {address for address in map(address_of, ROWS) if address not in listed}
    assert all(any(address in block for block in BLOCKS) for address in unlisted)


def test_addresses_and_variables_of_providers_are_well_formed_and_their_own() -> None:
    for name, one in providers().items():
        parts = urlsplit(one.base_url)
        assert parts.scheme == ("http" if parts.hostname == "127.0.0.1" else "https"), name
        assert not one.base_url.endswith("/"), name
        assert re.fullmatch(r"[A-Z][A-Z0-9]*_API_KEY", one.key_env) or not one.key_env, name
    for field in ("base_url", "key_env", "url_env"):
        values = [getattr(one, field) for one in providers().values()]
        assert len(set(values)) == len(values), field


def test_the_command_lists_them_with_the_variable_of_each_key() -> None:
    listed = "".join(re.sub(r"[│\s]", "", anjian("models", env={"COLUMNS": "200"}).stdout))
    for name, one in providers().items():
        assert f"{name}/MODEL{one.key_env}" in listed
        assert one.base_url in listed


def streamed(call: Call) -> web.Response:
    events: list[dict[str, object]] = [
        {"choices": [{"delta": {"content": part}, "finish_reason": None}]} for part in ("靠夹层", "里的真空。")
    ]
    events.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    if call.body.get("stream_options", {}).get("include_usage"):
        events.append({"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 9}})
    text = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events)
    return web.Response(text=f"{text}data: [DONE]\n\n", content_type="text/event-stream")


@pytest.mark.parametrize("knows_usage", [True, False])
def test_a_model_described_as_streaming_counts_tokens_where_its_server_can(knows_usage: bool, tmp_path: Path) -> None:
    def behave(call: Call) -> web.Response:
        if "stream_options" in call.body and not knows_usage:
            return failure(400, "Unrecognized request argument supplied: stream_options")
        return streamed(call)

    with serving(behave) as server:
        book = tmp_path / "models.toml"
        book.write_text(f'[mine]\nurl = "{server.base_url}"\nextra_body = {{ stream = true }}\n', encoding="utf-8")
        done = anjian("models", "check", "mine", "--models", book)
    assert done.returncode == 0
    assert "靠夹层里的真空。" in done.stdout
    assert ("20 in the prompt, 9 in the reply" in done.stdout) == knows_usage
    assert all(call.body["stream"] for call in server.calls)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (completion, "没有思考 no thinking; the reply opens with <inner_voice>: an unknown mark of thinking?"),
        (lambda text: completion("", reasoning_content=text), "the server's reasoning parser took the answer along"),
    ],
)
def test_asking_once_says_what_is_odd_about_the_thinking(reply: Callable[[str], web.Response], said: str) -> None:
    with serving(lambda call: reply("<inner_voice>想</inner_voice>靠真空。")) as server:
        done = anjian("models", "check", f"{server.base_url}#m")
    assert said in done.stdout
