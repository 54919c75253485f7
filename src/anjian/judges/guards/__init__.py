"""Guard models as judges: how each family is asked, how its answer is read, and what that means.

A family is one file, `FAMILY.toml`, and where it wants a prompt of its own, `prompts/FAMILY.md`.
"""
