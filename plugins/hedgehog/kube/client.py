"""One cluster's API, as cheap as a bare HTTP client: the only module that uses the kubernetes library.

From the library come the configuration (kubeconfig, TLS, proxies, tokens and their refresh) and the connection pool;
requests and answers are plain JSON. No typed models, no discovery: the kinds are known. The library is imported only
when a cluster is opened, and then only what is needed of it (`library`).
"""

from __future__ import annotations

import logging
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit

import orjson
import urllib3

from hedgehog.errors import AuthenticationFailed, HedgehogError, InvalidInput, RateLimited, RemoteUnavailable, wait_of
from hedgehog.kube import library
from hedgehog.kube.failures import Answer, cut, failure
from hedgehog.kube.kubeconfig import STRICT, Permitted, load
from hedgehog.kube.throttle import Throttle

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration

logger = logging.getLogger(__name__)

CONCURRENCY = 8
"""Requests under way at one cluster and process."""
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0
ATTEMPTS = 3
"""Tries of an idempotent call before its failure is reported."""
LONGEST_WAIT = 10.0
"""When a server asks for a longer pause, the fabric is due again after it; no worker sleeps that long."""

APPLY_PATCH = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"


class Cluster:
    """A Kubernetes API server and the credential for it. `name` is what messages call it.

    Safe for threads. Counts its requests in `calls` by verb. Repeats idempotent calls on network errors, 429 and 5xx;
    raises only `hedgehog.errors`. The repr shows no credential.
    """

    def __init__(
        self,
        api_client: ApiClient,
        *,
        name: str,
        concurrency: int = CONCURRENCY,
        backoff: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        from kubernetes.client.rest import RESTClientObject  # noqa: PLC0415 - see the module's docstring

        self.name = name
        self.concurrency = concurrency
        self.throttle = Throttle(concurrency)
        self.calls: Counter[str] = Counter()
        self._api_client = api_client
        host = str(api_client.configuration.host).rstrip("/")
        self._prefix = urlsplit(host).path  # "" but for API servers behind a gateway, such as Rancher's
        # Connections of our own: the library's pool may be smaller than the concurrency and would throw some away. The
        # pool of the one host spares each request the manager's parsing and merging, a fifth of its cost.
        self._manager: urllib3.PoolManager = RESTClientObject(
            api_client.configuration, maxsize=concurrency
        ).pool_manager
        self._pool = self._manager.connection_from_url(host)
        self._timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT)
        self._backoff = backoff
        self._sleep = sleep
        self._count_lock = threading.Lock()

    @classmethod
    def from_kubeconfig(
        cls,
        source: Path | str | Mapping[str, Any],
        context: str | None = None,
        *,
        name: str | None = None,
        permitted: Permitted = STRICT,
        skip_tls: bool = False,
    ) -> Cluster:
        """The cluster of a kubeconfig: a file, or its content as text or mapping; see `kubeconfig.load`.

        A proxy that it names is used for this cluster; those that the environment names are not.
        """
        library.load()
        from kubernetes.client import ApiClient, Configuration  # noqa: PLC0415 - see the module's docstring
        from kubernetes.config import load_kube_config_from_dict  # noqa: PLC0415

        what = str(source) if isinstance(source, Path) else f"the kubeconfig of {name}"
        found = load(source, context, name=what, permitted=permitted, skip_tls=skip_tls)
        configuration = type.__call__(Configuration)  # not the process-wide default
        try:
            load_kube_config_from_dict(found.config, client_configuration=configuration, persist_config=False)
        except Exception as error:  # whatever the loader raises; its texts may quote a secret
            raise InvalidInput(f"{what} is not a usable kubeconfig ({type(error).__name__})") from None
        _check_certificates(what, configuration)
        _use_proxy(configuration, found.proxy)
        return cls(ApiClient(configuration), name=name or found.context)

    @classmethod
    def in_cluster(cls, *, name: str) -> Cluster:
        """The cluster that this process runs in, with the service account of its pod.

        Raises InvalidInput outside of one.
        """
        library.load()
        from kubernetes.client import ApiClient, Configuration  # noqa: PLC0415 - see the module's docstring
        from kubernetes.config import ConfigException, load_incluster_config  # noqa: PLC0415

        configuration = type.__call__(Configuration)
        try:
            load_incluster_config(client_configuration=configuration)
        except ConfigException as error:
            raise InvalidInput(
                f"{name}: this process runs in no pod with a service account: {cut(str(error))}"
            ) from None
        _use_proxy(configuration, "")
        return cls(ApiClient(configuration), name=name)

    def __repr__(self) -> str:
        return f"Cluster({self.name!r})"

    def close(self) -> None:
        """Close all connections; the cluster must not be used afterwards."""
        self._manager.clear()
        self._api_client.close()

    def version(self) -> str:
        """The server's version, such as `v1.36.3`: a call that shows that address, TLS and credential are right."""
        return str(self.call("GET", "GET", "/version", subject="the server's version").json()["gitVersion"])

    def call(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        subject: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        crd: str = "",
        idempotent: bool = True,
    ) -> Answer:
        """Send one request and return its good answer; a refusal raises what `failures.failure` makes of it."""
        options = {"query": query, "body": body, "content_type": content_type, "idempotent": idempotent}
        answer = self.send(verb, method, path, subject=subject, **options)
        if not answer.ok:
            raise failure(answer, subject, cluster=self.name, crd=crd)
        return answer

    def send(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        subject: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        idempotent: bool = True,
    ) -> Answer:
        """Send one request and return its answer, good or bad.

        Raises RemoteUnavailable when there is none, RateLimited when the server asks for a long pause. An idempotent
        request is tried up to ATTEMPTS times.
        """
        url = f"{self._prefix}{path}?{urlencode(query)}" if query else self._prefix + path
        payload = None if body is None else orjson.dumps(body)
        last = ATTEMPTS if idempotent else 1
        for attempt in range(1, last + 1):
            outcome = self._once(method, url, payload, content_type=content_type, verb=verb, subject=subject)
            transient = _is_brief(outcome) if isinstance(outcome, HedgehogError) else outcome.transient
            if not transient or attempt == last:
                break
            self._wait(attempt, outcome, subject)
        if isinstance(outcome, HedgehogError):
            raise outcome
        return outcome

    def stream(self, verb: str, path: str, *, subject: str, query: Mapping[str, Any]) -> urllib3.BaseHTTPResponse:
        """Send a GET once and return its answer, good or bad, when its head is there; the caller reads and closes it.

        It takes a connection of its own for as long as it is open. Raises RemoteUnavailable when there is no answer.
        """
        url = f"{self._prefix}{path}?{urlencode(query)}"
        options: dict[str, Any] = {"timeout": self._timeout, "retries": False, "redirect": False}
        try:
            with self.throttle.slot():
                response: urllib3.BaseHTTPResponse = self._pool.urlopen(
                    "GET", url, headers=self._headers(verb), preload_content=False, **options
                )
        except (urllib3.exceptions.HTTPError, ssl.SSLError, OSError) as error:
            raise _unreachable(error, self.name, subject) from error
        return response

    def _headers(self, verb: str) -> dict[str, str]:
        """The headers of one request, which is counted."""
        headers = {"Accept": "application/json", "User-Agent": "hedgehog-airflow"}
        self._api_client.update_params_for_auth(headers, [], ["BearerToken"])
        if not all(value.isprintable() and value.isascii() for value in headers.values()):
            # Of a file or program; HTTP would refuse it with a text that quotes it.
            raise AuthenticationFailed(
                f"{self.name}: its token has a line break or another character that cannot be sent; correct the connection"
            )
        with self._count_lock:
            self.calls[verb] += 1
        return headers

    def _once(
        self, method: str, url: str, payload: bytes | None, *, content_type: str, verb: str, subject: str
    ) -> Answer | RemoteUnavailable:
        """One try; a network error is returned, not raised, because the caller decides whether it is the last."""
        headers = self._headers(verb)
        if payload is not None:
            headers["Content-Type"] = content_type
        try:
            with self.throttle.slot():
                response = self._pool.urlopen(
                    method, url, body=payload, headers=headers, timeout=self._timeout, retries=False, redirect=False
                )
        except (urllib3.exceptions.HTTPError, ssl.SSLError, OSError) as error:
            unreachable = _unreachable(error, self.name, subject)
            unreachable.__cause__ = error
            return unreachable
        if response.status == 429:
            self.throttle.overloaded()
        else:
            self.throttle.succeeded()
        return Answer(response.status, response.data, wait_of(response.headers.get("Retry-After")))

    def _wait(self, attempt: int, outcome: Answer | HedgehogError, subject: str) -> None:
        """Sleep before the next try: full jitter, but never less than the server asked for."""
        wish = outcome.retry_after if isinstance(outcome, Answer) else None
        if wish is not None and wish > LONGEST_WAIT:
            raise RateLimited(f"{self.name} asks to come back in {wish:.0f} s ({subject})", retry_after=wish)
        delay = max(wish or 0.0, random.SystemRandom().uniform(0, self._backoff * 2**attempt))
        reason = outcome.status if isinstance(outcome, Answer) else outcome
        logger.warning("%s: attempt %d of %d failed (%s), next in %.1f s", subject, attempt, ATTEMPTS, reason, delay)
        self._sleep(delay)


