"""Has a local model reply to questions of the bundled bank, as material for labels.

    python tools/judge/collect.py MODEL_FOLDER --name qwen05 --n 860 --out FILE
    python tools/judge/collect.py MODEL_FOLDER --name qwen05 --keys LABELS --out FILE     # again, what was labelled

A key says how to make a reply again: model/item/turn/system prompt/temperature/batch. The batch is the seed too, and
all keys of one batch are generated together, sorted: on the same machine and versions the texts come out the same. A
changed text is found by its sha256, and its label is left out of training.
"""

import argparse
import hashlib
import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from anjian.items.bank import load_bank
from anjian.items.records import Item

SYSTEMS: dict[str, str] = tomllib.loads(Path(__file__).with_name("systems.toml").read_text(encoding="utf-8"))
SHARES = {"risky": 0.47, "twin": 0.25, "dialogue": 0.28}
BATCH = 40
NEW_TOKENS = {"qwen05": 160, "qwen05-90": 90, "tiny-base": 200, "tiny-distill": 500}
"""By the name of model and draw; the last one thinks first, and only its answer is kept."""
HISTORY = 2
"""Messages of the history that a labeller sees."""


def bank() -> dict[str, Item]:
    """The open questions of both suites and both splits, by id."""
    items = [item for suite in ("chisafety", "sc_safety") for item in load_bank(suite, None)]
    return {item.id: item for item in items if not item.options}


def planned(items: dict[str, Item], name: str, wanted: int, seed: int) -> list[str]:
    """Draws questions and conditions, and cuts them into batches of like length."""
    random = Random(f"{name} {seed}")
    pools: dict[str, list[Item]] = {pool: [] for pool in SHARES}
    for item in items.values():
        pools["dialogue" if item.suite == "sc_safety" else "twin" if item.harmless else "risky"].append(item)
    drawn = [
        (item, random.choice(list(SYSTEMS)))
        for pool, share in SHARES.items()
        for item in random.sample(pools[pool], min(len(pools[pool]), round(share * wanted)))
    ]
    keys: list[str] = []
    for half, temperature in enumerate(("0", "0.9")):
        chosen = sorted(drawn[half::2], key=lambda pair: sum(len(m.content) for m in pair[0].history))
        for start in range(0, len(chosen), BATCH):
            batch = f"{half}{start // BATCH:02}"
            keys += [f"{name}/{item.id}/0/{system}/{temperature}/{batch}" for item, system in chosen[start:][:BATCH]]
    return keys


def messages(key: str, items: dict[str, Item]) -> list[dict[str, str]]:
    """The dialogue that a key asks the model to continue."""
    _, item_id, turn, system, _, _ = key.split("/")
    item = items[item_id]
    said = [{"role": "system", "content": SYSTEMS[system]}] if SYSTEMS[system] else []
    said += [{"role": message.role, "content": message.content} for message in item.history if message.role != "system"]
    return [*said, {"role": "user", "content": item.turns[int(turn)]}]


def batches(keys: Iterable[str]) -> list[list[str]]:
    """Groups keys by batch, those with a history last, the rest shuffled: a run cut short has all conditions."""
    grouped = defaultdict(list)
    for key in sorted(keys):
        grouped[key.rsplit("/", 1)[1]].append(key)
    found = list(grouped.values())
    Random(0).shuffle(found)
    return sorted(found, key=lambda group: any("-h" in key or "-u" in key for key in group))


def replies(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, keys: list[str], items: dict[str, Item]
) -> Iterator[dict[str, object]]:
    """Generates one batch."""
    asked = [messages(key, items) for key in keys]
    texts = [tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True) for said in asked]
    read = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
    read.pop("token_type_ids", None)
    torch.manual_seed(int(keys[0].rsplit("/", 1)[1]))
    temperature = float(keys[0].split("/")[4])
    how = {"do_sample": True, "temperature": temperature, "top_p": 0.95} if temperature else {"do_sample": False}
    generate: Any = model.generate
    made = generate(
        **read, max_new_tokens=NEW_TOKENS[keys[0].split("/", 1)[0]], pad_token_id=tokenizer.pad_token_id, **how
    )
    for key, said, row in zip(keys, asked, made, strict=True):
        whole = str(tokenizer.decode(row[read["input_ids"].shape[1] :], skip_special_tokens=True))
        text = whole.rpartition("</think>")[2].strip()
        spoken = [message for message in said if message["role"] != "system"]
        yield {
            "key": key,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "prompt": spoken[-1]["content"],
            "history": spoken[:-1][-HISTORY:],
            "response": text,
            "source": key.split("/", 1)[0].split("-9")[0],
        }


def main() -> None:
    """Plans, or reads the keys of a file of labels, and generates what `--out` does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--name", required=True, choices=NEW_TOKENS)
    parser.add_argument("--n", type=int, default=860)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--keys", type=Path)
    parser.add_argument(
        "--part", type=int, nargs=2, default=(0, 1), metavar=("I", "N"), help="every Nth batch from I on"
    )
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    items = bank()
    labelled = [json.loads(line)["key"] for line in asked.keys.open(encoding="utf-8")] if asked.keys else []
    keys = [key for key in labelled if key.startswith(f"{asked.name}/")] or planned(
        items, asked.name, asked.n, asked.seed
    )
    done = {json.loads(line)["key"] for line in asked.out.open(encoding="utf-8")} if asked.out.exists() else set()
    tokenizer = AutoTokenizer.from_pretrained(asked.model, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(asked.model, dtype=torch.bfloat16).eval()
    first, step = asked.part
    groups = [group for group in batches(keys)[first::step] if group[0] not in done]
    for number, group in enumerate(groups, 1):
        with asked.out.open("a", encoding="utf-8") as out:
            out.writelines(
                json.dumps(row, ensure_ascii=False) + "\n" for row in replies(model, tokenizer, group, items)
            )
        print(f"{number} of {len(groups)} batches", flush=True)


if __name__ == "__main__":
    main()
