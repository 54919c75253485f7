"""How Anjian and its extras are installed: from a clone or from a wheel file, as it stands on no package index."""

from anjian import __version__


def install(extra: str = "") -> str:
    """Words the mend where a library is missing; `extra` is a group of pyproject.toml, such as `local`.

    >>> install("local").replace(__version__, "0.2.0")
    'pip install -e ".[local]" in a clone of Anjian, or pip install "anjian-0.2.0-py3-none-any.whl[local]"'
    """
    more = f"[{extra}]" if extra else ""
    wheel = f"anjian-{__version__}-py3-none-any.whl"
    return f'pip install -e ".{more}" in a clone of Anjian, or pip install "{wheel}{more}"'
