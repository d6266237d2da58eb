"""Which hosts there are: each folder beside this file that declares a `HOST`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from hedgehog import hosts
from hedgehog.errors import InvalidInput
from hedgehog.fabric.near import did_you_mean
from hedgehog.hosts.host import HostType
from hedgehog.hosts.plain import HOST as PLAIN


@cache
def host_types() -> Mapping[str, HostType]:
    """All types by name. A folder is imported once in a process."""
    found: dict[str, HostType] = {}
    for module in pkgutil.iter_modules(hosts.__path__):
        if module.ispkg:
            declared = importlib.import_module(f"{hosts.__name__}.{module.name}").HOST
            found[declared.name] = declared
    return found


def host_type(server: str, *, named: str = "", subject: str = "") -> HostType:
    """The type of the host at *server*: as *named*, else by the name of the server, else plain Git.

    Raises InvalidInput, about *subject*, where no type has that name.
    """
    types = host_types()
    if named:
        if named not in types:
            near = did_you_mean(named, sorted(types), otherwise=f"known are {', '.join(sorted(types))}")
            raise InvalidInput(f"{subject}: there is no host {named!r}; {near}")
        return types[named]
    return next((one for one in types.values() if one.is_at(server)), PLAIN)
