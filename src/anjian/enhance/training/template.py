"""The chat template in its training form, and the proof that it trains what it should.

Templates of reasoning models drop everything before `</think>` from assistant messages. Rendered with such a template,
fine-tuning data lose their reasoning without a word, and the prompt is no longer a prefix of the text. So a training
form is chosen, never made by replacing strings, and every example is checked before the first step.

Forms of our own (`templates/*.jinja`) are chosen by what the original does, not by how it is written: on conversations
without thinking in the last reply, both must render the same text, to the character.
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from anjian.enhance.data.examples import parted
from anjian.errors import UsageError
from anjian.items.records import Message
from anjian.text import one_line

IGNORED = -100
"""The label of a token that is not trained."""
MEND = "name a training form that keeps it as `template` under [train] in the recipe"
PROBES = (
    [("user", "你好"), ("assistant", "你好。")],
    [("system", "简短作答。"), ("user", " 在吗\n"), ("assistant", " 在。\n"), ("user", "1+1"), ("assistant", "2\n\n")],
    [("user", "几点"), ("assistant", "<think>\n看表\n</think>\n\n三点"), ("user", "谢谢"), ("assistant", "不客气")],
)
"""Conversations that tell templates apart: a system message, blanks at the ends, thinking in an earlier reply."""


class Tokens(NamedTuple):
    """One example: ids of prompt and reply, and how many of them are the prompt. Only the reply is trained."""

    ids: list[int]
    labels: list[int]
    prompt: int


def original_template(tokenizer: Any) -> str:
    """The template that the checkpoint comes with; raises UsageError if it has none."""
    template: Any = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if not template:
        raise UsageError("the model has no chat template; add chat_template.jinja to it, or use a chat model")
    return str(template)


def training_template(tokenizer: Any, named: str | None) -> str:
    """Finds the training form of a tokenizer's template: the recipe's, ours, its own if it marks replies, or TRL's.

    Raises:
        UsageError: There is none, or the recipe's cannot be read.
    """
    if named:
        try:
            return Path(named).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the template {named}: {one_line(str(error))}") from None
    own = original_template(tokenizer)
    if ours := _ours(tokenizer, own):
        return ours
    from trl.chat_template_utils import get_training_chat_template, has_generation_markers

    if has_generation_markers(own):
        return own
    try:
        found = get_training_chat_template(tokenizer)
    except (ValueError, TypeError):
        found = None
    if found is None:
        raise UsageError(
            "no training form of this model's chat template is known: write one that keeps <think>…</think> and marks "
            "replies with {% generation %}, and name it as `template` under [train] in the recipe"
        )
    return str(found)


def _ours(tokenizer: Any, own: str) -> str | None:
    """The form of `templates/` that renders what the original renders, if there is one."""
    conversations = [[{"role": role, "content": content} for role, content in probe] for probe in PROBES]
    for file in sorted(files("anjian.enhance.training").joinpath("templates").iterdir(), key=lambda path: path.name):
        form = file.read_text("utf-8")
        try:
            if all(_text(tokenizer, said, form) == _text(tokenizer, said, own) for said in conversations):
                return form
        except Exception:  # noqa: S112  (templates are programs and raise what they like: not this one, then)
            continue
    return None


def tokenized(tokenizer: Any, template: str, messages: Sequence[Message], name: str) -> Tokens:
    """Renders and tokenizes one example; the labels are those of the last reply.

    Args:
        tokenizer: A fast tokenizer with its original template.
        template: The training form.
        messages: A conversation that ends with the reply to be trained, its thinking in tags.
        name: The example, for errors.

    Raises:
        UsageError: The rendered text drops the thinking or the answer, does not begin with the prompt as it is at
            inference, or leaves part of the reply untrained.
    """
    said = [{"role": message.role, "content": message.content} for message in messages]
    own = original_template(tokenizer)
    try:
        prompt = _text(tokenizer, said[:-1], own, add_generation_prompt=True)
        text = _text(tokenizer, said, template)
        marked = tokenizer.apply_chat_template(
            said, chat_template=template, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
        )
    except Exception as error:  # Templates are programs and raise what they like.
        raise UsageError(f"the training template refuses {name}: {one_line(str(error))}") from None
    spans = _spans(text, prompt, messages[-1].content, name)
    head = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    whole = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids = list(whole["input_ids"])
    if ids[: len(head)] != head:
        raise UsageError(f"{name}: the tokens of the prompt are not the first tokens of prompt and reply; {MEND}")
    if list(marked["input_ids"]) != ids:
        raise UsageError(f"{name}: the template and the tokenizer disagree on the tokens of the text; {MEND}")
    mask = marked["assistant_masks"]
    labels = [id_ if place >= len(head) and mask[place] else IGNORED for place, id_ in enumerate(ids)]
    _check_labels(labels, whole["offset_mapping"], spans, name)
    _check_end(tokenizer, ids, labels, whole["offset_mapping"], spans[1][1], name)
    return Tokens(ids, labels, len(head))


def _text(tokenizer: Any, said: list[dict[str, str]], template: str, **options: Any) -> str:
    return str(tokenizer.apply_chat_template(said, chat_template=template, tokenize=False, **options))


def _spans(text: str, prompt: str, reply: str, name: str) -> list[tuple[int, int]]:
    """Where thinking and answer stand in the text, after the prompt."""
    if not text.startswith(prompt):
        raise UsageError(
            f"{name}: with the training template the prompt is not a prefix of prompt and reply, so the model would "
            f"train on what it never sees; {MEND}"
        )
    spans, start = [], len(prompt)
    for what, part in zip(("reasoning", "answer"), parted(reply), strict=True):
        place = text.find(part, start)
        if place < 0:
            raise UsageError(f"{name}: the training template drops the {what}, so it would not be trained; {MEND}")
        start = place + len(part)
        spans.append((place, start))
    return spans


def _check_labels(
    labels: list[int], offsets: Sequence[tuple[int, int]], spans: list[tuple[int, int]], name: str
) -> None:
    for what, (start, end) in zip(("reasoning", "answer"), spans, strict=True):
        covered = [place for place, (left, right) in enumerate(offsets) if left < end and right > start]
        if any(labels[place] == IGNORED for place in covered):
            raise UsageError(f"{name}: the {what} is not inside the trained tokens; {MEND}")


def _check_end(
    tokenizer: Any, ids: list[int], labels: list[int], offsets: Sequence[tuple[int, int]], answered: int, name: str
) -> None:
    """The first added token after the answer ends the turn; unless it is trained, the model learns to go on."""
    added = tokenizer.added_tokens_decoder
    enders = [place for place, (left, _) in enumerate(offsets) if left >= answered and ids[place] in added]
    if not enders or labels[enders[0]] == IGNORED:
        raise UsageError(f"{name}: the token that ends the reply is not trained, so the model would not stop; {MEND}")
