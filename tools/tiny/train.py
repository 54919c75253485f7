"""Train tiny/base from scratch, or tiny/distill from base. Stops and resumes at any time.

    python tools/tiny/train.py base --work /tmp/tiny
    python tools/tiny/train.py distill --work /tmp/tiny

The data are written on the fly from the seed, chunk by chunk, so that the state to resume from is one chunk number.
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import tokenizer as tiny_tokenizer
import torch
from corpus import Stage, example
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

CHUNK_EXAMPLES = 256
BATCH_TOKENS = 4096
MAX_TOKENS = 768
SAVE_SECONDS = 150


@dataclass(frozen=True)
class Plan:
    """What one stage trains with."""

    tokens: int
    learning_rate: float
    seed: int


PLANS: dict[Stage, Plan] = {"base": Plan(8_000_000, 1.5e-3, 20260101), "distill": Plan(4_000_000, 1e-3, 20260102)}


def new_model(vocabulary: int, ids: tuple[int, int, int]) -> Qwen3ForCausalLM:
    """A Qwen3 of about 4 M parameters; `ids` are the bos, eos and pad tokens."""
    bos, eos, pad = ids
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=256,
        num_hidden_layers=4,
        intermediate_size=768,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        tie_word_embeddings=True,
        max_position_embeddings=tiny_tokenizer.MAX_LENGTH,
        bos_token_id=bos,
        eos_token_id=eos,
        pad_token_id=pad,
    )
    return Qwen3ForCausalLM(config)


def encode(tok: PreTrainedTokenizerFast, stage: Stage, rng: Random) -> tuple[list[int], int]:
    """Token ids of one example and the number of those that belong to the prompt."""
    item = example(stage, rng)
    prompt = tok.apply_chat_template(item.messages, tokenize=False, add_generation_prompt=True)
    completion = f"{item.thinking}\n</think>\n\n{item.answer}{tok.eos_token}"
    head = tok.encode(str(prompt), add_special_tokens=False)
    return head + tok.encode(completion, add_special_tokens=False), len(head)


def batches(tok: PreTrainedTokenizerFast, stage: Stage, seed: int, chunk: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The batches of one chunk: (ids, labels), each (rows, length), padded right; only the completion has labels."""
    rng = Random(f"{seed}/{chunk}")
    rows = sorted((r for r in (encode(tok, stage, rng) for _ in range(CHUNK_EXAMPLES)) if len(r[0]) <= MAX_TOKENS),
                  key=lambda row: len(row[0]))
    groups: list[list[tuple[list[int], int]]] = [[]]
    for row in rows:
        if groups[-1] and (len(groups[-1]) + 1) * len(row[0]) > BATCH_TOKENS:
            groups.append([])
        groups[-1].append(row)
    rng.shuffle(groups)
    result = []
    for group in groups:
        width = max(len(ids) for ids, _ in group)
        ids = torch.full((len(group), width), tok.pad_token_id)
        labels = torch.full((len(group), width), -100)
        for i, (row, start) in enumerate(group):
            ids[i, : len(row)] = torch.tensor(row)
            labels[i, start : len(row)] = ids[i, start : len(row)]
        result.append((ids, labels))
    return result


def loss_of(model: Qwen3ForCausalLM, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the labelled tokens. Only their logits are computed, which saves a third of the time."""
    targets = labels[:, 1:]
    wanted = targets != -100
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1][wanted]
        logits = model.lm_head(hidden)
    return cross_entropy(logits.float(), targets[wanted])


def rate(plan: Plan, done: int, steps: int) -> float:
    """Warm-up over 100 steps, then a cosine down to 2%."""
    progress = min(1.0, done / plan.tokens)
    return plan.learning_rate * min(1.0, (steps + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def export(model: Qwen3ForCausalLM, folder: Path) -> None:
    """Write a complete checkpoint in bf16: weights, configurations, tokenizer."""
    copy = Qwen3ForCausalLM(model.config).to(torch.bfloat16)
    copy.load_state_dict(model.state_dict())
    copy.generation_config.update(max_new_tokens=256, do_sample=False)
    copy.save_pretrained(folder)
    tiny_tokenizer.save(folder)


def train(stage: Stage, work: Path, plan: Plan) -> None:
    """Train one stage to its token budget, saving to WORK/STAGE-state and at the end to WORK/STAGE."""
    torch.set_num_threads(2)
    torch.manual_seed(plan.seed)
    state_dir = work / f"{stage}-state"
    tiny_tokenizer.save(work / "tokenizer")
    tok = AutoTokenizer.from_pretrained(work / "tokenizer")
    start = {"chunk": 0, "tokens": 0, "steps": 0, "seconds": 0.0}
    if (state_dir / "state.json").exists():
        model = AutoModelForCausalLM.from_pretrained(state_dir, dtype=torch.float32)
        start = json.loads((state_dir / "state.json").read_text())
    elif stage == "distill":
        model = AutoModelForCausalLM.from_pretrained(work / "base", dtype=torch.float32)
    else:
        model = new_model(len(tok), (tok.bos_token_id, tok.eos_token_id, tok.pad_token_id))
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=plan.learning_rate, betas=(0.9, 0.95), fused=True)
    if start["chunk"]:
        optimizer.load_state_dict(torch.load(state_dir / "optimizer.pt", weights_only=True))
    chunk, tokens, steps = int(start["chunk"]), int(start["tokens"]), int(start["steps"])
    first, begun, saved, average = tokens, time.monotonic(), time.monotonic(), 0.0
    while tokens < plan.tokens:
        for ids, labels in batches(tok, stage, plan.seed, chunk):
            for group in optimizer.param_groups:
                group["lr"] = rate(plan, tokens, steps)
            loss = loss_of(model, ids, labels)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            tokens, steps = tokens + int((ids != tok.pad_token_id).sum()), steps + 1
            average = loss.item() if not average else 0.98 * average + 0.02 * loss.item()
        chunk += 1
        now = time.monotonic()
        speed = (tokens - first) / (now - begun)
        if chunk % 5 == 0:
            left = (plan.tokens - tokens) / speed / 60
            print(f"{stage} {tokens / 1e6:.2f}M steps {steps} loss {average:.4f} {speed:.0f} tok/s, {left:.1f} min left", flush=True)
        if now - saved > SAVE_SECONDS or tokens >= plan.tokens:
            model.save_pretrained(state_dir)
            torch.save(optimizer.state_dict(), state_dir / "optimizer.pt")
            seconds = start["seconds"] + now - begun
            state = {"chunk": chunk, "tokens": tokens, "steps": steps, "seconds": round(seconds)}
            (state_dir / "state.json").write_text(json.dumps(state))
            saved = now
    export(model, work / stage)
    print(f"{stage} done: {(state_dir / 'state.json').read_text()}", flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("stage", choices=["base", "distill"])
    parser.add_argument("--work", type=Path, required=True, help="folder for states and results")
    parser.add_argument("--tokens", type=int, help="another token budget")
    args = parser.parse_args()
    plan = PLANS[args.stage]
    if args.tokens:
        plan = Plan(args.tokens, plan.learning_rate, plan.seed)
    train(args.stage, args.work, plan)


if __name__ == "__main__":
    main()
