"""A pull request is checked as the cluster would take its merge result, and told so where people look."""

from __future__ import annotations

import pytest

from devstack.github import Outage
from devstack.unhydrated import make_wiring
from hedgehog.errors import AuthenticationFailed, InvalidInput, PermissionDenied, RateLimited, RemoteUnavailable
from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.ranges import ranges_of
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.settings import FabricSettings
from hedgehog.services.git import wanted_files
from hedgehog.services.pull_requests.verdict import ValidationStatus
from hedgehog.store import fabrics as fabric_store
from tests.services.pull_requests.validate_lab import OVERLAPS, VPC_2, key, lab, text, vpc

__all__ = ["key", "lab"]

WIRING = "fabrics/lab/wiring.yaml"
GOOD = text(vpc("vpc-2", "10.0.2.0/24", 1002))


def counts(validation, fabric=0):
    """Created, configured, deleted."""
    found = validation.fabrics[fabric].changes.counts()
    return found["created"], found["configured"], found["deleted"]


def rules(validation, fabric=0):
    """What is wrong, by rule and object."""
    return [(problem.rule, problem.ref) for problem in validation.fabrics[fabric].problems]


def test_a_good_pull_request_gets_a_green_check_and_says_what_merging_does(lab):
    """Created, configured, deleted, by fabric."""
    changed = text(vpc("vpc-1", "10.0.1.0/24", 1009))
    pull = lab.propose({VPC_2: GOOD, "fabrics/lab/vpc-1.yaml": changed})
    found = lab.validate(details_url="https://airflow.example.com/log")
    assert (found.status, counts(found), rules(found)) == (ValidationStatus.SUCCESS, (1, 1, 0), [])
    assert (lab.hub.checks[0]["conclusion"], lab.hub.checks[0]["head_sha"]) == ("success", found.head)
    assert "- VPC/default/vpc-1 configured\n  - `.spec" in pull.comments[0]["body"]
    assert "\n- VPC/default/vpc-2 created\n" in pull.comments[0]["body"]
    assert found.comment == pull.comments[0]["html_url"]


def test_a_fault_is_reported_with_file_and_line(lab):
    """On the check as an annotation, in the comment as a row."""
    pull = lab.propose({VPC_2: "# a comment\n" + OVERLAPS})
    found = lab.validate()
    assert (found.status, [ref for _, ref in rules(found)]) == (ValidationStatus.FAILURE, ["VPC/default/vpc-2"])
    (annotation,) = lab.hub.checks[0]["annotations"]
    assert lab.hub.checks[0]["conclusion"] == "failure"
    assert (annotation["path"], annotation["annotation_level"]) == (VPC_2, "failure")
    line = annotation["start_line"]
    assert ("# a comment\n" + OVERLAPS).splitlines()[line - 1].strip().startswith("subnet")
    assert f"`{VPC_2}:{line}`" in pull.comments[0]["body"]


def test_free_addresses_are_suggested_where_they_are_missing(lab):
    """At the object that lacks them; what refers to it is counted there, and not listed."""
    wiring = make_wiring(leaves=2, servers=1)[2:]
    pull = lab.propose({WIRING: text(*wiring)})
    found = lab.validate()
    problems = {one.ref: one for one in found.fabrics[0].problems if one.rule == "hydration-suggestion"}
    leaf = problems["Switch/default/leaf-02"]
    assert "asn: 65102" in leaf.message
    assert leaf.message in {one["message"].split(": ", 1)[-1].split(" write them")[0] for one in notes(lab, leaf)}
    assert "asn: 65102" in pull.comments[0]["body"]
    assert found.status is ValidationStatus.FAILURE
    assert "reference-refused" not in {rule for rule, _ in rules(found)}
    told = [one.message for one in found.fabrics[0].problems if one.ref == "Switch/default/leaf-01" and one.is_error]
    assert "(and 3 objects that refer to it)" in told[0]


def test_documents_of_other_tools_are_left_alone(lab):
    """They change no object, and are not a problem."""
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: net}\n"
    lab.propose({"fabrics/lab/other.yaml": other})
    found = lab.validate()
    assert (found.status, counts(found), rules(found)) == (ValidationStatus.SUCCESS, (0, 0, 0), [])


def test_with_the_suggested_values_the_check_is_green(lab):
    """They are free, and nothing is missing any more."""
    made = hydrate(make_wiring(servers=1), ranges_of(FabricSettings()), HydrationMode.MISSING)
    complete = {ObjectRef.of(one): one for one in [*make_wiring(servers=1)[2:], *made.objects]}
    lab.propose({WIRING: text(*complete.values())})
    found = lab.validate()
    assert (found.status, rules(found)) == (ValidationStatus.SUCCESS, [])


def notes(lab, problem):
    """The annotations at the place of a problem."""
    return [one for one in lab.hub.checks[0]["annotations"] if one["start_line"] == problem.line]


