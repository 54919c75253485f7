"""Copy finished checkpoints into the package: python tools/tiny/install.py --work /tmp/tiny base distill."""

import argparse
import shutil
from pathlib import Path

MODELS_DIR = Path(__file__).parents[2] / "src/anjian/models/tiny"
FILES = (
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Copy finished checkpoints into the package.")
    parser.add_argument("--work", type=Path, required=True, help="folder of train.py")
    parser.add_argument("stages", nargs="+", choices=["base", "distill"])
    args = parser.parse_args()
    for stage in args.stages:
        (MODELS_DIR / stage).mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.copyfile(args.work / stage / name, MODELS_DIR / stage / name)
            (MODELS_DIR / stage / name).chmod(0o644)


if __name__ == "__main__":
    main()
