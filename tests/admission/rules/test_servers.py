"""What a cluster says of Servers, SwitchGroups and ServerProfiles."""

from __future__ import annotations

from devstack.objects import make, make_server
from hedgehog.admission.review import Admission
from hedgehog.fabric.settings import FabricSettings


def test_a_server_is_deleted_after_its_connections() -> None:
    """While it is connected the delete is refused and names the Connections; a server without any can be deleted."""
    admission = Admission(FabricSettings(), [make_server("srv-01"), make_server("srv-02")])
    for number in range(4):
        label = {"server.fabric.githedgehog.com/srv-01": "true"}
        admission.put(make("Connection", f"c{number}", labels=label))
    assert [str(one) for one in admission.delete("Server", "srv-01").violations] == [
        ".: Connection c0, c1, c2 and 1 more use it"
    ]
    assert admission.delete("Server", "srv-02").accepted


def test_switch_groups_and_server_profiles_can_always_be_deleted() -> None:
    """Upstream has no webhook for them."""
    admission = Admission(FabricSettings(), [make("SwitchGroup", "g"), make("ServerProfile", "p")])
    admission.put(make("Switch", "leaf", {"redundancy": {"group": "g", "type": "eslag"}, "groups": ["g"]}))
    assert admission.delete("SwitchGroup", "g").accepted
    assert admission.delete("ServerProfile", "p").accepted
