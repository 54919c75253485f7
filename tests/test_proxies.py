"""Which calls go through a proxy, and what is said when that fails."""

import pytest
from aiohttp import web
from asking import put
from hypothesis import given
from hypothesis import strategies as st
from loopback import completion, serving
from yarl import URL

from anjian.errors import UsageError
from anjian.models.base import CallError
from anjian.models.http.proxies import proxy_of

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("excluded", "url", "through"),
    [
        ("", "http://10.1.2.3/v1", True),
        ("10.0.0.0/8", "http://10.1.2.3/v1", False),
        ("10.0.0.0/8", "http://11.1.2.3/v1", True),
        ("localhost, 172.16.0.0/12 ,192.168.0.0/16", "http://192.168.7.7:8000/v1", False),
        ("192.168.1.5", "http://192.168.1.5/v1", False),
        ("192.168.1.5:8000", "http://192.168.1.5:8000/v1", False),
        ("192.168.1.5:8000", "http://192.168.1.5:8001/v1", True),
        ("fd00::/8", "http://[fd12::1]:8000/v1", False),
        ("[fd12::1]:8000", "http://[fd12::1]:8000/v1", False),
        ("*", "http://api.example/v1", False),
        ("example.com", "http://example.com/v1", False),
        ("example.com", "http://api.example.com/v1", False),
        (".example.com", "http://api.example.com/v1", False),
        ("*.example.com", "http://API.Example.com/v1", False),
        ("example.com:443", "http://example.com:80/v1", True),
        ("ample.com", "http://example.com/v1", True),
        ("10.0.0.0/8", "http://example.com/v1", True),
        ("nonsense/99,::::,/", "http://10.1.2.3/v1", True),
        ("", "http://127.0.0.1:8000/v1", False),
        ("", "http://localhost/v1", False),
        ("", "http://[::1]/v1", False),
    ],
)
def test_no_proxy_is_a_list_of_hosts_addresses_and_ranges(excluded: str, url: str, through: bool) -> None:
    found = proxy_of(URL(url), {"HTTP_PROXY": PROXY, "NO_PROXY": excluded})
    assert found == (URL(PROXY) if through else None)


def test_the_scheme_chooses_the_proxy_and_small_letters_come_first() -> None:
    environ = {"HTTPS_PROXY": "secure:1", "http_proxy": "http://small:2", "HTTP_PROXY": "http://large:3"}
    assert proxy_of(URL("https://h/v1"), environ) == URL("http://secure:1")
    assert proxy_of(URL("http://h/v1"), environ) == URL("http://small:2")
    assert proxy_of(URL("http://h/v1"), {"ALL_PROXY": "http://all:4"}) == URL("http://all:4")
    assert proxy_of(URL("http://h/v1"), {"ALL_PROXY": "socks5://all:4"}) is None
    assert proxy_of(URL("http://h/v1"), {}) is None


@pytest.mark.parametrize("proxy", ["socks5://u:hush-hush@p:1", "http://[u:hush-hush@p", "ftp://u:hush-hush@p"])
def test_a_proxy_of_another_kind_is_refused_without_its_password(proxy: str) -> None:
    with pytest.raises(UsageError, match="HTTPS_PROXY names no proxy that can be used") as caught:
        proxy_of(URL("https://h/v1"), {"HTTPS_PROXY": proxy})
    assert "hush" not in str(caught.value)


@given(st.text(), st.text())
def test_any_setting_is_read_or_refused(proxy: str, excluded: str) -> None:
    try:
        found = proxy_of(URL("http://10.1.2.3/v1"), {"http_proxy": proxy, "no_proxy": excluded})
    except UsageError as error:
        assert "http_proxy" in str(error)
    else:
        assert found is None or found.host


def test_calls_go_through_the_proxy_and_its_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = ["http://service.example/v1"]
    with serving(lambda call: completion("好")) as server:
        monkeypatch.setenv("http_proxy", f"http://user:hush-hush@127.0.0.1:{server.port}")
        assert put(server, urls=elsewhere).texts == ["好"]
        assert server.calls[0].request.headers["Host"] == "service.example"
        assert server.calls[0].request.headers["Proxy-Authorization"].startswith("Basic ")
        monkeypatch.setenv("no_proxy", "127.0.0.0/8")
        assert put(server).texts == ["好"]
    with serving(lambda call: web.Response(status=502, text="cannot reach for user:hush-hush@")) as server:
        monkeypatch.setenv("http_proxy", f"http://user:hush-hush@127.0.0.1:{server.port}")
        monkeypatch.setattr("anjian.models.http.patience.FIRST_PAUSE", 0.0)
        [detail] = put(server, urls=elsewhere).texts
        assert "HTTP 502" in detail
        assert "hush" not in detail
    [error] = put(server, urls=elsewhere).results
    assert isinstance(error, CallError)
    assert error.fatal
    assert f"the proxy http://127.0.0.1:{server.port} cannot be reached" in error.detail
