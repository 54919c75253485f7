"""The training form of the chat template: what is trained, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import read_lines
from hypothesis import given
from hypothesis import strategies as st
from inside import anjian_inside as anjian
from tiny_checkpoint import CHARACTERS, R1_TEMPLATE, TEMPLATE, save_checkpoint

from anjian.enhance.checkpoint import load_tokenizer, resolve
from anjian.enhance.data.examples import Draft, spoken
from anjian.enhance.recipe import PACKABLE
from anjian.enhance.training.template import IGNORED, tokenized, training_template
from anjian.enhance.training.tokens import layout
from anjian.errors import UsageError
from anjian.items.records import Message

TINY = load_tokenizer(resolve("tiny/distill").path)
DROPS = TEMPLATE.replace(
    "<|{{ message.role }}|>{{ message.content }}{% if message.role == 'assistant' %}<|end|>{% endif %}",
    "<|{{ message.role }}|>{% if message.role == 'assistant' %}{% generation %}{{ MESSAGE }}<|end|>"
    "{% endgeneration %}{% else %}{{ message.content }}{% endif %}",
).replace("{{ opening }}", "{{ '<think>\\n' }}")
# The published template of DeepSeek-R1-Distill-Qwen and -Llama without its branches for tools.
R1_DISTILL = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='') %}"
    "{%- for message in messages %}{%- if message['role'] == 'system' %}"
    "{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system_prompt}}"
    "{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}"
    "{{'<｜User｜>' + message['content']}}{%- endif %}"
    "{%- if message['role'] == 'assistant' and message['content'] is not none %}"
    "{% set content = message['content'] %}{% if '</think>' in content %}"
    "{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor -%}"
    "{% if add_generation_prompt and not ns.is_tool %}{{'<｜Assistant｜><think>\\n'}}{% endif %}"
)
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


@pytest.fixture
def r1() -> Any:
    """A tokenizer with the template of DeepSeek-R1-Distill."""
    tokenizer = load_tokenizer(resolve("tiny/distill").path)
    tokenizer.chat_template = R1_DISTILL
    return tokenizer


def test_the_template_of_r1_distill_as_it_comes_is_refused(r1: Any) -> None:
    """It drops the thinking and prefills `<think>`: what it renders is not what the model saw and should say."""
    rendered = r1.apply_chat_template(
        [{"role": "user", "content": "在吗"}, {"role": "assistant", "content": "<think>\n想\n</think>\n\n在"}],
        tokenize=False,
    )
    assert "想" not in rendered, "the silent loss"
    with pytest.raises(UsageError, match="prompt is not a prefix"):
        tokenized(r1, R1_DISTILL, messages("想一想", "好"), "x")


@pytest.mark.parametrize(
    "variant",
    [
        R1_DISTILL,
        R1_DISTILL.replace("<｜Assistant｜><think>\\n'}}{% endif", "<｜Assistant｜>'}}{% endif"),
        R1_DISTILL.replace("{%- for", "\n{%- for") + "\n",
    ],
    ids=["published", "without-prefill", "other-blanks"],
)
def test_the_form_of_r1_distill_trains_thinking_and_answer(r1: Any, variant: str) -> None:
    """Chosen by what the template does: variants in its writing and in what it prefills get the same form."""
    r1.chat_template = variant
    found = training_template(r1, None)
    assert found.startswith("{#- Training form of the chat template of DeepSeek-R1-Distill")
    said = messages("想一想", "好")
    said[1] = spoken(Draft("先前的思考", "在。"))
    tokens = tokenized(r1, found, said, "x")
    trained = r1.decode([label for label in tokens.labels if label != IGNORED])
    assert trained.removeprefix("<think>\n") == f"想一想\n</think>\n\n好{r1.eos_token}"
    assert "先前的思考" not in r1.decode(tokens.ids), "the model does not see earlier thinking either"


def test_trl_and_we_agree_on_r1_distill(r1: Any) -> None:
    from trl import chat_template_utils as trl

    original = {kind: getattr(trl, f"deepseek_r1_distill_{kind}chat_template") for kind in ("", "training_")}
    r1.chat_template = original[""]
    said = messages("想一想", "好")
    ours = tokenized(r1, training_template(r1, None), said, "x")
    assert ours == tokenized(r1, original["training_"], said, "x")


def test_a_template_that_says_more_gets_no_form_of_ours(r1: Any) -> None:
    r1.chat_template = R1_DISTILL.replace("{{bos_token}}", "{{bos_token}}今天是星期三。")
    with pytest.raises(UsageError, match="no training form"):
        training_template(r1, None)


@pytest.mark.parametrize("family", ["qwen3", "qwen2_5"])
def test_the_forms_of_qwen_keep_the_thinking(family: str) -> None:
    from trl import chat_template_utils as trl

    tokenizer = load_tokenizer(resolve("tiny/distill").path)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = getattr(trl, f"{family}_chat_template")
    with pytest.raises(UsageError, match="not inside the trained tokens"):
        tokenized(tokenizer, tokenizer.chat_template, messages("想一想", "好"), "x")
    tokens = tokenized(tokenizer, training_template(tokenizer, None), messages("想一想", "好"), "x")
    trained = tokenizer.decode([label for label in tokens.labels if label != IGNORED])
    assert trained.strip() == "<think>\n想一想\n</think>\n\n好<|im_end|>"


def test_training_that_would_drop_the_reasoning_is_refused(tmp_path: Path) -> None:
    """The well-known silent loss of thinking: the run ends before the first step, with what to do about it."""
    model = save_checkpoint(tmp_path / "model")
    dropping = DROPS.replace("MESSAGE", "'<think>\\n' + message.content.split('</think>')[-1]")
    (tmp_path / "training.jinja").write_text(dropping)
    done = anjian("enhance", model, *options(tmp_path, '[train]\ntemplate = "training.jinja"\nmax_length = 256\n'))
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert "drops the reasoning" in last
    assert "`template` under [train]" in last
    assert not list((tmp_path / "out" / "train").glob("model*"))
    assert len(read_lines(tmp_path / "out" / "data" / "train.jsonl")) == 8


def test_an_unknown_template_is_refused(tmp_path: Path) -> None:
    done = anjian("enhance", save_checkpoint(tmp_path / "model"), *options(tmp_path, ""))
    assert done.returncode == 2
    assert "no training form" in done.stderr.strip().splitlines()[-1]


def options(folder: Path, train: str) -> tuple[object, ...]:
    (folder / "recipe.toml").write_text(
        "[data]\nexamples = 8\nshares = { risky = 0.5, harmless = 0.5, general = 0, reasoning = 0 }\n" + train
    )
    return "--recipe", folder / "recipe.toml", "--out", folder / "out"


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


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["Qwen2", "Qwen3", "Llama"])
def test_packed_examples_do_not_see_each_other(family: str, attention: str) -> None:
    """A packed row, as TRL collates it, gives each example the logits that it has alone."""
    import torch
    import transformers
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    assert attention in PACKABLE
    torch.manual_seed(0)
    shape = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.2}
    config = getattr(transformers, f"{family}Config")(**shape, **heads, attn_implementation=attention)
    model = getattr(transformers, f"{family}ForCausalLM")(config).eval()
    parts = [[5, 6, 7, 8, 9], [10, 11, 12], [13, 14, 15, 16]]
    ids = [token for part in parts for token in part]
    row = {"input_ids": ids, "labels": ids, "seq_lengths": [len(part) for part in parts]}
    batch = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)([row])
    with torch.no_grad():
        # The trainer turns the cache off; with it, transformers takes a row for one text.
        seen = {name: value for name, value in batch.items() if name != "labels"}
        packed = model(**seen, use_cache=False).logits[0]
        alone = torch.cat([model(torch.tensor([part]), use_cache=False).logits[0] for part in parts])
        mixed = model(batch["input_ids"], use_cache=False).logits[0]
    assert torch.allclose(packed, alone, atol=1e-5)
    assert not torch.allclose(mixed, alone, atol=1e-2), "the test would notice"


def test_a_packed_row_trains_like_its_parts(tmp_path: Path) -> None:
    """Through the command: the first loss is the same with and without packing."""
    model = save_checkpoint(tmp_path / "model")
    (tmp_path / "training.jinja").write_text(DROPS.replace("MESSAGE", "message.content"))
    first = {}
    for packing, batch in (("true", 1), ("false", 4)):
        file = tmp_path / f"{packing}.toml"
        file.write_text(
            "[data]\nexamples = 4\nshares = { risky = 0.5, harmless = 0.5, general = 0, reasoning = 0 }\n"
            f'[train]\ntemplate = "training.jinja"\nepochs = 1\nbatch = {batch}\npacking = {packing}\n'
            "bf16 = false\nmax_length = 4096\n"
        )
        done = anjian("enhance", model, "--recipe", file, "--out", tmp_path / packing)
        assert done.returncode == 0, done.stderr
        log = read_lines(tmp_path / packing / "train" / "log.jsonl")
        first[packing] = log[0]["loss"]
        assert len(log) == 1, json.dumps(log)
    assert first["true"] == pytest.approx(first["false"], rel=1e-5)
