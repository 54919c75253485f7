"""Recipes: everything that decides how a model is made safer, in one TOML file.

    [data]
    examples = 1000
    shares = { risky = 0.4, harmless = 0.3, general = 0.1, reasoning = 0.2 }
    [train]
    epochs = 3
    learning_rate = 1e-3

Keys that are left out have the defaults below; unknown keys are refused.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from anjian.errors import UsageError
from anjian.items.lines import readable
from anjian.options import MARGIN

PromptKind = Literal["risky", "harmless", "general", "reasoning"]
PROMPT_KINDS: tuple[PromptKind, ...] = ("risky", "harmless", "general", "reasoning")
Writer = Literal["builtin", "self", "teacher"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
BUILTIN = "builtin"
BANK = "bank"
RECIPE, ABOUT = "recipe.toml", "enhance.toml"
"""In the folder of a run: a copy of the recipe, and what the folder is for."""
PACKABLE = ("flash_attention_2", "flash_attention_3", "sdpa", "eager")
"""Attention that keeps the examples of a packed row apart, by their position ids; `sdpa` and `eager` do so with a mask
of the row's length squared, so that long rows want FlashAttention."""


class Shares(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The share of each kind in the finished data; they add up to 1."""

    risky: float = 0.28
    harmless: float = 0.28
    general: float = 0.14
    reasoning: float = 0.3


class Writers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who answers each kind: the built-in writer, the model itself, or the teacher (`--teacher`)."""

    risky: Writer = "builtin"
    harmless: Writer = "builtin"
    general: Writer = "builtin"
    reasoning: Writer = "builtin"


class Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where prompts come from: `bank` (its training split), `builtin`, or files of items."""

    risky: tuple[str, ...] = (BANK,)
    harmless: tuple[str, ...] = (BANK,)
    general: tuple[str, ...] = (BUILTIN,)
    reasoning: tuple[str, ...] = (BUILTIN,)


class DataPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the data are made.

    Attributes:
        examples: Most examples in the finished data.
        shares: Of each kind.
        writers: Who answers.
        sources: Whose prompts.
        with_history: Share of risky and harmless prompts that come after a harmless history on the same topic.
        choices: Share of the general kind that is multiple choice, made of the other prompts; see `forms`.
        most_repeats: Answers asked for one prompt, at most.
        temperature: Of answers by a model; None is its own default. 0 gives one answer a prompt.
        top_p: Share of the probability mass that is kept; None is the model's own default.
        max_tokens: Longest answer, thinking included; cut-off ones are left out.
        thinking: Leaves out answers that do not think.
        seed: Of everything drawn.
    """

    examples: int = 1000
    shares: Shares = Shares()
    writers: Writers = Writers()
    sources: Sources = Sources()
    with_history: Share = 0.3
    choices: Share = 0.75
    most_repeats: int = 2
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    thinking: bool = True
    seed: int = 1


class TrainPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the model is trained.

    Attributes:
        method: Supervised fine-tuning, or DPO on pairs (arXiv 2305.18290).
        lora_rank: 0 trains all parameters; otherwise LoRA (arXiv 2106.09685) on all linear layers.
        lora_alpha: Scale of LoRA; its dropout is 0.
        epochs: Times each example is seen.
        learning_rate: The highest, after warm-up; falls as a cosine.
        warmup: Share of the steps that warm up.
        weight_decay: Of AdamW.
        batch: Examples (packed rows, where packed) of one step, over all processes.
        per_device: Of them, at once on one device; None takes what a process has to do.
        max_length: Longest example in tokens, and the length of packed rows.
        packing: Puts several examples into one row; see `PACKABLE`.
        attention: The implementation, as transformers names it.
        bf16: Computes in bfloat16, the weights kept in float32; None does so on GPUs and on CPUs with AVX512-BF16.
        gradient_checkpointing: Computes activations again instead of keeping them; None does so on GPUs only.
        beta: Of DPO: how closely the reference is kept.
        save_steps: Steps between checkpoints.
        template: A training form of the chat template (Jinja), where none is known.
        seed: Of the order of examples and of LoRA's weights.
    """

    method: Literal["sft", "dpo"] = "sft"
    lora_rank: int = 0
    lora_alpha: int = 32
    epochs: float = 3
    learning_rate: float = 1e-3
    warmup: float = 0.05
    weight_decay: float = 0.0
    batch: int = 8
    per_device: int | None = None
    max_length: int = 1024
    packing: bool = False
    attention: str = "sdpa"
    bf16: bool | None = None
    gradient_checkpointing: bool | None = None
    beta: float = 0.1
    save_steps: int = 50
    template: str | None = None
    seed: int = 1


class VerifyPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the trained model is compared with what it was; may be changed after training.

    Attributes:
        suites: The benchmarks that both answer; none means those that are compared by default.
        limit: Asks only so many items of each.
        margin: Points by which safety, over-refusal and reasoning may be worse.
        alpha: Significance level, after Holm's correction.
    """

    suites: tuple[str, ...] = ()
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None
    margin: Annotated[float, msgspec.Meta(ge=0)] = MARGIN
    alpha: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.05


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: what it is for, the data, the training, the proof."""

    title: str = ""
    data: DataPlan = DataPlan()
    train: TrainPlan = TrainPlan()
    verify: VerifyPlan = VerifyPlan()


def load_recipe(path: Path | None) -> Recipe:
    """Reads a recipe; without a path, the defaults, which are those of the bundled recipe `tiny`.

    Raises:
        UsageError: The file cannot be read, or a value makes no sense; names file and key.
    """
    if path is None:
        return Recipe()
    try:
        recipe = msgspec.toml.decode(path.read_bytes(), type=Recipe)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {_worded(error)}") from None
    if fault := _fault(recipe):
        raise UsageError(f"{path}: {fault}")
    return _with_paths(recipe, path.parent)


def _worded(error: Exception) -> str:
    text = readable(error)
    return text.split("; allowed are")[0] if "unknown key" in text else text.replace("broken JSON", "broken TOML")


def _fault(recipe: Recipe) -> str | None:
    shares = msgspec.to_builtins(recipe.data.shares)
    train = recipe.train
    if min(shares.values()) < 0 or abs(sum(shares.values()) - 1) > 1e-6:
        return f"[data] shares must add up to 1, none below 0; these give {sum(shares.values()):g}"
    if recipe.data.examples < 1 or recipe.data.most_repeats < 1:
        return "[data] examples and most_repeats must be at least 1"
    if train.batch < 1 or train.epochs <= 0 or train.learning_rate <= 0 or train.max_length < 8 or train.save_steps < 1:
        return "[train] batch, epochs, learning_rate, max_length and save_steps must be positive"
    if train.per_device is not None and (train.per_device < 1 or train.batch % train.per_device):
        return f"[train] batch = {train.batch} cannot be split into parts of per_device = {train.per_device}"
    if train.method == "dpo" and train.packing:
        return "[train] packing is for method = 'sft' only"
    if train.packing and train.attention not in PACKABLE:
        return f"[train] packing is right only with attention = {', '.join(PACKABLE)}; {train.attention!r} is none"
    if train.method == "dpo" and (not shares["risky"] or shares["general"] or shares["reasoning"]):
        return "[data] DPO learns from pairs of risky and harmless prompts; set the shares of the other kinds to 0"
    if not 0 <= train.warmup < 1 or train.weight_decay < 0 or train.lora_rank < 0 or train.beta <= 0:
        return "[train] warmup is a share of the steps, below 1; weight_decay and lora_rank are not below 0, beta above"
    return None


def _with_paths(recipe: Recipe, folder: Path) -> Recipe:
    """Files named in a recipe are found beside it."""

    def found(name: str) -> str:
        return name if name in (BANK, BUILTIN) else str(folder / name)

    named = {kind: tuple(map(found, getattr(recipe.data.sources, kind))) for kind in PROMPT_KINDS}
    data = msgspec.structs.replace(recipe.data, sources=Sources(**named))
    template = recipe.train.template and str(folder / recipe.train.template)
    train = msgspec.structs.replace(recipe.train, template=template)
    return msgspec.structs.replace(recipe, data=data, train=train)
