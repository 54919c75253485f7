"""Lets `python -m anjian` stand for the command `anjian`."""

from anjian.cli.main import run

if __name__ == "__main__":
    run()
