"""What a kubeconfig may do is the operator's to say, wherever the kubeconfig comes from."""

from __future__ import annotations

import base64
import json
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.cluster import DevCluster
from hedgehog.errors import AuthenticationFailed, InvalidInput, NotFound
from hedgehog.kube.client import Cluster
from hedgehog.kube.kubeconfig import Permitted, load

SECRET = "canary-token-that-must-never-be-seen"
TLS = {"server": "https://127.0.0.1:1"}


def config(user: Mapping[str, Any] | None = None, cluster: Mapping[str, Any] = TLS) -> dict[str, Any]:
    """A kubeconfig with one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": dict(cluster)}],
        "users": [{"name": "u", "user": dict(user or {"token": SECRET})}],
    }


DEMANDS = [
    ("plugins", config({"exec": {"command": "touch", "apiVersion": "client.authentication.k8s.io/v1"}})),
    ("plugins", config({"auth-provider": {"name": "gcp"}})),
    ("plugins", config({"token": "x", "exec": {"command": "touch"}})),
    ("insecure", config(cluster=TLS | {"insecure-skip-tls-verify": True})),
    ("insecure", config(cluster=TLS | {"insecure-skip-tls-verify": "true"})),
    ("insecure", config(cluster={"server": "http://10.0.0.1:8080"})),
    ("files", config({"tokenFile": "/etc/passwd"})),
    ("files", config({"client-certificate": "/x.crt", "client-key": "/x.key"})),
    ("files", config(cluster=TLS | {"certificate-authority": "ca.crt"})),
]


@pytest.mark.parametrize(("word", "demand"), DEMANDS)
@pytest.mark.parametrize("form", [dict, json.dumps, yaml.safe_dump])
def test_what_the_operator_has_not_permitted_is_refused(word: str, demand: dict[str, Any], form: Any) -> None:
    """As a mapping, as JSON and as YAML; the message names the setting and no secret."""
    with pytest.raises(InvalidInput, match=r"\[hedgehog\] kubeconfig_allow") as caught:
        load(form(demand), name="k8s_a")
    assert SECRET not in str(caught.value)
    others = {"plugins", "insecure", "files"} - {word}
    with pytest.raises(InvalidInput):
        load(form(demand), name="k8s_a", permitted=Permitted.of(others))
    assert SECRET not in repr(load(form(demand), name="k8s_a", permitted=Permitted.of({word})))


def test_a_program_is_not_run_before_it_is_permitted(tmp_path: Path) -> None:
    """Opening a cluster is when the library would run it."""
    mark = tmp_path / "ran"
    user = {"exec": {"command": "/bin/touch", "args": [str(mark)], "apiVersion": "client.authentication.k8s.io/v1"}}
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config(user)))
    for source in (config(user), path):
        with pytest.raises(InvalidInput, match="from a program"):
            Cluster.from_kubeconfig(source, name="k8s_a")
    assert not mark.exists()
    Cluster.from_kubeconfig(path, name="k8s_a", permitted=Permitted(plugins=True)).close()
    assert mark.exists()


def test_only_the_chosen_user_and_cluster_reach_the_library() -> None:
    """Others of the file, with plugins of their own, are nobody's business."""
    whole = config()
    whole["users"].append({"name": "other", "user": {"exec": {"command": "touch"}}})
    whole["clusters"].append({"name": "other", "cluster": {"server": "http://10.0.0.1"}})
    found = load(whole, name="k8s_a")
    assert "touch" not in str(found.config)
    assert "10.0.0.1" not in str(found.config)


def test_files_beside_a_kubeconfig_file_are_those_that_it_names(tmp_path: Path) -> None:
    """Relative to it, as kubectl takes them, wherever the process runs."""
    (tmp_path / "token").write_text(SECRET)
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config({"tokenFile": "token"})))
    cluster = Cluster.from_kubeconfig(path)
    headers: dict[str, str] = {}
    cluster._api_client.update_params_for_auth(headers, [], ["BearerToken"])
    assert headers == {"authorization": f"Bearer {SECRET}"}
    cluster.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        f"a: {SECRET}: b",
        "[" * 5000,
        "users: 1\ncurrent-context: c",
        "x" * (1 << 21),
        yaml.safe_dump(config(cluster={"server": "ftp://x"})),
        yaml.safe_dump(config(cluster={"server": "https://[::1"})),
        yaml.safe_dump(config(cluster=TLS | {"proxy-url": "socks5://127.0.0.1:1"})),
        yaml.safe_dump(config({"client-certificate-data": "a", "client-key-data": "a"})),
        yaml.safe_dump(config() | {"contexts": [{"name": "c"}]}),
        yaml.safe_dump(config() | {"contexts": []}),
        yaml.safe_dump(config() | {"users": []}),
        yaml.safe_dump(config() | {"clusters": None}),
    ],
)
def test_what_is_not_a_kubeconfig_is_our_own_error_without_its_content(text: str) -> None:
    """It may hold a token."""
    with pytest.raises(InvalidInput) as caught:
        Cluster.from_kubeconfig(text, name="k8s_a").close()
    assert "k8s_a" in str(caught.value)
    assert SECRET not in str(caught.value)


def encoded(text: str) -> str:
    """As kubeconfigs hold files."""
    return base64.b64encode(text.encode()).decode()


BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("clusters must be a list", config() | {"clusters": {}}),
    ("users must be a list", config() | {"users": [SECRET]}),
    ("no user 'u' among its users", config() | {"users": None}),
    ("no context 'nope' among its contexts", config() | {"current-context": "nope"}),
    ("current-context is missing", {key: value for key, value in config().items() if key != "current-context"}),
    ("current-context is not text", config() | {"current-context": ["c"]}),
    ("cluster of context 'c' is not text", config() | {"contexts": [{"name": "c", "context": {"cluster": ["c"]}}]}),
    ("the user 'u' must be a mapping", config() | {"users": [{"name": "u", "user": SECRET}]}),
    *[
        ("server of its cluster must be", config(cluster={"server": server}))
        for server in (None, 5, ["https://x"], "10.0.0.1:6443", "https://h:99999", "https://h:0", "https://h:x")
    ],
    *[
        ("server of its cluster must be", config(cluster={"server": server}))
        for server in ("https://h\n:1", "https://h :1", "https://h\0", f"https://u:{SECRET}@h", "https://h/?a=b")
    ],
    *[
        ("proxy-url of its cluster must be", config(cluster=TLS | {"proxy-url": proxy}))
        for proxy in (
            ["http://x"],
            "127.0.0.1:1",
            f"http://u:{SECRET}@h:99999",
            "http://",
            "http://[::1",
            "http://h\n:1",
        )
    ],
    ("tls-server-name of its cluster must be a text", config(cluster=TLS | {"tls-server-name": ["a"]})),
    ("authority-data of its cluster must be a text", config(cluster=TLS | {"certificate-authority-data": 5})),
    (
        "authority-data of its cluster is not base64",
        config(cluster=TLS | {"certificate-authority-data": f"$${SECRET}"}),
    ),
    ("is not a PEM certificate", config(cluster=TLS | {"certificate-authority-data": encoded(SECRET)})),
    (
        "client-certificate-data of its user is not base64",
        config({"client-certificate-data": "ü", "client-key-data": ""}),
    ),
    (
        "are not a PEM pair",
        config({"client-certificate-data": encoded(SECRET), "client-key-data": encoded(SECRET)}),
    ),
    ("client-certificate and no client-key", config({"client-certificate-data": encoded(SECRET)})),
    ("token of its user must be a text", config({"token": [SECRET]})),
    ("token of its user has a line break", config({"token": f"{SECRET}\nX: y"})),
    ("password of its user must be a text", config({"username": "a", "password": [SECRET]})),
    ("acts as another one", config({"token": SECRET, "as": "admin"})),
]


@pytest.mark.parametrize(("words", "broken"), BROKEN)
def test_a_broken_value_is_reported_with_its_field(words: str, broken: dict[str, Any]) -> None:
    """And with the connection, and what to do; when it is opened, not by each request."""
    with pytest.raises(InvalidInput, match=words) as caught:
        Cluster.from_kubeconfig(broken, name="k8s_a").close()
    assert "k8s_a" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_token_that_cannot_be_sent_is_not_quoted(tmp_path: Path) -> None:
    """It comes from a file that may change at any time."""
    (tmp_path / "token").write_text(f"{SECRET}\nX: y")
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config({"tokenFile": "token"})))
    cluster = Cluster.from_kubeconfig(path, name="k8s_a")
    with pytest.raises(AuthenticationFailed, match="k8s_a: its token has a line break") as caught:
        cluster.version()
    assert SECRET not in str(caught.value)
    cluster.close()


def test_a_path_is_one_file(tmp_path: Path) -> None:
    """The library would take `a:b` for two of them, and check neither."""
    for name in ("a", "b"):
        (tmp_path / name).write_text(yaml.safe_dump(config()))
    with pytest.raises(NotFound):
        Cluster.from_kubeconfig(Path(f"{tmp_path}/a:{tmp_path}/b"))


def test_what_the_setting_does_not_name_is_not_permitted() -> None:
    """Nothing is, by default."""
    assert Permitted.of(()) == Permitted()
    assert Permitted.of(("plugins", "files")) == Permitted(plugins=True, files=True)


@dataclass
class Proxy:
    """An HTTP proxy that only tunnels; `asked` are the targets and logins that it was asked for."""

    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def proxy() -> Iterator[Proxy]:
    """A running one."""
    listener = socket.create_server(("127.0.0.1", 0))
    found = Proxy(f"127.0.0.1:{listener.getsockname()[1]}")

    def tunnel(client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        lines = head.decode().split("\r\n")
        target = lines[0].split()[1]
        login = next((line.partition("Basic ")[2] for line in lines if line.lower().startswith("proxy-auth")), "")
        found.asked.append((target, base64.b64decode(login).decode()))
        host, _, port = target.rpartition(":")
        with client, socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                for side in select.select([client, server], [], [])[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    (server if side is client else client).sendall(data)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=tunnel, args=(client,), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield found
    finally:
        # Ends `accept`, which would go on with whatever socket gets the number of this one.
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        listener.close()


@pytest.mark.parametrize("login", ["", "robot:pass%40word@"])
def test_the_proxy_of_a_kubeconfig_is_used(cluster: DevCluster, monkeypatch: pytest.MonkeyPatch, login: str) -> None:
    """For the cluster that names it, whatever the environment says; with its login, if there is one."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    cluster.connect().version()  # its kubeconfig names no proxy
    whole = yaml.safe_load(cluster.kubeconfig.read_text())
    with proxy() as found:
        for one in whole["clusters"]:
            one["cluster"]["proxy-url"] = f"http://{login}{found.url}"
        client = Cluster.from_kubeconfig(whole, name="k8s_a", permitted=Permitted(files=True))
        assert client.version().startswith("v")
        client.close()
    target = whole["clusters"][0]["cluster"]["server"].removeprefix("https://")
    assert set(found.asked) == {(target, "robot:pass@word" if login else "")}