def _check_certificates(what: str, configuration: Configuration) -> None:
    """Refuse certificates and keys that TLS does not take, which would else be noticed by each request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # empty: those of the machine are of no use here
    for fields, load_it in (
        ("certificate-authority of its cluster is not a PEM certificate", _load_authority),
        ("client-certificate and client-key of its user are not a PEM pair", _load_pair),
    ):
        try:
            load_it(context, configuration)
        except (OSError, ValueError) as error:
            cause = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
            raise InvalidInput(f"{what}: {fields} that can be read ({cause}); put those of the cluster there") from None


def _load_authority(context: ssl.SSLContext, configuration: Configuration) -> None:
    if configuration.ssl_ca_cert:
        context.load_verify_locations(configuration.ssl_ca_cert)


def _load_pair(context: ssl.SSLContext, configuration: Configuration) -> None:
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file, password="")  # never ask a terminal


def _use_proxy(configuration: Configuration, url: str) -> None:
    """Send everything through the proxy of a kubeconfig ("" for none); what the machine says of proxies does not count."""
    configuration.proxy = configuration.no_proxy = None
    if not url:
        return
    parts = urlsplit(url)
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        configuration.proxy_headers = urllib3.make_headers(proxy_basic_auth=login)
    configuration.proxy = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _unreachable(error: Exception, name: str, subject: str) -> RemoteUnavailable:
    """Names the cause without repeating a URL's credentials: urllib3 puts host and path into its texts, no headers."""
    cause = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason else error
    refused = isinstance(cause, urllib3.exceptions.NewConnectionError)  # which urllib3 counts among the timeouts
    if isinstance(cause, urllib3.exceptions.TimeoutError) and not refused:
        return RemoteUnavailable(f"{subject}: {name} did not answer in time")
    if isinstance(cause, urllib3.exceptions.SSLError | ssl.SSLError):
        text = f"{subject}: no trusted TLS connection to {name}: {cut(str(cause))}"
        return RemoteUnavailable(f"{text}; check the connection's CA")
    return RemoteUnavailable(f"{subject}: {name} cannot be reached: {cut(str(cause))}")


def _is_brief(error: HedgehogError) -> bool:
    """Whether the next try may do better at once. Who let us wait to the end would let us wait as long again."""
    return not isinstance(error.__cause__, urllib3.exceptions.ReadTimeoutError)


OpenCluster = Callable[[str], Cluster]
"""From an Airflow connection id to the cluster; raises only `hedgehog.errors`."""
