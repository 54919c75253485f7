"""Multiple choice: which option a reply settles on."""
