"""What Git says of one fabric at the head of its branch, without taking anything over."""

from __future__ import annotations

from hedgehog.errors import NotFound
from hedgehog.fabric.model import Fabric
from hedgehog.fabric.paths import LIMITS
from hedgehog.gitops.mirror import Mirror
from hedgehog.services.fabric_files import measured, set_aside
from hedgehog.services.git.neighbours import neighbours
from hedgehog.services.repository.branch import Commit
from hedgehog.services.repository.changes import left_directories
from hedgehog.services.repository.ingest import content_of, files_at, left_by_others
from hedgehog.services.repository.reading import FabricContent, read_files
from hedgehog.services.repository.vanished import unread
from hedgehog.store.database import Connection


def read_head(connection: Connection, mirror: Mirror, fabric: Fabric) -> tuple[str, FabricContent]:
    """The revision at the head, and what the fabric's files say there. Raises NotFound without branch or directory."""
    head, repository = mirror.head(), fabric.git_repository
    if head is None or repository is None:
        raise NotFound(f"{mirror.remote}: the branch does not exist")
    mirror.fetch(head)
    commit = Commit(mirror, head)
    files = files_at(mirror, commit, fabric, neighbours(connection, repository))
    left = left_by_others(left_directories(connection, repository), fabric)
    files = set_aside(files, left, around=fabric.git_directory)
    measured(files.wanted, mirror.size, place=fabric.git_directory, limits=LIMITS)
    contents = ((path, blob, content_of(mirror, blob)) for path, blob in sorted(files.wanted.items()))
    beside = unread(files, mirror.read, limits=LIMITS, namespace=fabric.kubernetes_namespace)
    return str(commit.revision), read_files(fabric, contents, {}, beside)
