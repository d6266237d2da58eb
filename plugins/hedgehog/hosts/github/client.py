"""GitHub's REST API: one authenticated request at a time, and every failure as one of our errors.

PyGithub signs in as an app, renews its hourly token, and keeps the connection open. Its own retries are off:
a worker never waits for a rate limit to end; the caller tries again at the time that GitHub names.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from github import Auth, Github, GithubException

from hedgehog.errors import AuthenticationFailed, HedgehogError, InvalidInput, PushRace, RemoteUnavailable
from hedgehog.hosts import failures
from hedgehog.hosts.http import TIMEOUT, redacted, refuse_unsafe, understood

WRITE_PAUSE = 1.0
"""Seconds between two writes, as GitHub asks. A validation makes a dozen at most."""
MOST_PAGES = 60
"""GitHub lists at most 3,000 files of a pull request, which is 30 pages."""
PAGE_SIZE = 100
"""Entries per page; GitHub gives no more."""
API_VERSION = "2022-11-28"


_GITHUB = "github.com"

JSON = dict[str, Any]


def api_url(host: str) -> str:
    """Where the API of a host is, by GitHub's conventions: github.com, an enterprise's ghe.com, or its own server."""
    if host == _GITHUB:
        return "https://api.github.com"
    return f"https://api.{host}" if host.endswith(".ghe.com") else f"https://{host}/api/v3"


@dataclass(frozen=True, slots=True)
class Credentials:
    """How we sign in to GitHub: with a token, or as an app with its private key and its installation."""

    token: str | None = field(default=None, repr=False)
    app_id: str | None = None
    installation_id: int | None = None
    private_key: str | None = field(default=None, repr=False)
    permissions: Mapping[str, str] | None = None
    """What an app's tokens may do, where that is to be less than the app may."""

    def __post_init__(self) -> None:
        if not self.token and not (self.app_id and self.installation_id and self.private_key):
            raise InvalidInput(
                "a GitHub connection needs a token (its password), or app_id, installation_id and private_key (its extra)"
            )

    @property
    def is_app(self) -> bool:
        """Whether it is an app: only apps may write check runs."""
        return not self.token

    def auth(self) -> Auth.Auth:
        """For PyGithub."""
        if self.token:
            return Auth.Token(self.token)
        permissions = dict(self.permissions) if self.permissions else None
        return Auth.AppAuth(self.app_id or "", self.private_key).get_installation_auth(
            self.installation_id or 0, permissions
        )


@dataclass(frozen=True, slots=True)
class _CachedPage:
    """A page that GitHub sent, and its ETag: GitHub does not count a request that finds it unchanged."""

    tag: str
    body: Any
    next_page: str | None


