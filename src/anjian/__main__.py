"""Lets `python -m anjian` stand for the command `anjian`."""

from anjian.cli.main import run

run()
