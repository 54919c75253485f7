"""Memory that ran out, and memory given back."""

import gc

import torch


def out_of_memory(error: Exception) -> bool:
    """True if that is what the error says."""
    # CUDA and MPS say the first, the CPU allocator the second.
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def free_memory() -> None:
    """Gives the accelerator's cached memory back."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
