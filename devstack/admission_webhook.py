"""Hedgehog's admission webhooks for the development cluster: a server that defaults or refuses objects.

For tests that need a cluster which answers like a live one: `with admission_webhook(cluster, settings): …`.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import logging
import ssl
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devstack.admission_review import ADMITTED, NAMESPACE, Reviewer
from devstack.cluster import DevCluster
from hedgehog.fabric.settings import FabricSettings
from hedgehog.kube.client import Cluster
from hedgehog.kube.live import list_live
from hedgehog.kube.resources import collection_path

logger = logging.getLogger(__name__)

REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
MUTATING, VALIDATING = "mutatingwebhookconfigurations", "validatingwebhookconfigurations"
NAME = "hedgehog-devstack"
PROBE = "hedgehog-devstack-probe"
"""Name of a Server that is only sent as a dry run, to find out whether the API server calls the webhook."""
TAKES_EFFECT = 30.0
"""Seconds an API server may take to notice a changed registration; it usually takes less than one."""
_HOST = "127.0.0.1"


class Webhook:
    """The running webhook. `calls` counts the requests by path and kind; `refusals` has the messages of the refused ones."""

    def __init__(self, reviewer: Reviewer) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.refusals: list[str] = []
        self.probed: set[str] = set()
        self._paths: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "/mutate": reviewer.mutate,
            "/validate": reviewer.validate,
        }

    def answer(self, path: str, body: bytes) -> bytes:
        """The answer to one AdmissionReview."""
        review = orjson.loads(body)
        request = review["request"]
        if request.get("name") == PROBE:
            self.probed.add(path)
        self.calls[path, request["kind"]["kind"]] += 1
        answer = self._paths[path](review)
        if not answer["response"]["allowed"]:
            subject = f"{request['operation']} {request['kind']['kind']}/{request.get('name')}"
            self.refusals.append(f"{subject}: {answer['response']['status']['message']}")
        return orjson.dumps(answer)


@contextmanager
def admission_webhook(cluster: DevCluster, settings: FabricSettings) -> Iterator[Webhook]:
    """Default and refuse writes to *cluster* as a Hedgehog under *settings* would, until the block ends.

    The webhook starts from what the cluster holds, plus the built-in SwitchProfiles, and makes VPCInfos for itself as
    the controllers would. The API server must reach this machine's loopback: only clusters on this machine will do.
    """
    client = cluster.connect()
    live = list_live(client, [(kind, NAMESPACE) for kind in ADMITTED])
    for error in live.failed.values():
        raise error
    webhook = Webhook(Reviewer(settings, live.objects.values()))
    certificate, context = _tls()
    server = _serve(webhook, context)
    try:
        _register(client, f"https://{_HOST}:{server.server_port}", certificate)
        _until(
            client, webhook, lambda: webhook.probed == {"/mutate", "/validate"}, "registered webhooks are not called"
        )
        yield webhook
    finally:
        for plural in (MUTATING, VALIDATING):
            client.send("DELETE", "DELETE", f"{REGISTRATION}/{plural}/{NAME}", subject=NAME)
        # The next write must not reach a server that still calls the webhook.
        _until(client, webhook, lambda: not webhook.probed, "removed webhooks are still called")
        server.shutdown()
        server.server_close()
        client.close()


def _until(client: Cluster, webhook: Webhook, reached: Callable[[], bool], trouble: str) -> None:
    """Write the probe (as a dry run) until the webhook is called, or no longer called."""
    kind = next(kind for kind in ADMITTED if kind.kind == "Server")
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": PROBE}, "spec": {}}
    deadline = time.monotonic() + TAKES_EFFECT
    while time.monotonic() < deadline:
        webhook.probed.clear()
        path = collection_path(kind, NAMESPACE)
        client.send("PROBE", "POST", path, subject=PROBE, body=body, query={"dryRun": "All"}, idempotent=False)
        if reached():
            return
        time.sleep(0.02)
    raise RuntimeError(f"{trouble} after {TAKES_EFFECT:.0f} s")


def _register(client: Cluster, url: str, certificate: bytes) -> None:
    """One entry per kind, named as upstream names them, because the name is in every refusal."""
    for plural, kind, path, letter, operations in (
        (MUTATING, "MutatingWebhookConfiguration", "/mutate", "m", ["CREATE", "UPDATE"]),
        (VALIDATING, "ValidatingWebhookConfiguration", "/validate", "v", ["CREATE", "UPDATE", "DELETE"]),
    ):
        entries = [
            {
                "name": f"{letter}{one.kind.lower()}.kb.io",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"url": url + path, "caBundle": base64.b64encode(certificate).decode()},
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "rules": [
                    {
                        "apiGroups": [one.group],
                        "apiVersions": [one.version],
                        "resources": [one.plural],
                        "operations": operations,
                    }
                ],
            }
            for one in ADMITTED
        ]
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": NAME},
            "webhooks": entries,
        }
        # A process that was killed leaves its registration behind.
        client.send("DELETE", "DELETE", f"{REGISTRATION}/{plural}/{NAME}", subject=NAME)
        client.call("POST", "POST", f"{REGISTRATION}/{plural}", subject=f"{plural}/{NAME}", body=body)


def _serve(webhook: Webhook, context: ssl.SSLContext) -> ThreadingHTTPServer:
    """Answer in threads of their own, on a port of the system's choice."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # the API server keeps its connections
        disable_nagle_algorithm = True
        wbufsize = -1  # head and body in one packet

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                status, answer = 200, webhook.answer(self.path.partition("?")[0], body)
            except Exception:
                logger.exception("the admission webhook failed")
                status, answer = 500, b"the admission webhook failed; its log says why"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer((_HOST, 0), Handler)
    server.daemon_threads = True
    # The handshake is left to the first read, in the connection's own thread.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name=NAME, daemon=True).start()
    return server


def _tls() -> tuple[bytes, ssl.SSLContext]:
    """A certificate of our own for this server's address, and what serves with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(_HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as directory:
        both = Path(directory) / "both.pem"
        both.write_bytes(certificate + secret)
        context.load_cert_chain(both)
    return certificate, context
