"""Kubeconfigs: read once, checked, reduced to the one cluster and user that are used.

A kubeconfig can have a program run, a file of this machine sent as a token, or TLS left unchecked. The right to write a
connection or a file must not include that: each is refused unless the operator's setting permits it.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import yaml

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.kube.failures import cut

SETTING = "kubeconfig_allow"
"""Of `[hedgehog]`: what kubeconfigs may do beyond tokens and certificates that they hold."""

_PLUGINS = ("exec", "auth-provider")
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LARGEST = 1 << 20
_YES = frozenset({"true", "yes", "on", "1"})


@dataclass(frozen=True, slots=True)
class Permitted:
    """What a kubeconfig may do; by default nothing of it."""

    plugins: bool = False
    """Get a credential from a program (`exec`, `auth-provider`)."""
    insecure: bool = False
    """Leave TLS unchecked, or do without it."""
    files: bool = False
    """Name files of this machine, where the kubeconfig itself is not one."""

    @classmethod
    def of(cls, words: Collection[str]) -> Permitted:
        """What the *words* of the setting name: `plugins`, `insecure`, `files`."""
        return cls(**dict.fromkeys(words, True))


STRICT = Permitted()


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """One checked cluster with its user, as a kubeconfig of its own; the secrets in it are kept out of `repr`."""

    context: str
    config: dict[str, Any]
    proxy: str = ""

    def __repr__(self) -> str:
        return f"Kubeconfig({self.context!r})"


def load(
    source: Path | str | Mapping[str, Any],
    context: str | None = None,
    *,
    name: str,
    permitted: Permitted = STRICT,
    skip_tls: bool = False,
) -> Kubeconfig:
    """The kubeconfig at a path, or of a text or mapping, with its current context by default. *name* is for messages.

    *skip_tls* asks for what `insecure-skip-tls-verify` asks for. Raises NotFound for a file that is not there, and
    InvalidInput, which quotes no content, for what is not a kubeconfig or asks for something that is not *permitted*.
    """
    config = _read(source, name)
    chosen = str(context) if context else _text(name, "current-context", config.get("current-context"))
    entry = _named(name, config, "context", chosen)
    cluster = _named(name, config, "cluster", _text(name, f"cluster of context {chosen!r}", entry.get("cluster")))
    user = {}
    if entry.get("user") is not None:
        user = _named(name, config, "user", _text(name, f"user of context {chosen!r}", entry["user"]))
    server = _url(name, "server", cluster.get("server"), "https://kube.example.com:6443")
    proxy = cluster.get("proxy-url") or ""
    if proxy and server.scheme == "http":
        raise InvalidInput(f"{name}: a proxy-url needs a server with an https URL")
    if proxy:
        _url(name, "proxy-url", proxy, "http://proxy.example.com:3128", login=True)
    if skip_tls or is_yes(cluster.get("insecure-skip-tls-verify")):
        cluster["insecure-skip-tls-verify"] = True
    plain = server.scheme == "http" and server.hostname not in _LOOPBACK
    _check(name, cluster, user, permitted, plain=plain)
    _check_values(name, cluster, user)
    base = source.parent if isinstance(source, Path) else Path() if permitted.files else None
    for part in (cluster, user):
        _resolve_files(part, name, base)
    return Kubeconfig(chosen, _reduced(chosen, cluster, user), proxy)


def is_yes(value: Any) -> bool:
    """Whether a flag of a kubeconfig or connection is set; the text "false" is not."""
    return value is True or (isinstance(value, str | int) and str(value).strip().lower() in _YES)


def _read(source: Path | str | Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        return source
    try:
        text: str | bytes = source.read_bytes() if isinstance(source, Path) else source
        if len(text) > _LARGEST:
            raise InvalidInput(f"{name} is larger than any kubeconfig")
        found = yaml.safe_load(text)
    except FileNotFoundError:
        raise NotFound(f"there is no kubeconfig at {source}; {name} names it: correct that, or put it there") from None
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, ValueError, RecursionError):  # their texts quote the content
        raise InvalidInput(f"{name} is not a kubeconfig: it is neither YAML nor JSON") from None
    if not isinstance(found, Mapping):
        raise InvalidInput(f"{name} is not a kubeconfig: it has no clusters, users and contexts")
    return found


def _text(name: str, field: str, value: Any) -> str:
    """The name that stands in *field*."""
    if value is None or value == "" or isinstance(value, list | dict):
        raise InvalidInput(
            f"{name}: its {field} {'is missing' if value in (None, '') else 'is not text'}; name one there"
        )
    return str(value)


def _named(name: str, config: Mapping[str, Any], kind: str, wanted: str) -> dict[str, Any]:
    """The content of the context, cluster or user of that name."""
    items = config.get(f"{kind}s")
    if items is not None and not (isinstance(items, list) and all(isinstance(item, Mapping) for item in items)):
        raise InvalidInput(
            f"{name}: its {kind}s must be a list of entries with `name` and `{kind}`, as kubectl writes them"
        )
    for item in items or ():
        if str(item.get("name")) == wanted:
            found = item.get(kind)
            if found is not None and not isinstance(found, Mapping):
                raise InvalidInput(f"{name}: the {kind} {wanted!r} must be a mapping, as kubectl writes it")
            return dict(found or {})
    there = ", ".join(repr(str(item.get("name"))) for item in items or ()) or "none at all"
    raise InvalidInput(f"{name} has no {kind} {wanted!r} among its {kind}s ({cut(there)})")


def _url(name: str, field: str, value: Any, example: str, *, login: bool = False) -> SplitResult:
    """The URL of a server or proxy. Its text is not quoted: it may hold a login."""
    wrong = InvalidInput(
        f"{name}: {field} of its cluster must be an http or https URL of a host and a port from 1 to 65535, such as "
        f"{example}{'' if login else ', without a login'}"
    )
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise wrong
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise wrong from None
    odd = parts.query or parts.fragment or (parts.username is not None and not login)
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or odd:
        raise wrong
    return parts


_TEXTS = (*_FILES, "tls-server-name", "token", "username", "password")
_DATA = ("certificate-authority-data", "client-certificate-data", "client-key-data")
_PAIRS = (("client-certificate", "client-key"), ("client-key", "client-certificate"))


def _check_values(name: str, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> None:
    """Refuse what the library, the TLS layer or HTTP would stumble over later, and what would be ignored."""
    for what, part in (("cluster", cluster), ("user", user)):
        for field in (*_TEXTS, *_DATA):
            value = part.get(field)
            if value is None:
                continue
            if not isinstance(value, str):
                raise InvalidInput(f"{name}: {field} of its {what} must be a text; put quotes around it")
            if field in _DATA:
                _check_base64(name, f"{field} of its {what}", value)
            elif not (value.isprintable() and value.isascii()) and field in ("token", "tls-server-name"):
                raise InvalidInput(
                    f"{name}: {field} of its {what} has a line break or another character that cannot be sent; give it "
                    "without"
                )
    for given, missing in _PAIRS:
        if _has(user, given) and not _has(user, missing):
            raise InvalidInput(f"{name}: its user has a {given} and no {missing}; give it both, or a token")
    if "as" in user or "as-groups" in user:
        raise InvalidInput(
            f"{name}: its user acts as another one (`as`), which is not supported; give it that one's token"
        )


def _check_base64(name: str, what: str, value: str) -> None:
    try:
        base64.b64decode("".join(value.split()), validate=True)
    except ValueError:
        raise InvalidInput(f"{name}: {what} is not base64; `base64 -w0 FILE` makes it of a PEM file") from None


def _has(user: Mapping[str, Any], field: str) -> bool:
    return bool(user.get(field) or user.get(f"{field}-data"))


def _check(
    name: str, cluster: Mapping[str, Any], user: Mapping[str, Any], permitted: Permitted, *, plain: bool
) -> None:
    if not permitted.plugins and any(plugin in user for plugin in _PLUGINS):
        raise InvalidInput(
            f"{name}: its user gets the credential from a program (exec or auth-provider), which this product does not "
            f"run; use a token or a client certificate, or permit plugins by [hedgehog] {SETTING}"
        )
    if not permitted.insecure and (plain or cluster.get("insecure-skip-tls-verify") is True):
        raise InvalidInput(
            f"{name}: it would trust any server (insecure-skip-tls-verify, or plain http), which is refused; give it the "
            f"cluster's certificate-authority-data, or permit insecure by [hedgehog] {SETTING}"
        )


def _resolve_files(part: dict[str, Any], name: str, base: Path | None) -> None:
    """Make the files that *part* names absolute, as seen from *base*; refuse them without a base."""
    for key in _FILES:
        path = part.get(key)
        if not path or part.get(f"{key}-data") or (key == "tokenFile" and part.get("token")):
            part.pop(key, None)
        elif base is None:
            raise InvalidInput(
                f"{name}: {key} names a file of this machine, which a connection may not do; put its content into "
                f"{'token' if key == 'tokenFile' else key + '-data'}, use kube_config_path, or permit files by [hedgehog] "
                f"{SETTING}"
            )
        else:
            part[key] = str((base / str(path)).absolute())


def _reduced(context: str, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": {"cluster": "cluster", "user": "user"}}],
        "clusters": [{"name": "cluster", "cluster": dict(cluster)}],
        "users": [{"name": "user", "user": dict(user)}],
    }
