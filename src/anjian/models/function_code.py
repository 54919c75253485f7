"""Tells one version of a function from another, so that stored replies of one are never taken for the other's.

What counts is its code and that of the functions and methods of its own package that it uses, with the texts, numbers,
flags and tuples that they read and do not write: constants, defaults, bound arguments, attributes. Lists and other
objects, libraries, and models that it asks, do not count.
"""

import dis
import functools
import hashlib
import inspect
from collections.abc import Iterator
from types import CodeType, EllipsisType, FunctionType, MethodType
from typing import Any

PLAIN = (str, bytes, int, float, complex, bool, EllipsisType, type(None))


def code_hash(function: Any) -> str:
    """A short hash of a function, a partial, a method or an object that is called."""
    words = "\n".join(_Reader(function).words(function))
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class _Reader:
    """Reads what a function is made of, each piece of code once."""

    def __init__(self, function: Any) -> None:
        self._package = _package(function)
        self._seen: set[CodeType] = set()

    def words(self, value: Any) -> Iterator[str]:
        if isinstance(value, PLAIN):
            yield repr(value)
        elif isinstance(value, tuple):
            yield from (word for one in value for word in self.words(one))
        elif isinstance(value, frozenset):  # Of no order from one process to the next.
            yield from sorted(" ".join(self.words(one)) for one in value)
        elif isinstance(value, functools.partial):
            yield from self.words((value.func, value.args, tuple(sorted(value.keywords.items()))))
        elif isinstance(value, MethodType) and isinstance(value.__func__, FunctionType):
            yield from self._function(value.__func__, _attributes(value.__self__))
        elif isinstance(value, FunctionType):
            yield from self._function(value, {})
        elif callable(value) and isinstance(call := type(value).__call__, FunctionType):
            yield from self._function(call, _attributes(value))
        elif isinstance(wrapped := inspect.getattr_static(value, "__wrapped__", None), FunctionType):
            yield from self.words(wrapped)  # As functools.cache leaves it.
        else:
            yield type(value).__qualname__

    def _function(self, function: FunctionType, attributes: dict[str, Any]) -> Iterator[str]:
        code = function.__code__
        if code in self._seen or _package(function) != self._package:
            yield function.__qualname__
            return
        self._seen.add(code)
        read, written = set(code.co_freevars), set[str]()
        yield from _code_words(code, read, written)
        yield from self.words((function.__defaults__, tuple(sorted((function.__kwdefaults__ or {}).items()))))
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        held = {**function.__globals__, **attributes, **{name: _content(cell) for name, cell in cells}}
        for name in sorted((read - written) & held.keys()):
            yield name
            yield from self.words(held[name])


def _code_words(code: CodeType, read: set[str], written: set[str]) -> Iterator[str]:
    """The code with all within it; collects which names it reads and writes."""
    read.update(code.co_names)
    written.update(one.argval for one in dis.get_instructions(code) if one.opname in _WRITES)
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_words(constant, read, written)
        elif isinstance(constant, frozenset):
            yield repr(sorted(map(repr, constant)))
        else:
            yield repr(constant)


_WRITES = {"STORE_GLOBAL", "STORE_DEREF", "STORE_NAME", "STORE_ATTR"}


def _attributes(owner: Any) -> dict[str, Any]:
    """What `self.name` may mean, methods bound."""
    kinds = owner.__mro__ if isinstance(owner, type) else type(owner).__mro__
    found = {name: value for kind in reversed(kinds) for name, value in vars(kind).items()}
    bound = {n: MethodType(value, owner) if isinstance(value, FunctionType) else value for n, value in found.items()}
    return bound | dict(getattr(owner, "__dict__", {}))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # Not filled yet.
        return None


def _package(value: Any) -> str:
    while isinstance(value, functools.partial):
        value = value.func
    return str(value.__module__).partition(".")[0]
