"""`local-v1`: a small trained judge of refusal and guidance, offline and quick; see `tools/judge/train_local.py`."""
