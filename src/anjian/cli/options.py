"""Options that several commands share: how models are reached and run."""

from pathlib import Path
from typing import Annotated, Literal

import typer

HERE = "A model on this machine"
SERVER = "A model behind a server"


def _use(path: Path | None) -> Path | None:
    from anjian.models.book import IN_USE

    if path:
        IN_USE.set(path)
    return path


Concurrency = Annotated[int | None, typer.Option(min=1, help="Dialogues in flight. Default: 64 over HTTP.")]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds for one attempt at a call.")]
Models = Annotated[
    Path | None,
    typer.Option(
        "--models",
        callback=_use,
        help="The file that describes models of your own. Default: models.toml, if it is there.",
    ),
]
System = Annotated[str | None, typer.Option(help="A system prompt for the target.")]
ExtraBody = Annotated[
    str | None,
    typer.Option(
        metavar="JSON",
        help="Put into the body of every request to the target, such as "
        """'{"chat_template_kwargs": {"enable_thinking": false}}'.""",
        rich_help_panel=SERVER,
    ),
]
Header = Annotated[
    list[str] | None,
    typer.Option(
        metavar="K=V",
        help="Sent with every request to the target; K=env:NAME takes it from the environment; repeat.",
        rich_help_panel=SERVER,
    ),
]
Filtered = Annotated[
    Literal["unscored", "refusal"],
    typer.Option(help="What a reply is worth that the provider's filter withheld: refusal is for whole services."),
]
JudgeCard = Annotated[
    list[Path] | None,
    typer.Option(
        "--judge-card",
        help="What `anjian calibrate` wrote of the judge: rates are shown corrected, too. Repeat for several kinds.",
    ),
]
JudgePrompt = Annotated[
    list[str] | None,
    typer.Option(
        "--judge-prompt",
        metavar="NAME|FILE",
        help="What a model as judge reads: refusal_bare or another shipped one, or a file (docs/judging.md); repeat "
        "for several kinds.",
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="The most it may cost, earlier sessions included, in the currency of the prices in models.toml; it stops "
        "in time.",
    ),
]
Batch = Annotated[
    bool,
    typer.Option(
        "--batch",
        help="Send all calls, the judge's too, through the Batch API: half the price, within a day. Leave, and come "
        "back with the same command.",
        rich_help_panel=SERVER,
    ),
]
ThinkPrefilled = Annotated[
    bool,
    typer.Option(
        "--think-prefilled",
        help="The server's template opens <think>; replies start inside it.",
        rich_help_panel=SERVER,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(help="hf/, tiny/: cpu, cuda, cuda:1, mps … Default: the GPUs, else the CPU.", rich_help_panel=HERE),
]
Dtype = Annotated[
    Literal["auto", "float32", "bfloat16", "float16"] | None,
    typer.Option(
        help="hf/, tiny/: type of the weights; auto is the checkpoint's. Default: auto where the device is fast with "
        "it, else float32.",
        rich_help_panel=HERE,
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(min=1, help="hf/, tiny/: most replies under way at once. Default: 32.", rich_help_panel=HERE),
]
ServerArgs = Annotated[
    str | None,
    typer.Option(
        help='vllm/, sglang/: arguments added to the launch, such as "--tensor-parallel-size 2 --max-model-len 16384".',
        rich_help_panel=HERE,
    ),
]
Lora = Annotated[
    Path | None,
    typer.Option(help="hf/, vllm/: the folder of a LoRA adapter to put on the model.", rich_help_panel=HERE),
]
ChatTemplate = Annotated[
    Path | None,
    typer.Option(help="hf/, vllm/, sglang/: a Jinja file in the place of the model's.", rich_help_panel=HERE),
]
TrustRemoteCode = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        help="hf/, vllm/, sglang/: let a checkpoint run Python code of its own.",
        rich_help_panel=HERE,
    ),
]
