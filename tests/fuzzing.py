"""How many inputs property tests draw: few in `make test`, ten thousand in `make fuzz`."""

import os


def examples(default: int) -> int:
    """The number that `ANJIAN_FUZZ` asks for, or else the test's own."""
    return int(os.environ.get("ANJIAN_FUZZ", default))
