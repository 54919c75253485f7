"""Train tiny/base from scratch, or tiny/distill from base. Stops and resumes at any time.

python tools/tiny/train.py base --work /tmp/tiny
python tools/tiny/train.py distill --work /tmp/tiny

The data are written on the fly from the seed, chunk by chunk, so that the state to resume from is one chunk number.
"""

import argparse
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import tokenizer as tiny_tokenizer
import torch
from corpus import Stage, example
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

CHUNK_EXAMPLES = 256
PREFILL = ("<｜Assistant｜>", "<think>", "\n")
BATCH_TOKENS = 2048
MAX_TOKENS = 768
SAVE_SECONDS = 150
WORKERS = 2


@dataclass(frozen=True)
class Plan:
    """What one stage trains with."""

    tokens: int
    matrix_rate: float
    other_rate: float
    seed: int


PLANS: dict[Stage, Plan] = {
    "base": Plan(5_000_000, 0.02, 0.01, 20260101),
    "distill": Plan(2_600_000, 0.01, 0.004, 20260102),
}


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


def encode(tok: PreTrainedTokenizerFast, stage: Stage, rng: Random) -> tuple[list[int], list[int]]:
    """Token ids of one example, and its labels: the assistant's words, those of earlier turns too, -100 elsewhere."""
    item = example(stage, rng)
    prompt = str(tok.apply_chat_template(item.messages, tokenize=False, add_generation_prompt=True))
    completion = f"{item.thinking}\n</think>\n\n{item.answer}{tok.eos_token}"
    head = tok.encode(prompt, add_special_tokens=False)
    tail = tok.encode(completion, add_special_tokens=False)
    assistant, labels, speaking = tok.convert_tokens_to_ids("<｜Assistant｜>"), [], False
    for token in head[: -len(PREFILL)]:
        labels.append(token if speaking else -100)
        speaking = token != tok.eos_token_id and (speaking or token == assistant)
    return head + tail, labels + [-100] * len(PREFILL) + tail


