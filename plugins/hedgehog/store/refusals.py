"""Refusals of the tables of fabrics and repositories, in words for the person who wrote the row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import psycopg2.errors

from hedgehog.errors import AlreadyExists, InvalidInput

CONSTRAINTS = {
    "fabric_resource_name_is_unique": "another fabric has this name but for upper and lower case; both would be one Kubernetes resource",
    "fabric_name_is_dns_1123": "a name is letters, digits, '-' and '.', starting and ending with a letter or digit, at most 63 long",
    "fabric_name_check": "a name is 1 to 63 characters long",
    "fabric_git_sync_needs_repository": "git_sync_enabled needs git_repository",
    "fabric_k8s_sync_needs_connection": "enable_k8s_sync needs kubernetes_connection_id",
    "fabric_git_directory_is_unique": "another fabric has this directory of this repository",
    "fabric_git_directory_is_a_path": "git_directory is a relative path of letters, digits, '.', '_', '-' without '..' or hidden parts",
    "fabric_asn_check": "asn is 1 to 4294967295",
    "fabric_spine_count_check": "spine_count is 0 or more",
    "fabric_leaf_count_check": "leaf_count is 0 or more",
    "git_repository_url_has_no_password": "a URL carries no password; put it into an Airflow connection and name that in connection_id",
    "git_repository_url_branch_key": "another repository row has this URL and branch",
    "fabric_description_check": "description has at most 4000 characters",
    "fabric_kubernetes_connection_id_check": "a connection id is 1 to 200 letters, digits, '.', '_' and '-'",
    "fabric_kubernetes_namespace_check": "kubernetes_namespace is a Kubernetes name of at most 63 characters",
    "fabric_source_of_truth_check": "source_of_truth is database or git",
    "fabric_git_drift_policy_check": "git_drift_policy is hold, overwrite or adopt",
    "fabric_drift_policy_check": "drift_policy is report, correct or adopt",
    "fabric_drift_policies_check": "drift_policies is a mapping of kinds to report, correct or adopt",
    "fabric_drift_outside_windows_check": "drift_outside_windows is wait or correct",
    "fabric_prune_policy_check": "prune_policy is delete or orphan",
    "fabric_prune_max_objects_check": "prune_max_objects is 0 or more",
    "fabric_prune_max_percent_check": "prune_max_percent is 0 to 100",
    "fabric_conflict_policy_check": "conflict_policy is report or force",
    "fabric_resync_seconds_check": "resync_seconds is 60 to 86400",
    "fabric_spine_leaf_links_check": "spine_leaf_links is a mapping",
    "fabric_vpc_peering_config_check": "vpc_peering_config is a mapping",
    "fabric_switch_config_check": "switch_config is a mapping",
    "fabric_settings_check": "settings is a mapping",
    "fabric_labels_check": "labels is a mapping with the syntax of Kubernetes labels",
    "fabric_variables_check": "variables is a mapping of names to strings, numbers, true or false",
    "git_repository_name_check": "a name is 1 to 200 letters, digits, '.', '_', '-' and '/', and begins with a letter or digit",
    "git_repository_url_check": "url is 1 to 500 characters long",
    "git_repository_branch_check": "branch is a Git branch name of letters, digits, '.', '_', '/', '+' and '-'",
    "git_repository_connection_id_check": "a connection id is 1 to 200 letters, digits, '.', '_' and '-'",
    "git_repository_author_name_check": "author_name is one line of 1 to 100 characters without < and >",
    "git_repository_author_email_check": "author_email is 1 to 200 characters without blanks, < and >",
    "git_repository_verify_check": "verify is none, warn or require",
    "git_repository_allowed_signers_check": "allowed_signers has at most 65536 characters",
    "git_repository_push_check": "push is direct or pull_request",
    "git_repository_pull_requests_check": "pull_requests is a mapping",
    "git_repository_verify_needs_signers": "verify needs allowed_signers: without any, no commit could be taken in",
}
"""What a violated constraint of a fabric or repository means, for the person who wrote the row."""


@contextmanager
def refusals(owner: str) -> Iterator[None]:
    """Turn refusals of the tables in the block into errors that name *owner* and the setting."""
    try:
        yield
    except psycopg2.IntegrityError as error:
        raise _refusal(error, owner) from error
    except psycopg2.DataError as error:
        raise InvalidInput(f"{owner}: {str(error).splitlines()[0]}") from error


def _refusal(error: psycopg2.IntegrityError, owner: str) -> InvalidInput | AlreadyExists:
    constraint = error.diag.constraint_name or ""
    detail = CONSTRAINTS.get(constraint) or f"{error.diag.message_primary} ({constraint})"
    if isinstance(error, psycopg2.errors.NotNullViolation):
        detail = f"{error.diag.column_name} is missing"
    cause = AlreadyExists if isinstance(error, psycopg2.errors.UniqueViolation) else InvalidInput
    return cause(f"{owner}: {detail}")
