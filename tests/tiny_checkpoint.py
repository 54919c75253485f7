"""A small random Qwen3 chat model with a tokenizer of single characters, saved the way real checkpoints are."""

from pathlib import Path
from typing import Any

CONTEXT = 256
ROLES = ("<|user|>", "<|assistant|>", "<|system|>")
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'assistant' and not message.content %}{{ raise_exception('empty answer') }}{% endif %}"
    "<|{{ message.role }}|>{{ message.content }}"
    "{% if message.role == 'assistant' %}<|end|>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{{ opening }}{% endif %}"
)
R1_TEMPLATE = TEMPLATE.replace("{{ opening }}", "{{ '<think>\\n' }}")
PLAIN_TEMPLATE = TEMPLATE.replace("{{ opening }}", "")
CHARACTERS = "\n 0123456789abcdefghijklmnopqrstuvwxyz，。？！的一是在不了有和人这中大为上个国我以要他时来用们"


def save_checkpoint(
    folder: Path,
    *,
    template: str | None = R1_TEMPLATE,
    think_is_special: bool = False,
    generation: dict[str, Any] | None = None,
    context: int = CONTEXT,
    architecture: str = "Qwen3",
    dtype: str = "float32",
    **config: Any,
) -> Path:
    """Writes the checkpoint; the weights are the same every time.

    `config` is added to the architecture's configuration.
    """
    import torch
    import transformers as untyped

    transformers: Any = untyped
    tokenizer: Any = _tokenizer(think_is_special)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": context,
        "tie_word_embeddings": True,
        "initializer_range": 0.2,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    configuration = getattr(transformers, f"{architecture}Config")(**shape | config)
    model = transformers.AutoModelForCausalLM.from_config(configuration).to(getattr(torch, dtype))
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, **(generation or {})
    )
    model.save_pretrained(folder)
    return folder


def save_adapter(base: Path, folder: Path, rank: int = 4) -> Path:
    """Writes a random LoRA adapter for a checkpoint."""
    import torch
    import transformers as untyped
    from peft import LoraConfig, get_peft_model

    transformers: Any = untyped
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    adapted = get_peft_model(model, LoraConfig(r=rank, target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    adapted.save_pretrained(str(folder))
    return folder


def _tokenizer(think_is_special: bool) -> Any:
    import transformers as untyped
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    transformers: Any = untyped
    words = ["<|pad|>", "<|unk|>", "<|end|>", *CHARACTERS]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<|unk|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens([AddedToken(role, special=True) for role in ROLES])
    tokenizer.add_tokens([AddedToken(tag, special=think_is_special) for tag in ("<think>", "</think>")])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|pad|>", unk_token="<|unk|>"
    )
