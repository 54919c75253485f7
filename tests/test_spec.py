from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anjian.errors import UsageError
from anjian.models.providers import providers
from anjian.models.spec import LAUNCHED, TINY, parse, parse_or_folder, parse_weights, public_name

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="/#,"), min_size=1)


@given(st.sampled_from([*providers(), "hf", *LAUNCHED]), words, words)
def test_the_first_slash_parts_provider_and_model(provider: str, first: str, second: str) -> None:
    spec = parse(f"{provider}/{first}/{second}")
    assert (spec.provider, spec.model) == (provider, f"{first}/{second}")
    assert spec.is_local == (provider not in providers())
    assert bool(spec.path) == spec.is_local
    assert parse(spec.name) == spec


@example("~0")
@given(st.text())
def test_any_text_is_a_name_or_is_refused_in_one_line(text: str) -> None:
    for read in (parse, parse_or_folder, parse_weights):
        try:
            assert read(text).model
        except UsageError as error:
            assert len(str(error)) < 1000 + 4 * len(text)


@given(st.lists(st.integers(1, 65535), min_size=1, max_size=4), words)
def test_urls_share_one_model(ports: list[int], model: str) -> None:
    urls = [f"http://127.0.0.1:{port}/v1" for port in ports]
    spec = parse(f"{','.join(urls)}#{model}")
    assert (spec.kind, list(spec.urls), spec.model, spec.public) == ("url", urls, model, model)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody/x", "unknown provider 'nobody'"),
        ("deepseek", "not of the form provider/model"),
        ("deepseek/", "not of the form provider/model"),
        ("tiny/huge", "there are tiny/base, tiny/distill"),
        ("http://127.0.0.1:8000/v1", "does not say which model"),
        ("http://u:secret@127.0.0.1/v1", "does not say which model"),
        ("http://u:secret@127.0.0.1/v1#m", "no user, password or key"),
        ("http://127.0.0.1/v1?api_key=secret#m", "no user, password or key"),
        ("http://127.0.0.1/v1?api_key=secret", "does not say which model"),
        ("http://127.0.0.1:99999999/v1#m", "is not a URL"),
        ("http://,#m", "is not a URL"),
    ],
)
def test_a_wrong_name_is_told_without_secrets(name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(name)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_query_that_is_no_secret_stays() -> None:
    assert parse("https://x/openai/deployments/y?api-version=2024-06-01#m").urls[0].endswith("?api-version=2024-06-01")


def test_where_weights_are(checkpoint: Path) -> None:
    assert all(parse(f"tiny/{name}").folder for name in TINY)
    assert parse(f"vllm/{checkpoint}").folder == checkpoint
    assert parse("hf/Qwen/Qwen3-8B").folder is None
    assert parse("hf/~/model").path == str(Path.home() / "model")
    assert parse("openai/gpt").path == ""


def test_a_folder_is_asked_through_hf(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_or_folder(f"{checkpoint}/").name == f"hf/{checkpoint}"
    assert parse_or_folder(f"hf/{checkpoint}").name == f"hf/{checkpoint}"
    monkeypatch.chdir(checkpoint.parent)
    assert parse_or_folder(checkpoint.name).name == f"hf/{checkpoint.name}"
    with pytest.raises(UsageError, match=r"holds no config\.json"):
        parse_or_folder(str(tmp_path))


def test_weights_are_found_or_missed_in_words(checkpoint: Path) -> None:
    assert parse_weights(str(checkpoint)).path == str(checkpoint)
    assert parse_weights("Qwen/Qwen3-8B").name == "hf/Qwen/Qwen3-8B"
    assert parse_weights("sglang/Qwen/Qwen3-8B").name == "sglang/Qwen/Qwen3-8B"
    for name, said in (
        ("deepseek/x", "is a service"), ("http://h/v1#m", "is a service"), ("hf/./no", "no folder"), ("x", "no folder"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            parse_weights(name)


def test_public_names_hold_no_address_and_no_folder(checkpoint: Path) -> None:
    assert public_name("http://10.0.0.5:8000/v1#qwen") == "qwen"
    assert public_name(f"hf/{checkpoint}") == public_name(str(checkpoint)) == checkpoint.name
    assert public_name("vllm/Qwen/Qwen3-8B") == public_name("Qwen/Qwen3-8B") == "Qwen/Qwen3-8B"
    assert public_name("deepseek/deepseek-chat") == "deepseek/deepseek-chat"
    assert public_name("rules-v1") == "rules-v1"
