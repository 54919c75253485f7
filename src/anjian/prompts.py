"""Prompts are Markdown files beside the code that uses them, rendered with jinja2."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


FENCE = "---"
"""What stands around the front matter of a prompt."""


@cache
def template(package: str, name: str) -> jinja2.Template:
    """Loads `prompts/<name>.md` of a package such as `anjian.judges`; a name that the text leaves open is an error."""
    import jinja2

    text = files(package).joinpath("prompts", f"{name}.md").read_text(encoding="utf-8")
    return jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(text)  # noqa: S701


def render(package: str, name: str, **values: object) -> str:
    """Renders a prompt; see `template`."""
    return template(package, name).render(values).strip()