@pytest.mark.parametrize("spec", ["{settings: {enforced: false}}", "{nonsense: 1}", "{asn: 99999999999}"])
def test_a_pull_request_that_configures_the_fabric_wrongly_is_red(lab, spec):
    """Whether pushes are checked is not a pusher's to say; a mistyped setting would do nothing."""
    document = f"apiVersion: hedgehog-airflow/v1\nkind: Fabric\nmetadata: {{name: lab}}\nspec: {spec}\n"
    lab.propose({"fabrics/lab/fabric.yaml": document})
    found = lab.validate()
    assert found.status is ValidationStatus.FAILURE
    assert {problem.file for problem in found.fabrics[0].problems} == {"fabrics/lab/fabric.yaml"}


def test_with_a_token_it_is_a_status_and_review_comments(lab):
    """Only apps may write checks."""
    lab.as_app = False
    pull = lab.propose({VPC_2: OVERLAPS})
    found = lab.validate()
    assert [(one["sha"], one["state"]) for one in lab.hub.statuses] == [(found.head, "failure")]
    assert [(one["path"], one["line"]) for one in pull.review_comments] == [(VPC_2, found.fabrics[0].problems[0].line)]
    assert (lab.hub.checks, len(pull.comments)) == ([], 1)


@pytest.mark.parametrize("as_app", [True, False])
def test_a_second_push_updates_the_same_comment(lab, as_app):
    """One comment, whatever the number of pushes; a check on each head."""
    lab.as_app = as_app
    pull = lab.propose({VPC_2: OVERLAPS})
    first = lab.validate()
    head = lab.push(pull, {VPC_2: GOOD})
    second = lab.validate()
    assert (first.status, second.status, second.head) == (ValidationStatus.FAILURE, ValidationStatus.SUCCESS, head)
    assert first.comment == second.comment
    assert [("❌" in one["body"], head[:12] in one["body"]) for one in pull.comments] == [(False, True)]


def test_a_pull_request_from_a_fork_is_checked_like_any_other(lab):
    """Its files are read as data from the base repository; nothing of the fork is entered."""
    lab.hub.fork("acme/net", "eve/net")
    lab.person("gift", "eve/net").commit({VPC_2: OVERLAPS})
    lab.hub.open_pull("acme/net", "gift", fork="eve/net")
    assert lab.validate().status is ValidationStatus.FAILURE


def test_what_a_sync_publishes_is_without_fault(lab):
    """Its `fabric.yaml` is not a kind of Hedgehog's, its README no YAML."""
    fabric = fabric_store.load_fabric(lab.database, "lab")
    written = {one.path: one.content.decode() for one in wanted_files.layout(fabric)}
    lab.propose({**written, VPC_2: GOOD})
    found = lab.validate()
    assert (found.status, rules(found)) == (ValidationStatus.SUCCESS, [])


def test_a_deleted_file_deletes_its_objects(lab):
    """It is not an invalid file."""
    lab.propose({"fabrics/lab/vpc-1.yaml": None})
    found = lab.validate()
    assert (found.status, counts(found), rules(found)) == (ValidationStatus.SUCCESS, (0, 0, 1), [])


def test_a_renamed_file_changes_no_object(lab):
    """Git sees two files, the fabric one object."""
    lab.propose({"fabrics/lab/vpc-1.yaml": None, "fabrics/lab/vpcs/one.yaml": text(vpc("vpc-1", "10.0.1.0/24", 1001))})
    found = lab.validate()
    assert (found.status, counts(found), rules(found)) == (ValidationStatus.SUCCESS, (0, 0, 0), [])


def test_a_deletion_that_breaks_an_untouched_object_is_a_fault(lab):
    """The VPC needs its namespace; told at the file where the namespace was."""
    namespaces = lab.main.directory / "fabrics/lab/namespaces.yaml"
    lab.propose({"fabrics/lab/namespaces.yaml": namespaces.read_text().partition("---\n")[0]})
    found = lab.validate()
    assert found.status is ValidationStatus.FAILURE
    assert [(one.ref, one.file) for one in found.fabrics[0].problems] == [
        ("IPv4Namespace/default/default", "fabrics/lab/namespaces.yaml")
    ]


def test_a_refused_deletion_with_its_file_is_reported_in_the_comment(lab):
    """There is no line left to point at."""
    pull = lab.propose({"fabrics/lab/namespaces.yaml": None})
    assert lab.validate().status is ValidationStatus.FAILURE
    assert lab.hub.checks[0]["annotations"] == []
    assert "| deleted | `IPv4Namespace/default/default` |" in pull.comments[0]["body"]


