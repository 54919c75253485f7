"""What many verdicts say: metrics and their intervals."""
