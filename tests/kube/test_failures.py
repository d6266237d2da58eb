"""Every refusal of an API server becomes the exception that its reaction needs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hedgehog.errors import (
    AdmissionRefused,
    AlreadyExists,
    AuthenticationFailed,
    DefinitionMissing,
    FieldConflict,
    HedgehogError,
    InvalidInput,
    NotFound,
    PermanentError,
    PermissionDenied,
    RateLimited,
    RemoteUnavailable,
    RetryableError,
    TooLarge,
)
from hedgehog.kube.failures import TEXT_LIMIT, Answer, failure, outage

CONFLICT: dict[str, Any] = {
    "reason": "Conflict",
    "details": {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "kubectl-edit" using g/v1',
                "field": ".spec.a",
            },
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "kubectl-edit" using g/v1',
                "field": ".spec.b",
            },
            {"reason": "FieldManagerConflict", "message": 'conflict with "flux"', "field": ".spec.c"},
        ]
    },
}
WEBHOOK = 'admission webhook "vvpc.kb.io" denied the request: at least one subnet is required'
NOT_READY = 'admission webhook "vgatewaypeering.kb.io" denied the request: vpcinfo not ready: a: retry later'
INITIALIZING = 'admission webhook "vvpc.kb.io" denied the request: fabric controller is initializing, retry shortly'
DATAPLANE = 'admission webhook "vgatewaypeering.kb.io" denied the request: dp-validator: {}'
UNTYPED = "failed to create typed patch object (default/s): .spec.bogus: field not declared in schema"


def answer(code: int, message: str = "no", **rest: Any) -> Answer:
    """A refusal as API servers write it."""
    return Answer(code, json.dumps({"kind": "Status", "message": message, "code": code} | rest).encode())


def failed(given: Answer) -> HedgehogError:
    """What happens to it."""
    return failure(given, "VPC/default/v", cluster="k8s_a", crd="vpcs.vpc.githedgehog.com")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (500, "etcdserver: request is too large"),
        (
            500,
            "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2300000 vs. 2097152)",
        ),
        (413, "Request entity too large: limit is 3145728"),
    ],
)
def test_an_object_that_is_too_large_waits_for_a_person(code: int, message: str) -> None:
    """It is not an outage: nothing is retried, and nothing else waits for it."""
    given = answer(code, message)
    error = failed(given)
    assert isinstance(error, TooLarge)
    assert "make it smaller or split it" in str(error)
    assert not given.transient


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer(400), InvalidInput),
        (answer(401), AuthenticationFailed),
        (answer(403), PermissionDenied),
        (answer(403, WEBHOOK), AdmissionRefused),
        (answer(403, NOT_READY), RetryableError),
        (answer(403, INITIALIZING), RetryableError),
        (answer(403, DATAPLANE.format("Found 0 vpcs but 1 peerings")), RetryableError),
        (answer(403, DATAPLANE.format("peering a refers to non-existent VPC vpc-1")), RetryableError),
        (answer(403, DATAPLANE.format("VPC prefixes overlap: 10.0.1.0/24 and 10.0.1.0/25")), AdmissionRefused),
        (answer(503, INITIALIZING), RemoteUnavailable),
        (answer(404, details={"name": "v"}), NotFound),
        (answer(404, details={"name": "nope", "kind": "namespaces"}), NotFound),
        (answer(404), DefinitionMissing),
        (Answer(404, b"404 page not found\n"), DefinitionMissing),
        (answer(405), InvalidInput),
        (answer(409, **CONFLICT), FieldConflict),
        (answer(409, reason="AlreadyExists"), AlreadyExists),
        (answer(409, reason="Conflict"), RetryableError),
        (answer(410, reason="Expired"), RetryableError),
        (answer(422), InvalidInput),
        (answer(429), RateLimited),
        (answer(500, UNTYPED), InvalidInput),
        (answer(500), RemoteUnavailable),
        (answer(503), RemoteUnavailable),
        (Answer(502, b"<html>bad gateway</html>"), RemoteUnavailable),
    ],
)
def test_a_refusal_is_sorted_by_reaction(given: Answer, expected: type[HedgehogError]) -> None:
    """One class each, and the message names the object or the cluster."""
    error = failed(given)
    assert type(error) is expected
    assert "VPC/default/v" in str(error) or "k8s_a" in str(error)


def test_a_controller_that_has_not_started_is_an_outage_of_all_writes() -> None:
    """Newer releases lock every write after an upgrade: the sync stops there and is tried again."""
    given = answer(503, INITIALIZING)
    assert given.transient
    text, is_webhook = outage(failed(given)) or ("", True)
    assert "fabric controller is initializing" in text
    assert not is_webhook


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (403, 'vpcs "v" is forbidden: unable to create new content in namespace fab because it is being terminated'),
        (403, 'vpcs "v" is forbidden: create not allowed while custom resource definition is terminating'),
        (405, "create not allowed while custom resource definition is terminating"),
        (403, 'vpcs "v" is forbidden: not yet ready to handle request'),
        (403, 'vpcs "v" is forbidden: status unknown for quota: objects, resources: count/vpcs.vpc.githedgehog.com'),
        (429, "storage is (re)initializing"),
    ],
)
def test_what_is_only_passing_is_tried_again_whatever_its_code(code: int, text: str) -> None:
    """Terminating, starting, not counted yet: no right is missing and nobody has to act."""
    error = failed(answer(code, text))
    assert isinstance(error, RetryableError)
    assert "grant" not in str(error)


def test_an_object_that_is_still_being_deleted_is_waited_for() -> None:
    """It is in the way of a new one, though nobody else has made it."""
    said = 'object is being deleted: vpcs.vpc.githedgehog.com "v" already exists'
    assert isinstance(failed(answer(409, said, reason="AlreadyExists")), RetryableError)
    assert isinstance(failed(answer(409, 'vpcs "v" already exists', reason="AlreadyExists")), AlreadyExists)


def test_an_admission_webhook_that_speaks_of_an_end_has_refused() -> None:
    """Its words are its own."""
    said = 'admission webhook "v.kb.io" denied the request: not allowed because it is being terminated'
    assert isinstance(failed(answer(403, said)), AdmissionRefused)


def test_a_used_up_quota_is_named_and_no_missing_right() -> None:
    """Somebody must raise it or make room."""
    error = failed(answer(403, 'vpcs "v" is forbidden: exceeded quota: objects, requested: 1, used: 9, limited: 9'))
    assert isinstance(error, PermissionDenied)
    assert "raise quota objects of k8s_a" in str(error)
    assert "grant" not in str(error)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 413, 415, 422])
def test_what_only_a_person_can_change_is_never_worth_a_retry(code: int) -> None:
    """S9: the original retried 401, 403, 404 and 422 three times."""
    assert isinstance(failed(answer(code)), PermanentError)
    assert not answer(code).transient


def test_a_field_conflict_names_every_manager_and_field() -> None:
    """So that somebody can release it there."""
    text = str(failed(answer(409, **CONFLICT)))
    assert "'kubectl-edit' owns .spec.a, .spec.b" in text
    assert "'flux' owns .spec.c" in text
    assert "conflict_policy" in text


def test_a_missing_definition_is_named() -> None:
    """What to install, in words that can be copied."""
    text = str(failed(Answer(404, b"404 page not found\n")))
    assert "install CRD vpcs.vpc.githedgehog.com (kubectl api-resources does not list it" in text


def test_the_remote_s_own_delay_is_kept() -> None:
    """The store waits that long."""
    error = failed(Answer(429, b"{}", retry_after=7.0))
    assert isinstance(error, RateLimited)
    assert error.retry_after == 7.0


def test_a_long_text_is_cut() -> None:
    """A proxy's page of HTML does not fill logs and rows."""
    assert len(str(failed(Answer(500, b"<p>\n" * 5000)))) < TEXT_LIMIT + 100


def test_an_answer_that_is_not_json_is_an_outage() -> None:
    """A captive portal is not an API server."""
    with pytest.raises(RemoteUnavailable, match="not JSON"):
        Answer(200, b"<html>").json()
