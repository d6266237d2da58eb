"""The readers of the drawn input. Each may return, or raise an error of `hedgehog.errors`; anything else is a finding."""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from devstack import postgres
from devstack.fuzz import inputs
from devstack.fuzz.trees import Host, Tree, bombs, trees
from hedgehog import errors
from hedgehog.admission.files import check_files
from hedgehog.errors import HedgehogError
from hedgehog.fabric.model import Fabric, GitRepository, Manifest, ObjectRef, Revision
from hedgehog.fabric.settings import FabricSettings
from hedgehog.gitops import commit as commits
from hedgehog.gitops.addresses import RepositoryAddress, same_repository
from hedgehog.gitops.merge import merge_directories
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import GitCredentials, Remote
from hedgehog.hosts.registry import host_types
from hedgehog.manifests import configuration, intake, yaml
from hedgehog.services.pull_requests import fabrics as pull_request_fabrics
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.repository import webhook
from hedgehog.services.validation import find_refusals
from hedgehog.store import database, fabrics, migrate
from hedgehog.store.database import Connection

OURS = frozenset(
    name for name, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, HedgehogError)
)
_EVENTS = ("push", "pull_request", "create", "delete", "ping", "issues", "\0")
_COMMIT = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
_REPOSITORY = {"full_name": "acme/net", "clone_url": "https://git.example.com/acme/net.git"}
_PAYLOADS: tuple[dict[str, Any], ...] = (
    {
        "ref": "refs/heads/main",
        "before": "0" * 40,
        "after": _COMMIT,
        "forced": False,
        "repository": _REPOSITORY,
        "sender": {"login": "ada"},
        "commits": [{"id": _COMMIT, "message": "x\n\nHedgehog-Fabric: lab", "committer": {"email": "a@example.com"}}],
    },
    {
        "action": "opened",
        "number": 7,
        "repository": _REPOSITORY,
        "pull_request": {
            "merged": False,
            "head": {"ref": "topic", "sha": _COMMIT, "repo": _REPOSITORY},
            "base": {"ref": "main", "sha": _COMMIT, "repo": _REPOSITORY},
        },
    },
    {"ref": "v1", "ref_type": "tag", "repository": _REPOSITORY},
)


@dataclass(frozen=True)
class Target:
    """Something that reads input from outside."""

    name: str
    drawn: SearchStrategy[Any]
    read: Callable[[Any], None]


class ForeignOutcome(Exception):
    """An outcome was recorded whose error is not one of ours."""