def batches(
    tok: PreTrainedTokenizerFast, stage: Stage, seed: int, chunk: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The batches of one chunk: (ids, labels), each (rows, length), padded right."""
    rng = Random(f"{seed}/{chunk}")
    every = (encode(tok, stage, rng) for _ in range(CHUNK_EXAMPLES))
    rows = sorted((row for row in every if len(row[0]) <= MAX_TOKENS), key=lambda row: len(row[0]))
    groups: list[list[tuple[list[int], list[int]]]] = [[]]
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
        for i, (tokens, targets) in enumerate(group):
            ids[i, : len(tokens)] = torch.tensor(tokens)
            labels[i, : len(tokens)] = torch.tensor(targets)
        result.append((ids, labels))
    return result


def gradients(
    model: Qwen3ForCausalLM, ids: torch.Tensor, labels: torch.Tensor, count: int
) -> tuple[float, tuple[torch.Tensor, ...]]:
    """Loss and gradients of a part of a batch with `count` labelled tokens. Only their logits are computed."""
    targets = labels[:, 1:]
    wanted = targets != -100
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1][wanted]
        logits = model.lm_head(hidden)
    loss = cross_entropy(logits.float(), targets[wanted], reduction="sum") / count
    return loss.item(), torch.autograd.grad(loss, list(model.parameters()))


def backward(model: Qwen3ForCausalLM, pool: ThreadPoolExecutor, ids: torch.Tensor, labels: torch.Tensor) -> float:
    """Set the gradients of one batch, each half in a thread of its own; returns the loss.

    Two threads that rarely meet lose far less to other users of the machine than one operator spread over both.
    """
    count = int((labels[:, 1:] != -100).sum())
    parts = [(ids[i::WORKERS], labels[i::WORKERS]) for i in range(min(WORKERS, len(ids)))]
    results = list(pool.map(lambda part: gradients(model, part[0], part[1], count), parts))
    for parameter, *grads in zip(model.parameters(), *(grads for _, grads in results), strict=True):
        parameter.grad = sum(grads[1:], grads[0])
    return sum(loss for loss, _ in results)


def new_optimizers(model: Qwen3ForCausalLM, plan: Plan) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    """Muon for the matrices, which needed a third fewer tokens than AdamW alone; AdamW for embeddings and norms."""
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.dim() != 2 or "embed" in name]
    muon = torch.optim.Muon(matrices, lr=plan.matrix_rate, weight_decay=0.01)
    return muon, torch.optim.AdamW(others, lr=plan.other_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)


def schedule(plan: Plan, done: int, steps: int) -> float:
    """The share of the peak rate: warm-up over 50 steps, a cosine down to 2%."""
    progress = min(1.0, done / plan.tokens)
    return min(1.0, (steps + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def export(model: Qwen3ForCausalLM, folder: Path) -> None:
    """Write a complete checkpoint in bf16: weights, configurations, tokenizer."""
    copy = Qwen3ForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.bfloat16()
    copy.save_pretrained(folder)
    ids = {key: getattr(model.config, key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    (folder / "generation_config.json").write_text(json.dumps(ids | {"max_new_tokens": 256}, indent=2) + "\n")
    tiny_tokenizer.save(folder)


def train(stage: Stage, work: Path, plan: Plan) -> None:
    """Train one stage to its token budget, saving to WORK/STAGE-state and at the end to WORK/STAGE."""
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(WORKERS, initializer=torch.set_num_threads, initargs=(1,))
    torch.manual_seed(plan.seed)
    state_dir = work / f"{stage}-state"
    tiny_tokenizer.save(work / "tokenizer")
    tok = PreTrainedTokenizerFast.from_pretrained(work / "tokenizer")
    start = {"chunk": 0, "tokens": 0, "steps": 0, "seconds": 0.0}
    if (state_dir / "state.json").exists():
        model = Qwen3ForCausalLM.from_pretrained(state_dir, dtype=torch.float32)
        start = json.loads((state_dir / "state.json").read_text())
    elif stage == "distill":
        model = Qwen3ForCausalLM.from_pretrained(work / "base", dtype=torch.float32)
    else:
        model = new_model(len(tok), (tok.bos_token_id, tok.eos_token_id, tok.pad_token_id))
    optimizers = new_optimizers(model, plan)
    if start["chunk"]:
        for optimizer, state in zip(optimizers, torch.load(state_dir / "optimizers.pt", weights_only=True), strict=True):
            optimizer.load_state_dict(state)
    chunk, tokens, steps = int(start["chunk"]), int(start["tokens"]), int(start["steps"])
    first, begun, saved, average = tokens, time.monotonic(), time.monotonic(), 0.0
    while tokens < plan.tokens:
        for ids, labels in batches(tok, stage, plan.seed, chunk):
            for optimizer, peak in zip(optimizers, (plan.matrix_rate, plan.other_rate), strict=True):
                optimizer.param_groups[0]["lr"] = peak * schedule(plan, tokens, steps)
            loss = backward(model, pool, ids, labels)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
            tokens, steps = tokens + int((ids != tok.pad_token_id).sum()), steps + 1
            average = loss if not average else 0.98 * average + 0.02 * loss
        chunk += 1
        now = time.monotonic()
        speed = (tokens - first) / (now - begun)
        if chunk % 10 == 0:
            left = (plan.tokens - tokens) / speed / 60
            done = f"{stage} {tokens / 1e6:.2f}M tokens, {steps} steps"
            print(f"{done}, loss {average:.4f}, {speed:.0f} tokens/s, {left:.1f} min left", flush=True)
        if now - saved > SAVE_SECONDS or tokens >= plan.tokens:
            model.save_pretrained(state_dir)
            torch.save([optimizer.state_dict() for optimizer in optimizers], state_dir / "optimizers.pt")
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
        plan = replace(plan, tokens=args.tokens)
    train(args.stage, args.work, plan)


if __name__ == "__main__":
    main()
