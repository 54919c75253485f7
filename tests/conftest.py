import signal
from pathlib import Path

import pytest
from fuzzing import examples
from hypothesis import settings
from tiny_checkpoint import save_checkpoint

# Whoever runs the tests in the background ignores Ctrl-C, and the processes that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("anjian", max_examples=examples(100), deadline=None)
settings.load_profile("anjian")
SHARED = Path(__file__).parents[2] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the public data folder {SHARED} is not here")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random chat model whose template opens the thinking."""
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint"))
