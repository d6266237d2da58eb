"""The kubernetes library comes in parts: cheap for us, whole for everybody else in the process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"

_OPEN = """
import sys
from hedgehog.kube.client import Cluster

SERVER = {"server": "https://127.0.0.1:1"}
Cluster.from_kubeconfig({
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": SERVER}],
    "users": [{"name": "u", "user": {"token": "t"}}],
}).close()
"""


def _python(code: str) -> str:
    """What a fresh process prints that opens a cluster and then executes *code*."""
    return _run(_OPEN + textwrap.dedent(code))


def _run(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(PLUGINS)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def test_a_cluster_is_opened_without_the_generated_models_and_apis() -> None:
    """They cost two seconds of processor time in each command and each task."""
    code = """
    generated = ("kubernetes.client.api.", "kubernetes.client.models.", "kubernetes.dynamic")
    print([name for name in sys.modules if name.startswith(generated)])
    """
    assert _python(code) == "[]\n"


def test_others_in_the_process_still_find_the_whole_library() -> None:
    """Airflow's provider may be imported after us, in the triggerer for example."""
    code = """
    from kubernetes.client import ApiClient
    from kubernetes import client, dynamic, watch
    from kubernetes.client import CoreV1Api, models as k8s
    assert client.ApiClient is ApiClient and CoreV1Api().api_client.__class__ is ApiClient
    assert ApiClient()._ApiClient__deserialize({"metadata": {"name": "x"}}, "V1Pod").metadata.name == "x"
    print(watch.Watch.__name__, dynamic.DynamicClient.__name__, k8s.V1Pod.__name__, hasattr(client, "Nonsense"))
    """
    assert _python(code) == "Watch DynamicClient V1Pod False\n"


def test_what_others_imported_before_us_stays_what_it_is() -> None:
    """One class each, however often a cluster is opened."""
    before = "import kubernetes.client; before = kubernetes.client.ApiClient, kubernetes.client.Configuration\n"
    after = "from kubernetes.client import ApiClient, Configuration; print(before == (ApiClient, Configuration))"
    run = _run(before + _OPEN + after)
    assert run == "True\n"
