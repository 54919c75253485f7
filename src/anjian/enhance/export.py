"""The export stage: a folder that transformers, vLLM and SGLang load as it is, with its cards."""

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from anjian import __version__
from anjian.enhance.checkpoint import resolve, small_files
from anjian.enhance.data.stage import CARD
from anjian.enhance.recipe import ABOUT, Recipe
from anjian.enhance.training.stage import RESULT
from anjian.enhance.training.tokens import decoded
from anjian.errors import UsageError
from anjian.files import replace, writing
from anjian.judges.named import renamed
from anjian.models.spec import public_name
from anjian.prompts import render
from anjian.text import one_line

WHOLE = "model.safetensors.index.json", "model.safetensors"
ADAPTER = "adapter_config.json"
EXPORTED = "exported"
"""Written into the training stage's folder once its weights are in place; goes with it if that is removed."""


def export(checkpoint: str, model: str, recipe: Recipe, out: Path, console: Console) -> None:
    """Writes the model into `out`, then its cards; the weights are written once.

    Args:
        checkpoint: The model before training, a folder or hub ID.
        model: Its name, for the card.
        recipe: What was done.
        out: The folder of all stages.
        console: For the closing line.

    Raises:
        UsageError: There is no trained model yet.
    """
    trained = out / "train"
    if not (trained / RESULT).exists():
        raise UsageError(f"{trained} holds no trained model; run --stage train first")
    with writing(out):
        if not (trained / EXPORTED).exists():
            _write_weights(checkpoint, trained / "model", out)
            (trained / EXPORTED).touch()
        if not (trained / "model" / ADAPTER).exists():
            # The exported weights take its place; an adapter is small, and may be wanted.
            shutil.rmtree(trained / "model", ignore_errors=True)
        for file in small_files(checkpoint):
            shutil.copyfile(file, out / file.name)
        shutil.copyfile(out / "data" / "card.md", out / "data_card.md")
    write_card(model, recipe, out)
    console.print(f"the model is in {out}; ask it as hf/{out}", markup=False, highlight=False, soft_wrap=True)


def _write_weights(checkpoint: str, trained: Path, out: Path) -> None:
    """Saves the weights in the type that the checkpoint came with, LoRA merged."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    dtype = AutoConfig.from_pretrained(checkpoint).dtype or torch.bfloat16
    if (trained / ADAPTER).exists():
        from peft import PeftModel

        # Merged in float32: in 16 bits, small changes of large weights would be rounded away before they add up.
        base: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32, use_safetensors=True)
        loaded: Any = PeftModel.from_pretrained(base, str(trained)).merge_and_unload().to(dtype)
    else:
        loaded = AutoModelForCausalLM.from_pretrained(trained, dtype=dtype, use_safetensors=True)
    part = out / "train" / "export"
    loaded.save_pretrained(part)
    for file in out.glob("*.safetensors*"):
        file.unlink()
    # Moved file by file, the first of WHOLE that exists last: its presence says that all weights are there.
    for file in sorted(part.glob("*.safetensors*"), key=lambda path: path.name in WHOLE):
        file.chmod(0o644)
        file.replace(out / file.name)
    shutil.rmtree(part)


def write_card(model: str, recipe: Recipe, out: Path) -> None:
    """Writes README.md, in Chinese and English, with what was measured if it was; and the hub's result files."""
    # A hub ID, which the hub links to; a folder and a bundled model have none.
    path = resolve(model).path
    base = None if Path(path).is_dir() else path
    measured = decoded(out / "verify" / "card.json") if (out / "verify" / "card.json").exists() else None
    for row in measured["rows"] if measured else ():
        row["judge"] = "+".join(renamed(judge, public_name) for judge in row["judge"].split("+"))
    text = render(
        "anjian.enhance",
        "model_card",
        model=public_name(model),
        base=base,
        title=out.resolve().name,
        train=msgspec.to_builtins(recipe.train),
        data=decoded(out / "data" / CARD),
        result=decoded(out / "train" / RESULT),
        measured=measured,
        versions={"anjian": __version__} | {name: version(name) for name in ("trl", "transformers", "torch")},
    )
    replace(out / "README.md", text.encode() + b"\n")
    shutil.rmtree(out / ".eval_results", ignore_errors=True)
    for name, content in eval_results(measured).items():
        with writing(out):
            (out / ".eval_results").mkdir(exist_ok=True)
        replace(out / ".eval_results" / name, content.encode())


def eval_results(measured: dict[str, Any] | None) -> dict[str, str]:
    """The hub's files of evaluation results, one a suite: file name to YAML, in the form of `EvalResultEntry`."""
    if not measured:
        return {}
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    found: dict[str, list[EvalResultEntry]] = {}
    for row in (row for row in measured["rows"] if row["group"] == "overall"):
        notes = f"judge {row['judge'] or '-'}; n = {row['n']}; measured by anjian {__version__}"
        entry = EvalResultEntry(
            f"anjian/{row['suite']}", row["metric"], row["after"], date=measured["date"], notes=notes
        )
        found.setdefault(row["suite"].replace("/", "-"), []).append(entry)
    return {
        f"{suite}.yaml": yaml.safe_dump(eval_result_entries_to_yaml(entries), allow_unicode=True, sort_keys=False)
        for suite, entries in found.items()
    }


def push(out: Path, repository: str, console: Console) -> None:
    """Uploads the exported model, its cards and nothing else, to a private repository of the hub.

    Raises:
        UsageError: The hub refuses.
    """
    if not any((out / name).exists() for name in WHOLE):
        raise UsageError(f"--push: {out} holds no exported model; run --stage export first")
    from huggingface_hub import HfApi

    ignored = ["data/**", "train/**", "verify/**", ".lock", ABOUT, "*.part"]
    try:
        api = HfApi()
        api.create_repo(repository, private=True, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=out, ignore_patterns=ignored)
    except Exception as error:  # The hub's library and the HTTP client below it have errors of many kinds.
        why = one_line(str(error))
        raise UsageError(f"--push {repository}: {why}; log in with `hf auth login` and check the name") from None
    console.print(f"uploaded to {repository} (private)", markup=False, highlight=False)
