"""One repository has many URLs; two repositories never share one."""

from __future__ import annotations

import pytest

from hedgehog.gitops.addresses import same_repository

NET = "https://git.example.com/acme/net.git"


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/acme/net",
        "https://git.example.com/acme/net/",
        "https://git.example.com/acme/net.git/",
        "https://GIT.example.com/acme/net.git",
        "https://git.example.com:443/acme/net.git",
        "https://ada@git.example.com/acme/net.git",
        "ssh://git@git.example.com/acme/net.git",
        "ssh://git@git.example.com:22/acme/net",
        "ssh://git@git.example.com:2222/acme/net.git",
        "git@git.example.com:acme/net.git",
        "git@git.example.com:acme/net",
    ],
)
def test_the_spellings_of_one_repository_are_equal(url):
    """Over HTTPS, over SSH (whose port is its own), and as scp writes it."""
    assert same_repository(NET, url)
    assert same_repository(url, NET)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.org/acme/net.git",
        "https://evil.com/git.example.com/acme/net.git",
        "https://git.example.com.evil.com/acme/net.git",
        "https://git.example.com:8443/acme/net.git",
        "https://git.example.com/acme/net2.git",
        "https://git.example.com/acme/Net.git",
        "https://git.example.com/other/acme/net.git",
        "git@git.example.org:acme/net.git",
        "file:///acme/net.git",
        "acme/net",
        "https://git.example.com:port/acme/net.git",
        "",
    ],
)
def test_another_host_port_or_path_is_another_repository(url):
    """An `acme/net` on another host is not ours."""
    assert not same_repository(NET, url)


def test_github_ignores_case_and_serves_ssh_on_another_host():
    """`ssh.github.com:443` is for networks that let only HTTPS out."""
    assert same_repository("https://github.com/Acme/Net", "git@github.com:acme/net.git")
    assert same_repository("https://github.com/acme/net", "ssh://git@ssh.github.com:443/acme/net.git")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://gitlab.com/acme/net", "ssh://git@altssh.gitlab.com:443/acme/net.git"),
        ("https://bitbucket.org/acme/net", "ssh://git@altssh.bitbucket.org:443/acme/net.git"),
        ("https://gitlab.com/Acme/Sub/Net", "git@gitlab.com:acme/sub/net.git"),
        ("https://bitbucket.org/Acme/net", "https://bitbucket.org/acme/Net.git"),
        ("https://codeberg.org/Acme/net", "ssh://git@codeberg.org/acme/net"),
        ("https://acme.ghe.com/Acme/net", "https://acme.ghe.com/acme/net"),
        ("https://git.example.com/acme/net", "https://git.example.com//acme//net.git/"),
        ("file:///srv/net", "file:///srv//net/"),
    ],
)
def test_aliases_of_hosts_case_and_empty_path_segments_are_the_same_repository(one, other):
    """Servers do not tell these apart."""
    assert same_repository(one, other)
