"""Training: templates, tokens, processes."""