def test_an_object_that_refers_to_what_is_refused_is_at_fault_where_it_says_so(lab):
    """The reference stands in an untouched file."""
    peering = vpc("vpc-1--vpc-2", "", 0) | {"kind": "VPCPeering", "spec": {"permit": [{"vpc-1": {}, "vpc-2": {}}]}}
    lab.main.commit({VPC_2: GOOD, "fabrics/lab/peering.yaml": text(peering)})
    lab.propose({VPC_2: None})
    found = lab.validate()
    assert found.status is ValidationStatus.FAILURE
    assert ("VPCPeering/default/vpc-1--vpc-2", "fabrics/lab/peering.yaml") in {
        (one.ref, one.file) for one in found.fabrics[0].problems
    }


def test_what_was_wrong_before_is_not_this_pull_requests_fault(lab):
    """It is counted, and nothing else."""
    lab.main.commit({"fabrics/lab/old.yaml": text(vpc("vpc-9", "192.168.0.0/24", 1009))})
    pull = lab.propose({VPC_2: GOOD})
    found = lab.validate()
    assert (found.status, rules(found)) == (ValidationStatus.SUCCESS, [])
    assert found.fabrics[0].older > 0
    assert "leaves alone" in pull.comments[0]["body"]


def test_touching_a_wrong_object_makes_it_ones_own(lab):
    """Who changes it has to put it right."""
    lab.main.commit({"fabrics/lab/old.yaml": text(vpc("vpc-9", "192.168.0.0/24", 1009))})
    lab.propose({"fabrics/lab/old.yaml": text(vpc("vpc-9", "192.168.1.0/24", 1009))})
    assert lab.validate().status is ValidationStatus.FAILURE


def test_the_merge_result_is_checked_and_not_the_head(lab):
    """Both sides are good alone; together their subnets overlap."""
    lab.propose({VPC_2: GOOD})
    lab.main.commit({"fabrics/lab/vpc-3.yaml": text(vpc("vpc-3", "10.0.2.0/25", 1003))})
    assert lab.validate().status is ValidationStatus.FAILURE


def test_what_the_branch_got_meanwhile_is_not_taken_for_a_deletion(lab):
    """The head is older than the branch and does not have its new files."""
    lab.propose({VPC_2: GOOD})
    lab.main.commit({"fabrics/lab/vpc-3.yaml": text(vpc("vpc-3", "10.0.3.0/24", 1003))})
    found = lab.validate()
    assert (found.status, counts(found)) == (ValidationStatus.SUCCESS, (1, 0, 0))


def test_a_conflict_cannot_be_verified_and_is_a_failure(lab):
    """Never neutral: a neutral required check lets a merge through."""
    pull = lab.propose({"fabrics/lab/vpc-1.yaml": text(vpc("vpc-1", "10.0.1.0/24", 1007))})
    lab.main.commit({"fabrics/lab/vpc-1.yaml": text(vpc("vpc-1", "10.0.1.0/24", 1008))})
    found = lab.validate()
    assert (found.status, found.reason) == (ValidationStatus.FAILURE, "could not verify lab")
    assert lab.hub.checks[0]["conclusion"] == "failure"
    assert "conflicts with the branch in fabrics/lab/vpc-1.yaml" in pull.comments[0]["body"].replace("\\", "")


def test_a_file_that_is_not_yaml_is_a_fault_and_deletes_nothing(lab):
    """What stood in it may still be meant."""
    lab.propose({"fabrics/lab/vpc-1.yaml": "kind: VPC\n  broken: [\n"})
    found = lab.validate()
    assert (found.status, counts(found)) == (ValidationStatus.FAILURE, (0, 0, 0))
    assert found.fabrics[0].problems[0].file == "fabrics/lab/vpc-1.yaml"


def test_a_file_that_is_too_large_is_a_fault(lab):
    """Nobody reads it, so nobody can say it is right."""
    lab.propose({VPC_2: "# " + "x" * 2**20 + "\n"})
    assert rules(lab.validate()) == [("file-unreadable", "")]


def test_a_pull_request_that_touches_no_fabric_passes_without_a_comment(lab):
    """It is green, because the check may be required; and quiet."""
    pull = lab.propose(
        {"README.md": "# other\n", "fabrics/lab/README.md": "# words\n", ".github/ci.yaml": "on: push\n"}
    )
    found = lab.validate()
    assert (found.status, found.reason, found.fabrics) == (ValidationStatus.SUCCESS, "no fabric is touched", ())
    assert (lab.hub.checks[0]["conclusion"], pull.comments) == ("success", [])


def test_another_branch_holds_no_fabric(lab):
    """A fabric lives on the branch of its repository row."""
    lab.person("develop")
    lab.propose({VPC_2: OVERLAPS}, base="develop")
    assert lab.validate().reason == "no fabric is touched"


