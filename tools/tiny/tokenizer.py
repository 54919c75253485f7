"""The tokenizer: one token a character, other characters as UTF-8 bytes, so that no text is unknown.

python tools/tiny/tokenizer.py FOLDER
"""

import json
import sys
from pathlib import Path

from corpus import COMMON
from grammar import TEXT_DIR
from tokenizers import AddedToken, Tokenizer, decoders, models

BOS, EOS, PAD = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"
# As with R1, these are added tokens but not special ones: decoding keeps them visible.
VISIBLE = ["<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"]
TEMPLATE_FILE = Path(__file__).parent / "chat_template.jinja"
MAX_LENGTH = 4096


def characters() -> str:
    """Newline, printable ASCII, the common characters of GB 2312, and the extra ones of text/characters.txt.

    The extra ones were once collected from our own texts and from the bundled bank: a set of characters, not its text.
    """
    extra = (TEXT_DIR / "characters.txt").read_text(encoding="utf-8").rstrip("\n")
    return "".join(sorted(set(COMMON) | {chr(code) for code in range(32, 127)} | {"\n"} | set(extra)))


def build() -> Tokenizer:
    """A BPE model without merges: characters of the vocabulary are tokens, all others fall back to bytes."""
    tokens = [f"<0x{byte:02X}>" for byte in range(256)] + list(characters())
    vocab = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in (BOS, EOS, PAD)])
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in VISIBLE])
    return tokenizer


def save(folder: Path) -> None:
    """Write tokenizer.json, tokenizer_config.json and chat_template.jinja."""
    folder.mkdir(parents=True, exist_ok=True)
    build().save(str(folder / "tokenizer.json"), pretty=False)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "padding_side": "left",
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": MAX_LENGTH,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", "utf-8")
    (folder / "chat_template.jinja").write_text(TEMPLATE_FILE.read_text(encoding="utf-8"), "utf-8")


if __name__ == "__main__":
    save(Path(sys.argv[1]))
