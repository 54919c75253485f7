"""Data to train on: prompts, answers, filters, shares."""
