"""The training form of the chat template: what is trained, and what is refused."""

import json
from pathlib import Path

import pytest
from command import anjian, one_line, read_lines
from hypothesis import given
from hypothesis import strategies as st
from tiny_checkpoint import CHARACTERS, R1_TEMPLATE, TEMPLATE, save_checkpoint

from anjian.enhance.checkpoint import load_tokenizer, resolve
from anjian.enhance.examples import Draft, spoken
from anjian.enhance.template import IGNORED, tokenized, training_template
from anjian.enhance.tokens import layout
from anjian.errors import UsageError
from anjian.items.records import Message

TINY = load_tokenizer(resolve("tiny/distill").path)
DROPS = TEMPLATE.replace(
    "<|{{ message.role }}|>{{ message.content }}{% if message.role == 'assistant' %}<|end|>{% endif %}",
    "<|{{ message.role }}|>{% if message.role == 'assistant' %}{% generation %}{{ MESSAGE }}<|end|>"
    "{% endgeneration %}{% else %}{{ message.content }}{% endif %}",
).replace("{{ opening }}", "{{ '<think>\\n' }}")
words = st.text(alphabet=CHARACTERS.strip() + "，。？", min_size=1, max_size=40).map(str.strip).filter(bool)


def messages(thinking: str, answer: str) -> list[Message]:
    return [
        Message("user", "在吗"),
        Message("assistant", "在。"),
        Message("user", "教我做题"),
        spoken(Draft(thinking, answer)),
    ]


@given(thinking=words, answer=words)
def test_exactly_the_last_reply_is_trained(thinking: str, answer: str) -> None:
    said = messages(thinking, answer)
    found = tokenized(TINY, training_template(TINY, None), said, "x")
    trained = [label for label in found.labels if label != IGNORED]
    assert TINY.decode(trained) == f"{thinking}\n</think>\n\n{answer}{TINY.eos_token}"
    prompt = [{"role": message.role, "content": message.content} for message in said[:-1]]
    asked = TINY.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False)
    assert TINY.decode(found.ids[: found.prompt]) == asked
    assert found.labels[: found.prompt] == [IGNORED] * found.prompt
    assert found.labels[found.prompt :] == found.ids[found.prompt :]


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        (DROPS.replace("MESSAGE", "message.content.split('</think>')[-1]"), "prompt is not a prefix"),
        (DROPS.replace("MESSAGE", "'<think>\\n' + message.content.split('</think>')[-1]"), "drops the reasoning"),
        (R1_TEMPLATE, "reasoning is not inside the trained tokens"),
        (DROPS.replace("MESSAGE", "message.content").replace("<|end|>{% endgen", "{% endgen"), "would not stop"),
        (DROPS.replace("MESSAGE", "raise_exception('no')"), "refuses"),
        (DROPS.replace("MESSAGE", "'<think>\\n' + message.content.split('<think>\\n')[1] }}{{ 1 / 0"), "refuses"),
    ],
)
def test_templates_that_train_the_wrong_thing_are_refused(tmp_path: Path, template: str, fault: str) -> None:
    tokenizer = load_tokenizer(str(save_checkpoint(tmp_path)))
    used = template.replace("{% endgeneration %}", "{% endgeneration %}<|end|>") if "not stop" in fault else template
    with pytest.raises(UsageError, match=fault):
        tokenized(tokenizer, used, messages("先想一想", "可以")[-2:], "x")


def test_the_form_of_known_templates_is_found() -> None:
    from trl.chat_template_utils import deepseek_r1_distill_chat_template

    tokenizer = load_tokenizer(resolve("tiny/distill").path)
    tokenizer.chat_template = deepseek_r1_distill_chat_template
    found = training_template(tokenizer, None)
    said = messages("想", "好")
    assert "想\n</think>\n\n好" in TINY.decode(tokenized(tokenizer, found, said, "x").ids)
    assert "{%- generation %}" in found
    assert "split('</think>')" not in found.split("-#}")[-1]


def test_training_that_would_drop_the_reasoning_is_refused(tmp_path: Path) -> None:
    """The well-known silent loss of thinking: the run ends before the first step, with what to do about it."""
    model = save_checkpoint(tmp_path / "model")
    (tmp_path / "training.jinja").write_text(
        DROPS.replace("MESSAGE", "'<think>\\n' + message.content.split('</think>')[-1]")
    )
    (tmp_path / "recipe.toml").write_text(
        "[data]\nexamples = 8\nshares = { risky = 0.5, harmless = 0.5, general = 0, reasoning = 0 }\n"
        '[train]\ntemplate = "training.jinja"\nmax_length = 256\n'
    )
    options = ("--recipe", tmp_path / "recipe.toml", "--out", tmp_path / "out")
    assert anjian("enhance", model, *options, "--stage", "data").returncode == 0
    done = anjian("enhance", model, *options)
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert "drops the reasoning" in last
    assert "`template` under [train]" in last
    assert not list((tmp_path / "out" / "train").glob("model*"))
    assert len(read_lines(tmp_path / "out" / "data" / "train.jsonl")) == 8


def test_an_unknown_template_is_refused(tmp_path: Path) -> None:
    model = save_checkpoint(tmp_path / "model")
    (tmp_path / "recipe.toml").write_text(
        "[data]\nexamples = 4\nshares = { risky = 0.5, harmless = 0.5, general = 0, reasoning = 0 }\n"
    )
    options = ("--recipe", tmp_path / "recipe.toml", "--out", tmp_path / "out")
    assert anjian("enhance", model, *options, "--stage", "data").returncode == 0
    done = anjian("enhance", model, *options, "--stage", "train")
    assert done.returncode == 2
    assert "no training form" in one_line(done)


@given(
    lengths=st.lists(st.integers(5, 300), min_size=1, max_size=300),
    batch=st.integers(1, 16),
    epochs=st.sampled_from([1, 2, 2.5]),
)
def test_the_layout_shows_every_example_as_often_as_asked(lengths: list[int], batch: int, epochs: float) -> None:
    order = layout(lengths, batch, epochs, 1)
    assert order == layout(lengths, batch, epochs, 1)
    seen = [order.count(n) for n in range(len(lengths))]
    assert max(seen) <= -(-epochs // 1)
    assert len(order) >= round(epochs * len(lengths)) - batch
    assert len(order) % batch == 0 or len(order) < batch


def test_a_packed_row_trains_like_its_parts(tmp_path: Path) -> None:
    """Packed examples do not see each other: the first loss is the same with and without packing."""
    model = save_checkpoint(tmp_path / "model")
    marked = DROPS.replace("MESSAGE", "message.content")
    (tmp_path / "training.jinja").write_text(marked)
    first = {}
    for packing, batch in (("true", 1), ("false", 4)):
        file = tmp_path / f"{packing}.toml"
        file.write_text(
            "[data]\nexamples = 4\nshares = { risky = 0.5, harmless = 0.5, general = 0, reasoning = 0 }\n"
            f'[train]\ntemplate = "training.jinja"\nepochs = 1\nbatch = {batch}\npacking = {packing}\n'
        )
        done = anjian("enhance", model, "--recipe", file, "--out", tmp_path / packing)
        assert done.returncode == 0, done.stderr
        log = read_lines(tmp_path / packing / "train" / "log.jsonl")
        first[packing] = log[0]["loss"]
        assert len(log) == 1, json.dumps(log)
    assert first["true"] == pytest.approx(first["false"], rel=5e-3)
