"""Final answers, compared with a reference."""
