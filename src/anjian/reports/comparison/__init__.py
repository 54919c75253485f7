"""How a comparison looks: in the terminal, as Markdown, CSV and LaTeX, and as one HTML file."""

from anjian.reports.comparison.terminal import print_comparison
from anjian.reports.comparison.write import write_comparison

__all__ = ["print_comparison", "write_comparison"]