@dataclass
class Lab:
    """The real servers behind some targets."""

    connection: Connection
    host: Host
    cache: Path
    fabric: Fabric

    def targets(self) -> tuple[Target, ...]:
        """All of them."""
        deliveries = st.tuples(st.sampled_from(_EVENTS), inputs.names, _bodies)
        return (
            Target("YAML loader", inputs.yaml_texts, read_yaml),
            Target("validation", st.lists(inputs.manifests(), max_size=5), self.validate),
            Target("validation of text", inputs.yaml_texts, self.validate_text),
            Target("webhook", deliveries, self.deliver),
            Target("tree reader", st.tuples(trees(), trees()), self.read_trees),
            Target("tree bombs", bombs, self.read_bomb),
            Target("URLs", st.tuples(inputs.urls, inputs.urls, inputs.names), read_urls),
            Target("names and refs", inputs.names, read_names),
        )

    def validate(self, manifests: list[Manifest]) -> None:
        """Objects that are valid YAML, but seldom valid otherwise."""
        self.validate_text(b"\n---\n".join(inputs.text_of(one) for one in manifests))

    def validate_text(self, text: bytes) -> None:
        """Validate a file like `hedgehog validate`, an import and a sync."""
        check_files({"f.yaml": text}, FabricSettings()).entries  # noqa: B018 - it is made on demand
        try:
            documents = yaml.load(text, file="f.yaml")
        except HedgehogError:
            return
        accepted: dict[ObjectRef, Manifest] = {}
        for item in (item for document in documents for item in intake.items(document)):
            if configuration.is_configuration(item.manifest):
                configuration.read_configuration(item)
            elif not isinstance(found := intake.accept_manifest(item, namespace="default"), list):
                accepted[found.ref] = found.manifest
        find_refusals(self.fabric, list(accepted.values()), [])
        find_refusals(self.fabric, [], copy.deepcopy(list(accepted.values())))

    def deliver(self, drawn: tuple[str, str, bytes]) -> None:
        """A proven delivery with any header and any body, to each host's webhook."""
        event, delivery_id, body = drawn
        for host in host_types().values():
            if (hook := host.webhook) is None:
                continue
            proofs = dict.fromkeys(("webhook-id", *map(str.lower, hook.proofs)), delivery_id) | {
                "webhook-timestamp": event
            }
            hook.is_believed(proofs, body, ["secret", "whsec_c2VjcmV0"], now=datetime.now(UTC))
            given = "d-1" if len(delivery_id) % 2 else delivery_id
            headers = {hook.event.lower(): event, hook.delivery.lower(): given}
            with suppress(HedgehogError):
                webhook.receive(self.connection, hook, headers, body, repository="net")

    def read_trees(self, drawn: tuple[Tree, Tree]) -> None:
        """One tree, then another on top of it, and the merge of a third."""
        first = self.host.publish(self.host.build(drawn[0]))
        self._follow()
        second = self.host.publish(self.host.build(drawn[1]), parent=first)
        self._follow()
        other = self.host.publish(self.host.build(drawn[0]), parent=first, branch="topic")
        self._merge(second, other)

    def read_bomb(self, drawn: tuple[int, int, bytes]) -> None:
        """A small repository that stands for very many files."""
        first = self.host.publish(self.host.build(Tree(((b"a.yaml", b"100644", b"a: 1\n"),))))
        second = self.host.publish(self.host.bomb(*drawn), parent=first)
        self._follow()
        self._merge(first, second)

    def _follow(self) -> None:
        for look in repository_changes.follow(self.connection, ["fuzz"], open_mirror=self._mirror, run_id="fuzz"):
            told = [type(look.error).__name__] if look.error else []
            told += [outcome.error_class for outcome in look.outcomes if outcome.error_class]
            if strange := [name for name in told if name not in OURS]:
                reasons = [outcome.reason for outcome in look.outcomes]
                raise ForeignOutcome(f"{', '.join(strange)}: {look.error or reasons}")

    def _merge(self, base: str, head: str) -> None:
        mirror = self._mirror(fabrics.load_repositories(self.connection)[0])
        with suppress(HedgehogError):
            for commit in (base, head):
                mirror.fetch(commit)
            merge_directories(mirror, base, head, ["fabrics/lab", ""])

    def _mirror(self, repository: GitRepository) -> Mirror:
        return Mirror(self.cache, Remote(repository.url, repository.branch))


_bodies = st.binary(max_size=60) | inputs.odd_values.map(inputs.text_of) | inputs.deep().map(inputs.text_of)
_bodies |= st.sampled_from(_PAYLOADS).flatmap(lambda one: inputs.changed(lambda: one)).map(inputs.text_of)
_bodies |= st.sampled_from(_PAYLOADS).map(orjson.dumps)


def read_yaml(text: bytes) -> None:
    """The loader alone, and the positions it promises."""
    documents, _ = yaml.parse_documents(text, file="f.yaml")
    for document in documents:
        document.position(("spec", "a", 0))


def read_urls(drawn: tuple[str, str, str]) -> None:
    """Anything that a row, an argument or a payload may have as a URL."""
    url, other, branch = drawn
    RepositoryAddress.of(url)
    same_repository(url, other)
    pull_request_fabrics.repository_name(url)
    GitCredentials(token="secret-token").redact(url)
    for address, name in ((url, "main"), ("https://example.com/a.git", branch)):
        with suppress(HedgehogError):
            str(Remote(address, name))


def read_names(name: str) -> None:
    """Refs of objects and revisions (both may raise ValueError), paths, names of repositories."""
    parsers: tuple[Callable[[str], object], ...] = (ObjectRef.parse, Revision.parse)
    for parse in parsers:
        with suppress(ValueError):
            parse(name)
    for check in (commits.check_path, pull_request_fabrics.parse_repository):
        with suppress(HedgehogError):
            check(name)


_numbers = itertools.count(1)


@contextmanager
def lab(directory: Path) -> Iterator[Lab]:
    """A fabric database and a Git host that is a directory, for the length of a block."""
    with ExitStack() as parts:
        server = postgres.start(directory / "postgres")
        parts.callback(postgres.stop, directory / "postgres")
        server.tune_for_tests()
        connection = database.connect(server.database("fuzz"))
        parts.callback(connection.close)
        migrate.migrate(connection)
        host = Host(directory / "host.git")
        fabrics.save_repository(connection, "fuzz", {"url": host.path.as_uri()})
        values = {"git_repository": "fuzz", "git_directory": "fabrics/lab", "git_sync_enabled": True}
        fabrics.save_fabric(connection, "lab", {**values, "source_of_truth": "git"})
        yield Lab(connection, host, directory / "clones", fabrics.load_fabric(connection, "lab"))
