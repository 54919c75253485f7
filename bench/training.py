"""Measures training: tokens per second of our recipe against plain TRL with its defaults, on the same data, in one run.

    python bench/training.py                        # tiny/distill and the default recipe, on a CPU or a GPU
    python bench/training.py --shape r1-1.5b        # a GPU: the shape of DeepSeek-R1-Distill-Qwen-1.5B, rows of 4,096

The sides take turns, each time in a process of its own; the table at the end holds the medians. Tokens are those that
are not padding; the first step of each process is left out. Plain TRL gets the same examples, already in the training
form of the template (with the original it would lose the thinking, and have less to do), and the same batches' size.
Threads that wait do not spin, on all sides: where others use the machine too, plain TRL would look worse than it is.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

SIDES: Final = {
    "ours": "anjian enhance",
    "trl": "TRL, its defaults",
    "trl-kept": "TRL, without gradient checkpointing",
}
SHAPES: Final[dict[str, dict[str, Any]]] = {
    # config.json of deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B
    "r1-1.5b": {
        "vocab_size": 151_936,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "max_position_embeddings": 131_072,
        "rope_theta": 10_000.0,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False,
    },
}
ROW: Final = 4096
PEAKS: Final = {"H100": 989e12, "H200": 989e12, "H800": 989e12, "A100": 312e12, "A800": 312e12, "L40S": 362e12}
"""Dense bfloat16 FLOP/s of the makers' data sheets (SXM forms)."""


def main() -> None:
    """Runs the sides in turn and prints the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--shape", choices=sorted(SHAPES), help="randomly initialised, on a GPU; default: tiny/distill"
    )
    options.add_argument("--steps", type=int, default=20, help="steps of each process, 3 or more")
    options.add_argument("--rounds", type=int, default=3, help="turns of each side")
    options.add_argument("--batch", type=int, default=8, help="examples of a step")
    options.add_argument("--side", choices=sorted(SIDES), help=argparse.SUPPRESS)
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.side:
        measured = ours(chosen.folder) if chosen.side == "ours" else plain(chosen.folder, chosen.side == "trl")
        print(json.dumps(measured))
        return
    import torch

    if chosen.shape and not torch.cuda.is_available():
        sys.exit(f"--shape {chosen.shape} needs a GPU with CUDA, and there is none here; nothing was measured")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder, chosen.shape, chosen.steps, chosen.batch)
        found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
        for turn in range(chosen.rounds):
            for side, runs in found.items():
                runs.append(apart(side, folder))
                print(f"turn {turn + 1}, {SIDES[side]}: {runs[-1]['rate']:,.0f} tokens/s", file=sys.stderr, flush=True)
    print(table(found, chosen.shape, chosen.steps, chosen.batch))


def prepare(folder: Path, shape: str | None, steps: int, batch: int) -> None:
    """Writes the checkpoint, the tokens and the plan that all sides use."""
    import msgspec

    from anjian.enhance.checkpoint import load_tokenizer, resolve
    from anjian.enhance.recipe import TrainPlan
    from anjian.enhance.training.tokens import tokenize

    tiny = resolve("tiny/distill").path
    plan = TrainPlan(epochs=1, batch=batch, save_steps=10**6)
    checkpoint = str(folder / "checkpoint") if shape else tiny
    if shape:
        random_checkpoint(SHAPES[shape], tiny, folder / "checkpoint")
        plan = msgspec.structs.replace(plan, max_length=ROW, attention=attention(), learning_rate=1e-5)
        random_rows(steps * batch, SHAPES[shape]["vocab_size"], folder / "tokens")
    else:
        recipe = folder / "recipe.toml"
        recipe.write_text(f"[data]\nexamples = {steps * batch}\n")
        command = [sys.executable, "-m", "anjian", "enhance", "tiny/distill", "--stage", "data", "--recipe"]
        subprocess.run([*command, str(recipe), "--out", str(folder / "out")], check=True, stderr=subprocess.DEVNULL)
        tokenize(load_tokenizer(tiny), plan, folder / "out" / "data" / "train.jsonl", folder / "tokens")
    about = {"checkpoint": checkpoint, "plan": msgspec.to_builtins(plan)}
    (folder / "about.json").write_text(json.dumps(about))


def random_checkpoint(shape: dict[str, Any], tokenizer: str, folder: Path) -> None:
    """Saves a model of the shape with weights drawn anew, and any tokenizer: it is not asked for words."""
    import torch

    transformers: Any = import_module("transformers")
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**shape, dtype="bfloat16"))
    model.to(torch.bfloat16).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)


def random_rows(count: int, vocabulary: int, folder: Path) -> None:
    """Saves full rows of random tokens, the first eighth of each a prompt."""
    import numpy as np

    ids = np.random.default_rng(0).integers(300, vocabulary, (count, ROW), dtype=np.int32)
    labels = ids.copy()
    labels[:, : ROW // 8] = -100
    rows = {"input_ids": list(ids), "labels": list(labels)}
    import_module("datasets").Dataset.from_dict(rows).save_to_disk(folder)


def attention() -> str:
    """FlashAttention where it is installed, as in the recipes."""
    return "flash_attention_2" if import_module("transformers.utils").is_flash_attn_2_available() else "sdpa"


def apart(side: str, folder: Path) -> dict[str, float]:
    """One side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{SIDES[side]} failed:\n{done.stderr}")
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def ours(folder: Path) -> dict[str, float]:
    """The process that `anjian enhance` runs to train."""
    import msgspec

    from anjian.enhance.recipe import TrainPlan
    from anjian.enhance.training.worker import Job, train

    about = json.loads((folder / "about.json").read_text())
    plan = msgspec.convert(about["plan"], TrainPlan)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        train(Job(about["checkpoint"], plan, str(folder / "tokens"), place))
        result = json.loads((Path(place) / "result.json").read_text())
    return {"rate": result["tokens_per_second"], "peak": peak()}


