"""A thin client of a JSON API: one authenticated request at a time, and every failure as one of our errors.

For hosts without a client library that is worth its dependency. Redirects are not followed: they would send the
credential to another address. Nothing is retried: a worker never waits for a host.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from requests.auth import AuthBase

from hedgehog.errors import AuthenticationFailed, HedgehogError, InvalidInput, RemoteUnavailable
from hedgehog.fabric.git_urls import GitUrl, without_login
from hedgehog.hosts import failures

TIMEOUT = 20
"""Seconds for one answer."""
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer that is read."""
MOST_PAGES = 200
"""A longer list is not used: it may not end."""

JSON = dict[str, Any]


def refuse_unsafe(base_url: str, title: str) -> None:
    """Raise InvalidInput unless *base_url* keeps a token secret, and itself carries none."""
    wrong = f"{without_login(base_url)}: is not an https URL of {title}'s API; a token would be seen on the wire"
    try:
        parts = GitUrl.parse(base_url)
    except InvalidInput:
        raise InvalidInput(wrong) from None
    if parts.has_login:
        raise InvalidInput("the API's URL carries a credential; put the token into the connection's password")
    if parts.transport != "https" and not (parts.transport == "http" and parts.is_loopback):
        raise InvalidInput(wrong)


def redacted(secrets: tuple[str, ...], error: HedgehogError) -> HedgehogError:
    """*error*, with no secret in its text."""
    text = str(error)
    for secret in secrets:
        text = text.replace(secret, "***")
    error.args = (text,)
    return error


@contextmanager
def understood(title: str) -> Iterator[None]:
    """Raises RemoteUnavailable where an answer lacks what the API of *title* always has: something else answered."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError):
        raise RemoteUnavailable(f"what answered has not the form of {title}'s API; check the base URL") from None


class _Header(AuthBase):
    """One header with the token; that it is there keeps `requests` from looking into a .netrc."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self.name] = self.value
        return request


class JsonApi:
    """The API of one host, with one token in the header *header*. Not for several threads at once."""

    def __init__(self, title: str, base_url: str, token: str | None, *, header: str, scheme: str = "") -> None:
        refuse_unsafe(base_url, title)
        if not token:
            raise InvalidInput(f"a connection to {title} needs a token (its password)")
        if not token.isascii() or not token.isprintable():
            raise InvalidInput(f"the token for {title} has characters that no token has; correct the password")
        self.title = title
        self.base_url = base_url.rstrip("/")
        self.token = token
        self._session = requests.Session()
        self._session.auth = _Header(header, f"{scheme} {token}".strip())
        self._session.headers["User-Agent"] = "hedgehog-on-airflow"

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON at *path*."""
        return self._json("GET", path, parameters=parameters)[0]

    def headers(self, path: str) -> Mapping[str, str]:
        """The headers of the answer at *path*, by their names in lower case."""
        return self._json("GET", path)[1]

    def entries(self, path: str) -> list[JSON]:
        """The entries of a list that has no pages."""
        return _entries(self.get(path), path)

    def text(self, path: str) -> str:
        """What is at *path*, as text."""
        return self._request("GET", path)[0].decode("utf-8", "replace")

    def pages(self, path: str, **parameters: str | int) -> Iterator[JSON]:
        """The entries of all pages of a list, by number, as long as the host names a next one.

        Raises RemoteUnavailable for a list of more than MOST_PAGES pages.
        """
        for page in range(1, MOST_PAGES + 1):
            answer, headers = self._json("GET", path, parameters={**parameters, "page": page})
            yield from _entries(answer, path)
            if 'rel="next"' not in headers.get("link", ""):
                return
        raise RemoteUnavailable(f"GET {path}: the list has more than {MOST_PAGES} pages; none of it is used")

    def post(self, path: str, body: JSON) -> Any:
        """Create something and return it."""
        return self._json("POST", path, body=body)[0]

    def patch(self, path: str, body: JSON) -> Any:
        """Change something and return it."""
        return self._json("PATCH", path, body=body)[0]

    def put(self, path: str, body: JSON) -> Any:
        """Replace something and return it."""
        return self._json("PUT", path, body=body)[0]

    def delete(self, path: str) -> None:
        """Delete something."""
        self._request("DELETE", path)

    def _json(
        self, verb: str, path: str, *, parameters: Mapping[str, str | int] | None = None, body: JSON | None = None
    ) -> tuple[Any, Mapping[str, str]]:
        content, headers = self._request(verb, path, parameters=parameters, body=body)
        try:
            return (json.loads(content) if content else None), headers
        except (ValueError, RecursionError):  # a proxy's or a portal's page
            raise RemoteUnavailable(
                f"{verb} {path}: what answered is not the API of {self.title}; check the base URL"
            ) from None

    def _request(
        self, verb: str, path: str, *, parameters: Mapping[str, str | int] | None = None, body: JSON | None = None
    ) -> tuple[bytes, Mapping[str, str]]:
        doing = f"{verb} {path}"
        try:
            with self._session.request(
                verb,
                f"{self.base_url}{path}",
                params=dict(parameters or {}),
                json=body,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as answer:
                content = _content(answer, doing)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                status = answer.status_code
        except requests.exceptions.SSLError as error:
            text = f"{doing}: the server's identity is not proven ({error}); check its certificate"
            raise redacted((self.token,), AuthenticationFailed(text)) from None
        except (requests.exceptions.RequestException, ValueError) as error:
            text = f"{doing}: {self.title} cannot be reached ({error})"
            raise redacted((self.token,), RemoteUnavailable(text)) from None
        if status >= 300:
            refusal = failures.refusal(status, headers, _shown(content), doing, title=self.title)
            raise redacted((self.token,), refusal)
        return content, headers


def _entries(answer: Any, path: str) -> list[JSON]:
    if not isinstance(answer, list) or not all(isinstance(one, dict) for one in answer):
        raise RemoteUnavailable(f"GET {path}: the answer is not a list of objects; check the base URL")
    return answer


def _content(answer: requests.Response, doing: str) -> bytes:
    found = bytearray()
    for part in answer.iter_content(64 * 1024):
        found += part
        if len(found) > LARGEST_ANSWER:
            raise InvalidInput(f"{doing}: the answer has more than {LARGEST_ANSWER} bytes")
    return bytes(found)


def _shown(content: bytes) -> Any:
    """What a refusal says, as JSON where it is that."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content[:1000].decode("utf-8", "replace")
