"""TLS and proxies are the library's: what its configuration says holds for our requests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.cluster import DevCluster
from hedgehog.errors import InvalidInput, RemoteUnavailable
from hedgehog.kube.client import Cluster
from tests.kube.fake_server import Reply, serve


class Proxy:
    """Answers CONNECT and passes bytes on."""

    def __init__(self) -> None:
        self.tunnels: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            request = client.recv(65536).decode()
            target = request.split()[1]
            self.tunnels.append(target)
            host, _, port = target.partition(":")
            server = socket.create_connection((host, int(port)))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass  # the other side has gone: so has the tunnel
        finally:
            sink.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A running proxy."""
    found = Proxy()
    yield found
    found.close()


def configured(cluster: DevCluster, **settings: object) -> Cluster:
    """A client whose configuration has *settings*."""
    client = cluster.connect()
    for name, value in settings.items():
        setattr(client._api_client.configuration, name, value)
    return Cluster(client._api_client, name="k8s_a", backoff=0.0)


def version(client: Cluster) -> int:
    """The status of a small request."""
    try:
        return client.send("GET", "GET", "/version", subject="version").status
    finally:
        client.close()


def test_a_proxy_is_gone_through(cluster: DevCluster, proxy: Proxy) -> None:
    """By a tunnel, with TLS to the API server inside."""
    client = configured(cluster, proxy=proxy.url)
    assert client.send("GET", "GET", "/version", subject="version").ok
    assert version(client) == 200
    assert len(proxy.tunnels) == 1


def test_a_proxy_that_is_not_there_is_an_outage(cluster: DevCluster) -> None:
    """Not an exception of urllib3."""
    with pytest.raises(RemoteUnavailable, match="k8s_a cannot be reached"):
        version(configured(cluster, proxy="http://127.0.0.1:1"))


def test_a_certificate_of_an_unknown_authority_is_refused(cluster: DevCluster) -> None:
    """And the connection's owner told where to look."""
    with pytest.raises(RemoteUnavailable, match="check the connection's CA"):
        version(configured(cluster, ssl_ca_cert=None))


def test_a_certificate_of_another_name_is_refused_unless_that_name_is_expected(
    cluster: DevCluster, tmp_path: Path
) -> None:
    """The library's tls_server_name."""
    with pytest.raises(RemoteUnavailable, match="TLS"):
        version(configured(cluster, tls_server_name="elsewhere.example.com"))
    assert version(configured(cluster, tls_server_name="localhost")) == 200


def test_plain_http_through_a_proxy_is_refused() -> None:
    """It would carry the token in the clear."""
    with serve(lambda _: Reply()) as fake:
        fake.api_client.configuration.proxy = "http://127.0.0.1:1"
        with pytest.raises(InvalidInput, match="by https"):
            Cluster(fake.api_client, name="fake")
