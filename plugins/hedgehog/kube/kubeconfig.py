"""Kubeconfigs: read once, checked, reduced to the one cluster and user that are used.

A kubeconfig can have a program run, a file of this machine sent as a token, or TLS left unchecked. Whoever may write a
connection or a file is not thereby somebody who may do that: each is refused unless the operator's setting permits it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from hedgehog.errors import InvalidInput, NotFound

SETTING = "kubeconfig_allow"
"""Of `[hedgehog]`: what kubeconfigs may do beyond tokens and certificates that they hold, as words with commas."""

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
    def of(cls, text: str) -> Permitted:
        """From the words of the setting: `plugins`, `insecure`, `files`. Raises InvalidInput for another word."""
        words = {word.strip() for word in text.split(",")} - {""}
        unknown = words - {"plugins", "insecure", "files"}
        if unknown:
            raise InvalidInput(f"[hedgehog] {SETTING} has {sorted(unknown)[0]!r}; it takes plugins, insecure, files")
        return cls("plugins" in words, "insecure" in words, "files" in words)


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
    InvalidInput, which quotes no content, for what is no kubeconfig or asks for something that is not *permitted*.
    """
    config = _read(source, name)
    try:
        chosen = str(context or config["current-context"])
        entry = _named(config, "context", chosen)
        cluster = dict(_named(config, "cluster", entry.get("cluster")) or {})
        user = dict(_named(config, "user", entry.get("user")) or {}) if entry.get("user") else {}
        server = urlsplit(str(cluster["server"]))
        host, proxy = server.hostname, str(cluster.get("proxy-url") or "")
    except LookupError as error:
        if isinstance(error, _Absent):
            raise InvalidInput(f"{name} has no {error.args[0]}") from None
        raise InvalidInput(f"{name} is no kubeconfig with a current context") from None
    except (TypeError, ValueError, AttributeError):
        raise InvalidInput(f"{name} is no kubeconfig with a current context") from None
    if server.scheme not in ("http", "https") or not host:
        raise InvalidInput(f"{name}: the server of its cluster is no http or https URL")
    if proxy and (server.scheme == "http" or urlsplit(proxy).scheme not in ("http", "https")):
        raise InvalidInput(f"{name}: its proxy-url must be an http or https URL, and its server an https URL")
    if skip_tls or is_yes(cluster.get("insecure-skip-tls-verify")):
        cluster["insecure-skip-tls-verify"] = True
    _check(name, cluster, user, permitted, plain=server.scheme == "http" and host not in _LOOPBACK)
    base = source.parent if isinstance(source, Path) else Path() if permitted.files else None
    for part in (cluster, user):
        _resolve_files(part, name, base)
    return Kubeconfig(chosen, _reduced(chosen, cluster, user), proxy)


def is_yes(value: Any) -> bool:
    """Whether a flag of a kubeconfig or connection is set; the text "false" is not."""
    return value is True or (isinstance(value, str | int) and str(value).strip().lower() in _YES)


class _Absent(LookupError):
    """A context, cluster or user that the kubeconfig does not have."""


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
        raise InvalidInput(f"{name} is no kubeconfig: it is no YAML and no JSON") from None
    if not isinstance(found, Mapping):
        raise InvalidInput(f"{name} is no kubeconfig with a current context")
    return found


def _named(config: Mapping[str, Any], kind: str, name: Any) -> Any:
    """The context, cluster or user of that name. Raises _Absent."""
    for item in config.get(f"{kind}s") or ():
        if item["name"] == name:
            return item.get(kind)
    raise _Absent(f"{kind} {name!r}")


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