class Client:
    """One host's API, with one credential. Not for several threads at once."""

    def __init__(self, credentials: Credentials, *, base_url: str, write_pause: float = WRITE_PAUSE) -> None:
        refuse_unsafe(base_url, "GitHub")
        # At DEBUG it prints whole answers, and one of them is an app's token.
        logging.getLogger("github.Requester").setLevel(logging.INFO)
        self.credentials = credentials
        self.base_url = base_url.rstrip("/")
        self._github = Github(
            auth=credentials.auth(),
            base_url=self.base_url,
            timeout=TIMEOUT,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=write_pause or None,
            user_agent="hedgehog-on-airflow",
            api_version=API_VERSION,
        )
        self._cache: dict[str, _CachedPage] = {}

    def close(self) -> None:
        """Close the connection."""
        self._github.close()

    def token(self) -> str:
        """A token that is valid for the next minutes, for Git over https."""
        auth = self._github.requester.auth
        with _translated_errors("a token for the app", self._secrets):
            return auth.token if auth is not None else ""

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON at *path*. A page that did not change since the last call costs nothing of the rate limit."""
        return self._page(path, parameters)[0]

    def pages(self, path: str, **parameters: str | int) -> Iterator[JSON]:
        """The entries of all pages of a list at *path*.

        Raises RemoteUnavailable for a list that does not end: one that comes back to a page, or has more than MOST_PAGES,
        which is twice the longest that GitHub gives.
        """
        following: str | None = path
        parameters = {**parameters, "per_page": PAGE_SIZE}
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            if not following:
                return
            if following in seen:
                raise RemoteUnavailable(f"GET {path}: the list leads back to a page that was read; none of it is used")
            seen.add(following)
            entries, following = self._page(following, parameters)
            if not isinstance(entries, list):
                raise RemoteUnavailable(f"GET {path}: the answer is not a list; check the base URL")
            parameters = {}  # the link to the next page has them
            yield from entries
        if following:
            raise RemoteUnavailable(f"GET {path}: the list has more than {MOST_PAGES} pages; none of it is used")

    def post(self, path: str, body: JSON) -> Any:
        """Create something and return it."""
        return self._request("POST", path, body=body)[2]

    def patch(self, path: str, body: JSON) -> Any:
        """Change something and return it."""
        return self._request("PATCH", path, body=body)[2]

    def put(self, path: str, body: JSON) -> Any:
        """Do something and return what came of it."""
        return self._request("PUT", path, body=body)[2]

    def query(self, text: str, variables: JSON) -> Any:
        """Have GitHub's GraphQL API do what *text* says, and return its data.

        Raises PushRace if a branch is not where *variables* expect it, and InvalidInput with GitHub's words for a refusal
        that is of no other kind.
        """
        with _translated_errors("POST /graphql", self._secrets):
            answer = self._github.requester.graphql_query(text, variables)[1]
        with understood("GitHub"):
            return answer["data"]

    def _page(self, path: str, parameters: Mapping[str, str | int]) -> tuple[Any, str | None]:
        key = f"{path} {sorted(parameters.items())}"
        cached = self._cache.get(key)
        headers = {"If-None-Match": cached.tag} if cached else {}
        status, answered, body = self._request("GET", path, parameters=parameters, headers=headers)
        if status == 304 and cached:
            return cached.body, cached.next_page
        following = self._next_page(answered.get("link", ""))
        if "etag" in answered:
            self._cache[key] = _CachedPage(answered["etag"], body, following)
        return body, following

    def _request(
        self,
        verb: str,
        path: str,
        *,
        parameters: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        body: JSON | None = None,
    ) -> tuple[int, dict[str, str], Any]:
        doing = f"{verb} {path.partition('?')[0]}"
        sent = {"Accept": "application/vnd.github+json", **(headers or {})}
        with _translated_errors(doing, self._secrets):
            status, answered, text = self._github.requester.requestJson(
                verb, path, parameters=dict(parameters or {}), headers=sent, input=body
            )
        if status == 304 or (status < 300 and not text):
            return status, answered, None
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            if status < 300:  # a proxy's or a portal's page
                raise RemoteUnavailable(f"{doing}: what answered is not GitHub's API; check the base URL") from None
            answer = text
        if status >= 300:
            raise redacted(self._secrets, failures.refusal(status, answered, answer, doing, title="GitHub"))
        return status, answered, answer

    def _next_page(self, link: str) -> str | None:
        """The path behind `rel="next"` of a Link header, below our base URL: whatever host it names, ours is asked.

        Raises RemoteUnavailable for anything that is not a path: it would become part of the name of the host that gets
        the token.
        """
        for part in link.split(","):
            url, _, relation = part.partition(";")
            if 'rel="next"' in relation:
                return self._path(url.strip().strip("<>"))
        return None

    def _path(self, url: str) -> str | None:
        try:
            parts, base = urlsplit(url), urlsplit(self.base_url).path
        except ValueError:
            parts = None
        if parts is None or not parts.path.startswith("/"):
            raise RemoteUnavailable("the next page of a list has no path; check that the base URL is GitHub's API")
        path = parts.path.removeprefix(base) if parts.path.startswith(f"{base}/") else parts.path
        return f"{path}?{parts.query}" if parts.query else path

    @property
    def _secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in (self.credentials.token, self.credentials.private_key) if secret)


@contextmanager
def _translated_errors(doing: str, secrets: tuple[str, ...]) -> Iterator[None]:
    """Turns what PyGithub and its libraries raise into our errors. What they say may quote a secret: it is cut out."""
    try:
        yield
    except (GithubException, requests.exceptions.RequestException, jwt.PyJWTError, ValueError, RuntimeError) as error:
        raise redacted(secrets, _error(error, doing)) from None


_STALE = "STALE_DATA"
_STATUS = {"RATE_LIMITED": 429, "FORBIDDEN": 403, "INSUFFICIENT_SCOPES": 403}
"""What the REST API answers to a type of error of the GraphQL API."""
_ITS_OWN_FAULT = "Something went wrong while executing your query"


def _refused_query(error: GithubException, headers: Mapping[str, str], doing: str) -> HedgehogError:
    """Sorted by the types of the errors: the GraphQL API answers 200 to everything that it understands."""
    found = error.data.get("errors") if isinstance(error.data, dict) else None
    errors = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    types = [str(one.get("type") or "") for one in errors]
    if _STALE in types:
        return PushRace(f"{doing}: GitHub answered that the branch has moved ({errors[0].get('message')}); plan again")
    if any(_ITS_OWN_FAULT in str(one.get("message")) for one in errors):
        return failures.refusal(502, headers, error.data, doing, title="GitHub")
    status = next((_STATUS[one] for one in types if one in _STATUS), error.status)
    return failures.refusal(status, headers, error.data, doing, title="GitHub")


def _error(error: Exception, doing: str) -> HedgehogError:
    if isinstance(error, GithubException):
        headers = {name.lower(): str(value) for name, value in (error.headers or {}).items()}
        is_answer = isinstance(error.data, dict) and error.data.keys() & {"data", "errors"}
        if is_answer or error.status >= 500:  # of the GraphQL API
            return _refused_query(error, headers, doing)
        doing = f"{doing}: signing in as the app"
        return failures.refusal(error.status, headers, error.data, doing, title="GitHub")
    if isinstance(error, requests.exceptions.SSLError):
        return AuthenticationFailed(f"{doing}: the server's identity is not proven ({error}); check its certificate")
    if isinstance(error, requests.exceptions.RequestException):
        return RemoteUnavailable(f"{doing}: GitHub cannot be reached ({error})")
    if isinstance(error, RuntimeError):
        return InvalidInput(f"{doing}: {error}")  # redirected to another host or protocol
    return InvalidInput(f"{doing}: the app's private key cannot be used ({type(error).__name__}); it is PEM text")