def test_only_the_fabrics_below_the_changed_paths_are_checked(lab):
    """`fabrics/lab-2` is not below `fabrics/lab`, and a fabric inside another one has its files for itself."""
    lab.add_fabric("lab-2")
    lab.add_fabric("inner", git_directory="fabrics/lab/inner")
    lab.add_fabric("all", git_directory="other")
    lab.propose({"fabrics/lab-2/README.md": "", "fabrics/lab-2/n.yaml": "", "fabrics/lab/inner/vpc.yaml": OVERLAPS})
    assert [report.fabric for report in lab.validate().fabrics] == ["inner", "lab-2"]


@pytest.mark.parametrize(
    ("values", "reason"), [({"draft": True}, "it is a draft"), ({"state": "closed"}, "it is closed")]
)
def test_a_draft_or_closed_pull_request_is_left_alone(lab, values, reason):
    """Nothing is read and nothing said."""
    pull = lab.propose({VPC_2: OVERLAPS})
    vars(pull).update(values)
    found = lab.validate()
    assert (found.status, found.reason) == (ValidationStatus.SKIPPED, reason)
    assert [request.split()[0] for request in lab.hub.requests] == ["POST", "GET"]  # the app's token, the pull request


@pytest.mark.parametrize("name", ["acme/net-2", "other/net", "acme/ne", "github.com/acme/net"])
def test_another_repository_is_none_of_ours(lab, name):
    """Names match exactly, never by a part."""
    lab.propose({VPC_2: OVERLAPS})
    assert lab.validate(repository=name).status is ValidationStatus.SKIPPED
    assert lab.hub.requests == []


def test_a_name_with_its_host_and_in_capitals_is_found(lab):
    """As the clone URL has it; GitHub tells no names apart by case."""
    lab.propose({VPC_2: GOOD})
    assert lab.validate(repository=f"127.0.0.1:{lab.git.port}/Acme/Net").status is ValidationStatus.SUCCESS


def test_half_a_name_is_refused(lab):
    """Before anything is asked."""
    with pytest.raises(InvalidInput, match="owner/name"):
        lab.validate(repository="net")


def test_a_rate_limit_is_for_the_caller_to_come_back(lab):
    """Nothing was said on GitHub, so a required check still holds the merge."""
    lab.propose({VPC_2: GOOD})
    lab.hub.outages.append(Outage(403, {"message": "secondary rate limit"}, {"retry-after": "77"}, where="/pulls/1"))
    with pytest.raises(RateLimited) as caught:
        lab.validate()
    assert (caught.value.retry_after, lab.hub.checks) == (77.0, [])


def test_a_git_host_that_is_unreachable_is_for_the_caller_to_come_back(lab):
    """The pull request is not to blame."""
    lab.propose({VPC_2: GOOD})
    lab.git.outage = 503
    with pytest.raises(RemoteUnavailable):
        lab.validate()
    assert lab.hub.checks == []


def test_our_own_trouble_is_a_failure_there_and_an_error_here(lab):
    """A required check must not stay open for ever; strangers need not know what our trouble is."""
    pull = lab.propose({VPC_2: GOOD})
    lab.git.users = {"robot": "secret"}
    with pytest.raises(AuthenticationFailed):
        lab.validate()
    assert lab.hub.checks[0]["conclusion"] == "failure"
    assert "could not verify (AuthenticationFailed)" in pull.comments[0]["body"].replace("\\", "")
    assert "127.0.0.1" not in pull.comments[0]["body"]


def test_a_refused_comment_is_an_error(lab):
    """The app lacks a permission; the check is there already."""
    lab.propose({VPC_2: GOOD})
    lab.hub.outages.append(
        Outage(403, {"message": "Resource not accessible by integration"}, where="POST /repos/acme/net/issues")
    )
    with pytest.raises(PermissionDenied, match="permission"):
        lab.validate()


def test_a_push_during_the_check_is_checked_at_once(lab):
    """The comment is about the newest head, never an older one."""
    pull = lab.propose({VPC_2: OVERLAPS})
    pushed = []

    def open_mirror(repository):
        if not pushed:
            mirror = lab.open_mirror(repository)
            mirror.fetch(lab.hub.synchronize(pull), ref="refs/pull/1/head")
            pushed.append(lab.push(pull, {VPC_2: GOOD}))
            return mirror
        return lab.open_mirror(repository)

    found = lab.validate(open_mirror=open_mirror)
    assert (found.status, found.head) == (ValidationStatus.SUCCESS, pushed[0])
    assert [check["head_sha"] for check in lab.hub.checks] == pushed


def test_the_result_is_plain_data_without_manifests(lab):
    """For XCom and for scripts."""
    lab.propose({VPC_2: GOOD})
    found = lab.validate().as_dict()
    (fabric,) = found.pop("fabrics")
    assert (found["status"], found["pull_request"], found["base"]) == ("success", 1, "main")
    assert fabric["counts"]["created"] == 1
    assert "spec" not in str(fabric["counts"])
