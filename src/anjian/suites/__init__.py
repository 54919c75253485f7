"""One small file for each benchmark, binding items, dialogue, judges and scores."""
