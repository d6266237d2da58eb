"""A URL has one meaning or none, and no refusal repeats a login."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hedgehog.errors import InvalidInput
from hedgehog.fabric.git_urls import GitUrl, without_login
from tests.growth import grows_too_fast


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://Git.example.com/acme/net.git", GitUrl("https", "git.example.com", "/acme/net.git")),
        ("https://h:8443/net", GitUrl("https", "h", "/net", 8443)),
        ("https://[2001:DB8::1]:444/net", GitUrl("https", "2001:db8::1", "/net", 444)),
        ("ssh://git@h:22/net", GitUrl("ssh", "h", "/net", 22, "git")),
        ("ssh://h/net", GitUrl("ssh", "h", "/net")),
        ("git@h:acme/net.git", GitUrl("ssh", "h", "acme/net.git", None, "git")),
        ("git@h:/srv/net", GitUrl("ssh", "h", "/srv/net", None, "git")),
        ("file:///srv/net.git", GitUrl("file", "", "/srv/net.git")),
        ("file://localhost/srv/net.git", GitUrl("file", "", "/srv/net.git")),
        ("https://user:pass@h/net", GitUrl("https", "h", "/net", None, "user", "pass")),
    ],
)
def test_a_valid_url_is_split_into_parts(url: str, parts: GitUrl) -> None:
    """Of every transport that is supported."""
    assert GitUrl.parse(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        "",
        "net",
        "/srv/net.git",
        "https://",
        "https:///net",
        "https://[::1/x",
        "https://[fe80::1%25eth0]/x",
        "https://::1/x",
        "https://h:0/x",
        "https://h:65536/x",
        "https://h:+22/x",
        "https://h:٣/x",
        "https://h%2eexample.com/x",
        "https://h\\@evil.example/x",
        "https://h?@evil.example/x",
        "https://h#@evil.example/x",
        "https://h/x?private_token=1",
        "https://exämple.com/x",
        "https://h/a b",
        "https://h/a\nb",
        "https://h/a\u200bb",
        "https://h/\u202eb",
        "https://h\t/x",
        "https://h/\0",
        "https://h/%00",
        "https://h/a%0ab",
        "https://h/a%2Fb",
        "https://h/a%5cb",
        "https://h/%zz",
        "https://h/a/../b",
        "https://h/a/%2e%2E/b",
        "ssh://git@h/./net",
        "git@h:../net",
        "file:///srv/../etc",
        "https://-h/x",
        "https://h-/x",
        "ftp://h/x",
        "git://h/x",
        "ext::sh -c touch% /tmp/x",
        "ext::sh",
        "HTTPS://h/x",
        "SSH://git@h/x",
        "File:///srv/x",
        "file://h/x",
        "file://",
        "file:x",
        "-oProxyCommand@h:p",
        "ssh://-oProxyCommand@h/p",
        "ssh://-oProxyCommand=x/p",
        "git@-oProxyCommand=x:p",
        "git@h:-p",
        "git@h:/-p",
        "git@h:%2dp",
        "ssh://git@h/-p",
        "ssh://git@h/%2Dp",
        "git@h:",
        "git@h::p",
        "git@h://p",
        "@h:p",
        "ssh://@h/p",
        "--upload-pack=touch",
    ],
)
def test_an_ambiguous_url_is_refused(url: str) -> None:
    """Also what would be an option of ssh or git."""
    with pytest.raises(InvalidInput, match="is not the URL of a Git repository"):
        GitUrl.parse(url)


SECRET = "canary4711"


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@h/x",
        f"https://{SECRET}@h/x",
        f"https://user:{SECRET}/x@h/x",
        f"https://user:{SECRET}@h@h/x",
        f"http://{SECRET}@127.0.0.1/x",
        f"ssh://git:{SECRET}@h/x",
        f"HTTPS://user:{SECRET}@h/x",
        f"Https://{SECRET}@h/x",
        f"ftp://user:{SECRET}@h/x",
        f"https://user:{SECRET}@[::1/x",
        f"https://:{SECRET}@h/x",
        f"https://u%3Ap:{SECRET}%40@h/x",
        f"ssh://git%3a{SECRET}@h/x",
        f"https://h/x;u:{SECRET}@h",
    ],
)
def test_a_login_is_detected_and_never_repeated(url: str) -> None:
    """In whatever case and place it stands."""
    try:
        assert GitUrl.parse(url).has_login
    except InvalidInput as error:
        assert SECRET not in str(error)
    assert SECRET not in without_login(f"cannot reach '{url}': refused")
    assert SECRET not in repr(GitUrl("https", "h", "/", None, SECRET, SECRET))


@pytest.mark.parametrize(
    "url",
    [
        f"https:\\\\u:{SECRET}@h/r",
        f"https:/u:{SECRET}@h/r",
        f"https:u:{SECRET}@h/r",
        f"https:{SECRET}@h/r",
        f"//u:{SECRET}@h/r",
        f"u:{SECRET}@h/r",
        f"{SECRET}@h/r",
        f"git:{SECRET}@h:r",
        f"git@{SECRET}@h r",
        f"https://h/r?token={SECRET}",
        f"https://h/r#{SECRET}",
        f"https://h/r?a@b#{SECRET}\n@",
        f"ext::u:{SECRET}@h",
    ],
)
def test_a_login_that_is_misspelt_is_never_repeated(url: str) -> None:
    """Whoever wrote it meant a login; the refusal names the rest."""
    with pytest.raises(InvalidInput) as refusal:
        GitUrl.parse(url)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("[::1]", True),
        ("127.attacker.example", False),
        ("127.0.0.1.attacker.example", False),
        ("localhost.attacker.example", False),
        ("127.1", False),
        ("0.0.0.0", False),
        ("[::]", False),
        ("10.0.0.1", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, here: bool) -> None:
    """A name that begins with 127 is anybody's."""
    assert GitUrl.parse(f"http://{host}:8080/x").is_loopback is here


@given(st.text() | st.from_regex(r"(?i)[a-z@]{0,6}:?/?/?[-a-z@:\[\]%.]{0,12}[/:][-a-z@:%]{0,6}"))
@example("https://[::1/x")
@example("//[")
@example("https://h:" + "9" * 5000)
def test_any_text_is_a_url_or_invalid_input(text: str) -> None:
    """Nothing else is raised, and what is parsed is not an option of any program."""
    try:
        parts = GitUrl.parse(text)
    except InvalidInput:
        return
    assert not any(str(part).startswith("-") for part in (text, parts.host, parts.user, parts.path))
    assert without_login(without_login(text)) == without_login(text)


@pytest.mark.parametrize("start", ["", "x://"])
@pytest.mark.parametrize("text", ["://", "a://b@", "@", "://@ ", "x", ":"])
def test_redaction_is_linear(start: str, text: str) -> None:
    """A host chooses what git prints: twice the length may not cost four times the time."""
    assert not grows_too_fast(without_login, lambda length: start + text * length)
