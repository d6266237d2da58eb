"""Files that are checked, and what is said of them."""

from __future__ import annotations

import pytest

from hedgehog.admission.files import check_files
from hedgehog.fabric.settings import FabricSettings

SPACES = b"""\
apiVersion: vpc.githedgehog.com/v1beta1
kind: IPv4Namespace
metadata: {name: default}
spec: {subnets: [10.0.0.0/8]}
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: VLANNamespace
metadata: {name: default}
spec: {ranges: [{from: 1000, to: 2999}]}
"""


def make_vpc(name="a", vlan="1001", subnet="10.0.1.0/24"):
    """A VPC as text; its VLAN stands in line 8."""
    return f"""\
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata:
  name: {name}
spec:
  subnets:
    default:
      vlan: {vlan}
      subnet: {subnet}
""".encode()


def check(files, settings=None, **options):
    """The report on SPACES and *files*."""
    return check_files({"spaces.yaml": SPACES, **files}, settings or FabricSettings(), **options)


def remark_lines(report):
    """Every remark as `file:line:column rule`."""
    return [f"{entry.file}:{one.line}:{one.column} {one.rule.id}" for entry, one in report.remarks()]


@pytest.fixture
def report():
    """One fault, in the eighth line of a file."""
    return check({"vpcs/a, b.yaml": make_vpc(vlan='"x"')})
