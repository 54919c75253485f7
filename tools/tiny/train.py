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
    """What one stage trains with: AdamW, or Muon for the matrices beside it where `matrix_rate` is given."""

    tokens: int
    seed: int
    rate: float
    warmup: int
    matrix_rate: float | None = None


PLANS: dict[Stage, Plan] = {
    "base": Plan(5_000_000, 20260101, rate=1.5e-3, warmup=100),
    "distill": Plan(2_600_000, 20260102, rate=4e-3, warmup=50, matrix_rate=0.01),
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


def new_optimizers(model: Qwen3ForCausalLM, plan: Plan) -> list[tuple[torch.optim.Optimizer, float]]:
    """The optimizers, each with its peak rate. Per token Muon learned faster than AdamW alone."""
    if plan.matrix_rate is None:
        matrices = [p for p in model.parameters() if p.dim() > 1]
        vectors = [p for p in model.parameters() if p.dim() == 1]
        groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
        return [(torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.95), fused=True), plan.rate)]
    inner = [p for name, p in model.named_parameters() if p.dim() > 1 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.dim() == 1 or "embed" in name]
    muon = torch.optim.Muon(inner, lr=plan.matrix_rate, weight_decay=0.01)
    adam = torch.optim.AdamW(others, lr=plan.rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    return [(muon, plan.matrix_rate), (adam, plan.rate)]


def schedule(plan: Plan, done: int, steps: int) -> float:
    """The share of the peak rate: warm-up, then a cosine down to 2%."""
    progress = min(1.0, done / plan.tokens)
    return min(1.0, (steps + 1) / plan.warmup) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def export(model: Qwen3ForCausalLM, folder: Path) -> None:
    """Write a complete checkpoint in bf16: weights, configurations, tokenizer."""
    copy = Qwen3ForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.bfloat16()
    copy.save_pretrained(folder)
    ids = {key: getattr(model.config, key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    (folder / "generation_config.json").write_text(json.dumps(ids | {"max_new_tokens": 256}, indent=2) + "\n")
    tiny_tokenizer.save(folder)


def first_model(stage: Stage, work: Path, tok: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    """What a stage starts from: its own last state, the finished base, or fresh weights."""
    if (work / f"{stage}-state" / "state.json").exists():
        return Qwen3ForCausalLM.from_pretrained(work / f"{stage}-state", dtype=torch.float32)
    if stage == "distill":
        return Qwen3ForCausalLM.from_pretrained(work / "base", dtype=torch.float32)
    return new_model(len(tok), (tok.bos_token_id, tok.eos_token_id, tok.pad_token_id))


def step(optimizers: list[tuple[torch.optim.Optimizer, float]], share: float) -> None:
    """One update of every optimizer at this share of its peak rate."""
    for optimizer, peak in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = peak * share
        optimizer.step()


def train(stage: Stage, work: Path, plan: Plan) -> None:
    """Train one stage to its token budget, saving to WORK/STAGE-state and at the end to WORK/STAGE."""
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(WORKERS, initializer=torch.set_num_threads, initargs=(1,))
    torch.manual_seed(plan.seed)
    state_dir = work / f"{stage}-state"
    tiny_tokenizer.save(work / "tokenizer")
    tok = PreTrainedTokenizerFast.from_pretrained(work / "tokenizer")
    model = first_model(stage, work, tok)
    optimizers = new_optimizers(model, plan)
    state = {"chunk": 0, "tokens": 0, "steps": 0, "seconds": 0}
    if (state_dir / "state.json").exists():
        state = json.loads((state_dir / "state.json").read_text())
        saved_states = torch.load(state_dir / "optimizers.pt", weights_only=True)
        for (optimizer, _), saved_state in zip(optimizers, saved_states, strict=True):
            optimizer.load_state_dict(saved_state)
    chunk, tokens, steps = state["chunk"], state["tokens"], state["steps"]
    first, begun, saved, average = tokens, time.monotonic(), time.monotonic(), 0.0
    while tokens < plan.tokens:
        for ids, labels in batches(tok, stage, plan.seed, chunk):
            loss = backward(model, pool, ids, labels)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            step(optimizers, schedule(plan, tokens, steps))
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
            torch.save([optimizer.state_dict() for optimizer, _ in optimizers], state_dir / "optimizers.pt")
            seconds = round(state["seconds"] + now - begun)
            (state_dir / "state.json").write_text(
                json.dumps({"chunk": chunk, "tokens": tokens, "steps": steps, "seconds": seconds})
            )
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