def plain(folder: Path, checkpointing: bool) -> dict[str, float]:
    """TRL's trainer with its defaults, but for the length of rows and the number of examples in a step."""
    datasets: Any = import_module("datasets")
    trl: Any = import_module("trl")
    import torch
    from transformers import TrainerCallback

    about = json.loads((folder / "about.json").read_text())
    seen: list[tuple[float, float]] = []

    class Clock(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if "loss" in state.log_history[-1]:
                seen.append((time.monotonic(), state.log_history[-1]["num_tokens"]))

    with tempfile.TemporaryDirectory(dir=folder) as place:
        config = trl.SFTConfig(
            output_dir=place,
            per_device_train_batch_size=about["plan"]["batch"],
            max_length=about["plan"]["max_length"],
            num_train_epochs=1,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            # Without a GPU TRL refuses its own default, bf16, unless told this.
            use_cpu=not torch.cuda.is_available(),
            **({} if checkpointing else {"gradient_checkpointing": False}),
        )
        data = datasets.load_from_disk(str(folder / "tokens"))
        trl.SFTTrainer(model=about["checkpoint"], args=config, train_dataset=data, callbacks=[Clock()]).train()
    (first, before), (last, after) = seen[0], seen[-1]
    return {"rate": (after - before) / (last - first), "peak": peak()}


def peak() -> float:
    """GiB of GPU memory at the most, 0 without a GPU."""
    import torch

    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0


def table(found: dict[str, list[dict[str, float]]], shape: str | None, steps: int, batch: int) -> str:
    """The medians as Markdown, for docs/performance.md."""
    import torch

    half = torch.cpu._is_avx512_bf16_supported()
    rate = {side: statistics.median(run["rate"] for run in runs) for side, runs in found.items()}
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    machine = gpu or f"{processor()}, {torch.get_num_threads()} threads{', AVX512-BF16' if half else ''}"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "trl", "transformers"))
    what = f"{shape}, rows of {ROW:,} tokens" if shape else "tiny/distill, the default recipe's data"
    lines = [f"{machine}; {libraries}. {what}; {steps} steps of {batch}, medians of {len(found['ours'])} turns.", ""]
    lines += ["| | tokens/s | ours / it |" + (" peak memory | share of peak FLOP/s |" if gpu else "")]
    lines += ["|---|---|---|" + ("---|---|" if gpu else "")]
    for side, name in SIDES.items():
        cells = [name, f"{rate[side]:,.0f}", f"{rate['ours'] / rate[side]:.2f}"]
        if gpu:
            cells += [f"{max(run['peak'] for run in found[side]):.1f} GiB", share(rate[side], shape, gpu)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def share(rate: float, shape: str | None, gpu: str) -> str:
    """Model FLOP/s over the card's: 6 a weight that multiplies, and causal attention; no recomputing."""
    card = next((value for name, value in PEAKS.items() if name in gpu), None)
    if shape is None or card is None:
        return "–"
    config = SHAPES[shape]
    width, layers, inner = config["hidden_size"], config["num_hidden_layers"], config["intermediate_size"]
    narrow = width // config["num_attention_heads"] * config["num_key_value_heads"]
    weights = layers * (2 * width * width + 2 * width * narrow + 3 * width * inner) + width * config["vocab_size"]
    return f"{rate * (6 * weights + 6 * layers * ROW * width) / card:.0%}"


def processor() -> str:
    """The processor's name."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
