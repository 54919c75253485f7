"""The built-in judge, by cues."""
