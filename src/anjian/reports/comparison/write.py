"""Writes the files of a comparison, each of them whole."""

from collections.abc import Iterable
from pathlib import Path

from anjian.files import replace
from anjian.reports.comparison.flips import stories_of
from anjian.reports.comparison.html import render_comparison
from anjian.reports.comparison.latex import latex
from anjian.reports.comparison.markdown import markdown
from anjian.reports.comparison.tidy import cells_csv, changes_csv
from anjian.reports.names import Lexicon
from anjian.scores.comparison import Measured, SideBySide

PAGE = "compare.html"


def write_comparison(comparison: SideBySide, runs: Iterable[Measured], folder: Path, lexicon: Lexicon) -> Path:
    """Writes `compare.md`, `compare.csv`, `changes.csv`, `compare.tex` and `compare.html`, and returns the page's path.

    Args:
        comparison: What is shown.
        runs: Whose replies are shown where items flipped; a run without a folder has none.
        folder: Where the files go.
        lexicon: What the suites call all of it.

    Raises:
        UsageError: A run's file is missing or broken; names it.
        AnjianError: A file cannot be written.
    """
    texts = {
        "compare.md": markdown(comparison, lexicon),
        "compare.csv": cells_csv(comparison, lexicon),
        "changes.csv": changes_csv(comparison),
        "compare.tex": latex(comparison, lexicon),
        PAGE: render_comparison(comparison, stories_of(comparison, runs, lexicon), lexicon),
    }
    for name, text in texts.items():
        replace(folder / name, text.encode())
    return folder / PAGE
