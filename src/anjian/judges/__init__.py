"""What one reply is worth: prompts, parsers, rules."""
