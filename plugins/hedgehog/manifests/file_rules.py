"""Rules of files and their content, which are checked before the objects in them."""

from __future__ import annotations

from hedgehog.manifests.rule import Severity, rule

_LOADER = "sigs.k8s.io/yaml, strict decoding by the API server"
_OURS = "ours"

SYNTAX = rule(
    "yaml-syntax",
    what="A file is YAML.",
    why="Nothing after that place can be read.",
    source=_LOADER,
    fix="look at the indentation, quotes and brackets at that place; indent with spaces, not tabs",
)
ENCODING = rule(
    "yaml-encoding",
    what="A file is UTF-8 text without control characters.",
    why="YAML readers refuse anything else, and control characters deceive terminals and databases.",
    source="YAML 1.2, section 5.1",
    fix="save the file as UTF-8 and remove the character",
)
LIMIT = rule(
    "yaml-limit",
    what="Files and documents are small enough, and not nested too deeply, for a cluster to store them.",
    why="A small file can stand for gigabytes, and etcd accepts about a megabyte per object.",
    source="ours; etcd's limit of a request",
    fix="split the file or the object",
)
UNREADABLE = rule(
    "file-unreadable",
    what="Everything in the directory of a fabric is an ordinary file or directory that can be read.",
    why="What is behind a link, in a submodule or beyond a limit is not read, and is not taken for deleted either.",
    source=_OURS,
    fix="put an ordinary file or directory there, with a plain name, small enough to be read",
)
KUSTOMIZATION = rule(
    "kustomization-not-followed",
    what="A kustomization beside the objects of a fabric only lists files of the same directory.",
    why="The files are read as they are, so that the fabric would have other objects than those that Kustomize makes.",
    source=_OURS,
    fix="write out what it makes (`kustomize build`), or remove what the message names",
    severity=Severity.WARNING,
)
ALIAS = rule(
    "yaml-alias",
    what="A file has no aliases.",
    why="A few of them can stand for millions of values, and a reader sees only the name.",
    source=_OURS,
    fix="repeat the value where the alias is",
)
MERGE_KEY = rule(
    "yaml-merge-key",
    what="A file has no merge keys.",
    why="An object must state its own fields; readers differ about what `<<` does.",
    source=_OURS,
    fix="repeat the fields where `<<` is",
)
TAG = rule(
    "yaml-tag",
    what="Values have no tags.",
    why="A tag can mean anything to the program that reads it.",
    source=_OURS,
    fix='write the value without its tag, and a string in quotes: "12"',
)
DUPLICATE_KEY = rule(
    "yaml-duplicate-key",
    what="A key occurs only once in a mapping.",
    why=(
        "One of the values is lost, and which one depends on the reader; the API server refuses it under "
        "strict validation."
    ),
    source=_LOADER,
    fix="remove one of the two",
)
KEY = rule(
    "yaml-key",
    what="Keys are text.",
    why="`on:`, `1:` and `null:` are read as a boolean, a number and nothing.",
    source=_LOADER,
    fix='put the key in quotes: "on":',
)
NUMBER = rule(
    "yaml-number",
    what="Numbers are finite.",
    why="JSON, which the API server speaks, has no infinity.",
    source=_LOADER,
    fix='write a finite number, or a string in quotes: ".inf"',
)
DOCUMENT = rule(
    "yaml-document",
    what="A document is a mapping.",
    why="Anything else is not a Kubernetes object.",
    source=_LOADER,
    fix="begin it with apiVersion, kind, metadata and spec, or remove it",
)
RENAMED = rule(
    "kind-renamed",
    what="A kind has the name that Hedgehog gives it now.",
    why="A cluster answers `no matches for kind`.",
    source="githedgehog/fabric api/",
    fix="write the new kind; some fields may have changed with it",
)
REMOVED = rule(
    "kind-removed",
    what="A kind still exists.",
    why="Some kinds were removed before Beta-1 (October 2024); a cluster answers `no matches for kind`.",
    source="githedgehog/fabric api/",
    fix="remove the object",
)
CONTROLLER = rule(
    "kind-controller",
    what="Users do not write objects of kinds that Hedgehog's controllers write.",
    why="The controller would overwrite it, or the controller and Git would keep overwriting each other.",
    source="githedgehog/fabric pkg/ctrl",
    fix="remove the object from the files; the cluster creates it",
)
FOREIGN_FABRIC = rule(
    "kind-fabric",
    what="A Fabric is this product's own kind.",
    why="Upstream has no such kind yet, and other tools use the name for something else.",
    source=_OURS,
    fix="write wiring.githedgehog.com/v1alpha2 or hedgehog-airflow/v1, or remove it",
)
CONFIGURATION_FIELD = rule(
    "configuration-field",
    what="A configuration document has only known fields, with values that the fabric database accepts.",
    why="A mistyped setting would silently stay as it was.",
    source=_OURS,
    fix="correct the field; docs/validation.md lists the settings",
)
CONFIGURATION_OWNER = rule(
    "configuration-owner",
    what="A file in Git sets only what may be set in Git.",
    why=("A user who may push must not be able to choose another cluster, allow a larger prune, or switch checks off."),
    source=_OURS,
    fix="remove the field from the file; an operator of the fabric database sets it",
)
FABRICATOR_FIELD = rule(
    "fabricator-config",
    what="The settings in a Fabricator can be read.",
    why=(
        "Without them it is unknown which VLANs, subnets and ASNs the other objects may use; defaults are used instead."
    ),
    source="githedgehog/fabricator api/fabricator/v1beta1, Fabricator.Validate",
    fix="correct the field; left out, it has upstream's default",
)
SECRET = rule(
    "secret-in-manifest",
    what="A manifest contains neither a password nor a token.",
    why="Everybody who can read the repository can read it, even after it was removed.",
    source=_OURS,
    fix="leave the field out where the file goes to Git; the cluster keeps what it has",
    severity=Severity.WARNING,
)
MORE_ERRORS = rule(
    "object-more-errors",
    what="Only the first errors of an object are reported, not hundreds.",
    why="Nobody reads hundreds of errors of one object.",
    source=_OURS,
    fix="correct those that are reported, and check again",
)
MORE_WARNINGS = rule(
    "object-more-warnings",
    what="Only the first warnings of an object are reported, not hundreds.",
    why="Nobody reads hundreds of warnings about one object.",
    source=_OURS,
    fix="look at those that are reported, and check again",
    severity=Severity.WARNING,
)
NAMESPACE = rule(
    "object-namespace",
    what="An object whose kind is allowed in any namespace is in the namespace of its fabric.",
    why="A user who may push must not be able to write into the namespaces of others on the cluster.",
    source=_OURS,
    fix="remove metadata.namespace, or write that of the fabric (kubernetes_namespace)",
)
