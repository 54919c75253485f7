"""From MODEL to a safer one in DIR, stage by stage; each is skipped once it is complete, and resumes where it stopped.

DIR/enhance.toml    what this folder is for: model, recipe, teacher, judge
DIR/data            the training data and their card
DIR/train           tokens, checkpoints, loss curve, result
DIR/*.safetensors … the exported model with its cards
DIR/verify          the comparison with the model it was made from
"""

import hashlib
import tomllib
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import msgspec
import tomli_w
from rich.console import Console

from anjian import __version__
from anjian.enhance.checkpoint import Original, resolve
from anjian.enhance.data.answers import Writing
from anjian.enhance.recipe import ABOUT, RECIPE, Recipe, load_recipe
from anjian.errors import UsageError
from anjian.files import LOCK, locked, replace, writing
from anjian.models.access import Access
from anjian.models.spec import parse

Stage = Literal["data", "train", "export", "verify"]
STAGES: tuple[Stage, ...] = ("data", "train", "export")
"""What runs where no stage is named; verifying takes two evaluations and is asked for."""
PARTS = {RECIPE, LOCK, f"{RECIPE}.part", f"{ABOUT}.part"}
"""What may be in a folder that was claimed by a process which was killed while claiming it."""


class Enhancement(msgspec.Struct, frozen=True):
    """What is to be done; the options of `anjian enhance` with the same names."""

    model: str
    out: Path
    recipe: Path | None = None
    teacher: str | None = None
    judges: tuple[str, ...] = ("rules-v1",)
    against: tuple[Path, ...] = ()
    accelerate_config: Path | None = None
    access: Access = Access()


def enhance(wanted: Enhancement, stage: Stage | None, console: Console) -> int:
    """Runs one stage, or all that are missing; returns the exit code.

    Raises:
        UsageError: An option, a file or the folder is wrong.
        AnjianError: A stage stopped; running it again goes on.
    """
    from anjian.enhance.training.worker import set_environment

    set_environment()
    from anjian.enhance.training.stage import RESULT, machine_rank, need_attention, need_libraries

    need_libraries()
    checkpoint = resolve(wanted.model)
    wanted.access.check(parse(checkpoint.spec))
    if wanted.recipe is None and not wanted.model.startswith("tiny/"):
        raise UsageError("the default recipe is for the tiny models only: name one, such as --recipe r1_distill_7b")
    recipe = load_recipe(wanted.recipe)
    writing_ = Writing(
        recipe.data, checkpoint.spec, wanted.teacher, wanted.judges, recipe.train.method == "dpo", wanted.access
    )
    writing_.names  # noqa: B018  (raises if a teacher is wanted and none is named)
    stages = [stage] if stage else STAGES
    if "train" in stages and not (wanted.out / "train" / RESULT).exists():
        need_attention(recipe.train)
    first = machine_rank(wanted.accelerate_config) == 0
    if not first and stage != "train":
        raise UsageError("all machines but the first (machine_rank = 0) take part in --stage train only: name it")
    _claim(wanted, recipe)
    code = 0
    # The first of several machines locks the folder for all of them.
    with locked(wanted.out) if first else nullcontext():
        for name in stages:
            code = _run(name, wanted, checkpoint, recipe, writing_, console)
    if stage is None:
        _say(console, "whether it is safer is not proven yet: the same command with --stage verify compares them")
    return code


def _run(
    stage: Stage, wanted: Enhancement, checkpoint: Original, recipe: Recipe, writing_: Writing, console: Console
) -> int:
    from anjian.enhance.data.stage import CARD
    from anjian.enhance.training.stage import RESULT

    out = wanted.out
    if stage == "data" and not (out / "data" / CARD).exists():
        _make_data(wanted, writing_, console)
    elif stage == "train" and not (out / "train" / RESULT).exists():
        from anjian.enhance.training.stage import train_model

        result = train_model(
            checkpoint.path, recipe.train, out / "data", out / "train", wanted.accelerate_config, console
        )
        _say(console, f"trained {result['steps']} steps, loss {result['loss']:.4f}")
    elif stage == "export":
        from anjian.enhance.export import export

        export(checkpoint.path, wanted.model, recipe, out, console)
    elif stage == "verify":
        return _verify(wanted, checkpoint, recipe, console)
    else:
        _say(console, f"{stage} is complete already")
    return 0


def _make_data(wanted: Enhancement, writing_: Writing, console: Console) -> None:
    import asyncio

    from anjian.enhance.data.stage import make_data

    card = asyncio.run(make_data(writing_, wanted.against, wanted.out / "data", console))
    kinds = ", ".join(f"{kind} {row['used']}" for kind, row in card["kinds"].items())
    _say(console, f"{card['examples']} examples: {kinds}; {card['contaminated']} prompts overlapped an evaluation set")


def _verify(wanted: Enhancement, checkpoint: Original, recipe: Recipe, console: Console) -> int:
    from anjian.enhance.export import WHOLE, write_card
    from anjian.enhance.verify import verify

    if not any((wanted.out / name).exists() for name in WHOLE):
        raise UsageError(f"{wanted.out} holds no exported model; run --stage export first")
    code = verify(checkpoint.spec, wanted.out, recipe.verify, wanted.judges, wanted.access, console)
    write_card(wanted.model, recipe, wanted.out)
    return code


def _claim(wanted: Enhancement, recipe: Recipe) -> None:
    """Writes what the folder is for, or checks that it is for the same."""
    text = wanted.recipe.read_bytes() if wanted.recipe else _toml(recipe)
    written = msgspec.toml.decode(text, type=Recipe)
    identity = {
        "model": wanted.model,
        "teacher": wanted.teacher or "",
        "judge": "+".join(wanted.judges),
        "against": [_sha256(path) for path in wanted.against],
        "recipe": hashlib.sha256(msgspec.json.encode((written.data, written.train))).hexdigest(),
    }
    path = wanted.out / ABOUT
    with writing(wanted.out):
        wanted.out.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            if others := sorted({file.name for file in wanted.out.iterdir()} - PARTS):
                raise UsageError(f"--out {wanted.out} holds other files ({others[0]} …); choose a new folder")
            replace(wanted.out / RECIPE, text)
            replace(path, tomli_w.dumps({"anjian": __version__, "identity": identity}).encode())
            return
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8")).get("identity", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is broken ({error}); choose another --out") from None
    for key, value in identity.items():
        if held.get(key, []) != value:
            raise UsageError(f"--out {wanted.out} is for another {key}; choose another folder, or the same {key}")


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"cannot read --against {path}: {error.strerror}") from None


def _toml(recipe: Recipe) -> bytes:
    """The recipe in full; TOML has no word for None, which is the default wherever it may stand."""
    parts = {name: msgspec.to_builtins(getattr(recipe, name)) for name in ("data", "train", "verify")}
    kept = {name: {key: value for key, value in part.items() if value is not None} for name, part in parts.items()}
    return tomli_w.dumps({"title": recipe.title} | kept).encode()


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
