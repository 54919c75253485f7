"""One-file HTML pages that open offline and run nothing but their own, hashed scripts.

Texts of models go into a page in two ways only: escaped by jinja2, or as JSON that the page's script puts into text
nodes. The Content-Security-Policy forbids every request and every script and style that is not named by its hash.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import msgspec

from anjian.text import visible

# plotly.js adds the style of its maps unless an element with this id is there; the policy would refuse it, loudly.
_MAP_STYLE = re.compile(r'getElementById\("([0-9a-f]{64})"\)')
_UNSAFE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def render_page(
    template: str,
    context: Mapping[str, Any],
    data: Mapping[str, Any],
    scripts: Sequence[str],
    styles: Sequence[str],
    *,
    charts: bool = True,
) -> str:
    """Renders a page.

    Args:
        template: A file of `templates`; it extends `page.html.j2`.
        context: What the template shows.
        data: What the page's scripts work on.
        scripts: Files of `templates`, run in this order after plotly.js.
        styles: Files of `templates`, put together.
        charts: Whether plotly.js is inside.
    """
    import jinja2
    from markupsafe import Markup

    texts: list[str] = [*([_plotly()] if charts else []), *map(_asset, scripts)]
    style = "".join(map(_asset, styles))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("anjian.reports", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        **context,
        csp=content_policy(texts, style),
        needless=_MAP_STYLE.findall(texts[0]) if charts else [],
        style=Markup(style),  # noqa: S704  (all three are our own, the data such as no element can end)
        scripts=[Markup(text) for text in texts],  # noqa: S704
        data=Markup(embedded(data)),  # noqa: S704
    )


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    text: str = get_plotlyjs()
    return text


def _asset(name: str) -> str:
    return files("anjian.reports").joinpath("templates", name).read_text(encoding="utf-8")


def content_policy(scripts: Sequence[str], style: str) -> str:
    """The page's policy: no request whatever; the scripts and the style with these texts and no others."""
    allowed = " ".join(_hash(script) for script in scripts) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def embedded(value: Any) -> str:
    """JSON that can stand in a script element: it can neither end it nor open a comment."""
    return msgspec.json.encode(value).decode().translate(_UNSAFE)
