"""Which proxy a call goes through: HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, and what NO_PROXY takes out of them."""

import fnmatch
import ipaddress
import os
from collections.abc import Iterator, Mapping

from yarl import URL

from anjian.errors import UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LOCAL = "localhost"


def proxy_of(url: URL, environ: Mapping[str, str] = os.environ) -> URL | None:
    """The proxy for a URL; None for this machine, for what NO_PROXY names, and where no proxy is set.

    NO_PROXY is a list of hosts (with all that is below them), addresses, ranges such as 10.0.0.0/8, each with or
    without a port; `*` is everything.

    Raises:
        UsageError: The proxy is of a kind that cannot be used; its password is not shown.
    """
    host = (url.host or "").rstrip(".").lower()
    address = _address(host)
    if host == LOCAL or host.endswith("." + LOCAL) or (address and address.is_loopback):
        return None
    excluded = _setting("no_proxy", environ)[1]
    if any(_covers(one, host, address, url.port) for one in excluded.replace(",", " ").split()):
        return None
    for variable in (f"{url.scheme}_proxy", "all_proxy"):
        name, value = _setting(variable, environ)
        if not value or (variable == "all_proxy" and value.lower().startswith("socks")):
            continue
        proxy = _parsed(value)
        if proxy is None or proxy.scheme not in ("http", "https") or not proxy.host:
            raise UsageError(f"{name} names no proxy that can be used; write http://HOST:PORT, or unset it")
        return proxy
    return None


def proxies_set(environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """All proxies of the environment, whose passwords must not be seen."""
    for variable in ("https_proxy", "http_proxy", "all_proxy"):
        yield from (environ[name] for name in (variable, variable.upper()) if environ.get(name))


def _setting(variable: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """A variable's name as it was found, and its value: small letters come first, as in curl."""
    name = variable if environ.get(variable, "").strip() else variable.upper()
    return name, environ.get(name, "").strip()


def _parsed(value: str) -> URL | None:
    try:
        return URL(value if "://" in value else f"http://{value}")
    except ValueError:
        return None


def _covers(entry: str, host: str, address: Address | None, port: int | None) -> bool:
    if entry == "*":
        return True
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdecimal() and (":" not in name or name.endswith("]")):
        if port != int(wanted[:6]):
            return False
        entry = name
    entry = entry.strip("[]").lower()
    if "*" in entry[1:]:
        return fnmatch.fnmatchcase(host, entry)
    if address:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    entry = entry.removeprefix("*").strip(".")
    return bool(entry) and (host == entry or host.endswith("." + entry))


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
