"""The few modules of the kubernetes library that a cluster's client needs, without its hundreds of generated ones.

`import kubernetes` executes every API and model that the library has: two seconds of processor time, in each command
and each task, for classes that nothing here uses. Below, its packages come without being executed, until somebody asks
one of them for a name that it does not have yet; then it is executed as ever. So any other code in this process that
uses the library (Airflow's provider) finds all of it.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_ON_DEMAND = frozenset({"kubernetes", "kubernetes.client", "kubernetes.client.models"})
_NEEDED = ("exceptions", "configuration", "rest", "api_client")
"""Modules of `kubernetes.client`, each after those that it imports."""
_lock = threading.RLock()


class _Package(ModuleType):
    """A package that is executed when it is first asked for a name that it does not have."""

    def __getattr__(self, name: str) -> Any:
        with _lock:
            loader = self.__dict__.pop("_loader_on_demand", None)
            if loader is not None:
                try:
                    loader.exec_module(self)
                except BaseException:
                    self._loader_on_demand = loader
                    raise
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None


class _OnDemand(Loader):
    """Creates a package and leaves its execution to the package."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Package(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["_loader_on_demand"] = self._loader


class _Finder(MetaPathFinder):
    """Finds the packages of _ON_DEMAND where they are, to be executed later."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path, target) if fullname in _ON_DEMAND else None
        if found is not None and found.loader is not None:
            found.loader = _OnDemand(found.loader)
        return found


@contextmanager
def _on_demand() -> Iterator[None]:
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def load() -> None:
    """Have `kubernetes.client` provide ApiClient, Configuration and `rest`, and `kubernetes.config` be importable.

    Changes nothing where the library is imported already. Safe for threads.
    """
    with _on_demand():
        client: Any = importlib.import_module("kubernetes.client")
        for name in _NEEDED:
            importlib.import_module(f"kubernetes.client.{name}")
    client.Configuration = client.configuration.Configuration
    client.ApiClient = client.api_client.ApiClient
