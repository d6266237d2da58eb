"""Connections become adapters, based only on the content of the connection."""

from __future__ import annotations

import json
from contextlib import closing, nullcontext
from dataclasses import replace

import psycopg2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from devstack.git_server import GitServer
from devstack.github import GitHub
from hedgehog.airflow.adapters.hooks import (
    git_credentials,
    host_name,
    open_cluster,
    open_database,
    open_host,
    open_kubeconfig,
    open_mirror,
    refuse_unoffered,
)
from hedgehog.errors import HedgehogError, InvalidInput, NotFound, SchemaMismatch
from hedgehog.fabric.model import GitRepository, PushMode
from hedgehog.gitops.remote import GitCredentials
from hedgehog.gitops.signing import SigningKey
from hedgehog.hosts.github.client import Credentials
from hedgehog.hosts.github.repository import Repository
from hedgehog.store import database as store_database
from tests.waiting import until_alone

SECRET = "s3cr3t-t0ken"


def make_repository(connection_id: str | None = "network_git") -> GitRepository:
    """A repository that uses *connection_id*."""
    return GitRepository(1, "network", "https://git.example.com/net/fabrics.git", connection_id=connection_id)


def connect(monkeypatch: pytest.MonkeyPatch, name: str, **parts: object) -> None:
    """Create the connection *name*."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(parts))


def test_a_repository_without_a_connection_has_no_credentials():
    """It is public, or a path on this machine; the machine's own credential helper is never used."""
    assert git_credentials(make_repository(None)) == GitCredentials()


def test_a_login_and_a_token_are_used_over_https(monkeypatch):
    """The fields of Airflow's `git`, `github` and `generic` connections."""
    connect(monkeypatch, "NETWORK_GIT", conn_type="git", login="robot", password=SECRET)
    assert git_credentials(make_repository()) == GitCredentials(username="robot", token=SECRET)


def test_a_key_and_known_hosts_are_used_over_ssh(monkeypatch):
    """The key as text, or the path of its file, as in Airflow's `git` connection."""
    extra = {"private_key": "KEY", "key_file": "/etc/key", "known_hosts": "git.example.com ssh-ed25519 AAAA"}
    connect(monkeypatch, "NETWORK_GIT", conn_type="git", extra=extra)
    assert git_credentials(make_repository()) == GitCredentials(
        private_key="KEY", private_key_path="/etc/key", known_hosts="git.example.com ssh-ed25519 AAAA"
    )


def test_a_signing_key_comes_with_the_credential(monkeypatch, tmp_path):
    """As text, or as the path of its file; a wrong one stops the sync, rather than pushing unsigned commits."""
    made = ed25519.Ed25519PrivateKey.generate()
    form, none = serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    text = made.private_bytes(serialization.Encoding.PEM, form, none).decode()
    (tmp_path / "key").write_text(text)
    found = []
    for extra in ({"signing_key": text}, {"signing_key_file": str(tmp_path / "key")}):
        connect(monkeypatch, "NETWORK_GIT", conn_type="git", password=SECRET, extra=extra)
        found.append(git_credentials(make_repository()).signing_key)
    assert [one and one.public for one in found] == [SigningKey.of(text, "it").public] * 2
    for extra in ({"signing_key": f"no key, but {SECRET}"}, {"signing_key_file": str(tmp_path / "none")}):
        connect(monkeypatch, "NETWORK_GIT", conn_type="git", password=SECRET, extra=extra)
        with pytest.raises(InvalidInput, match="network_git: signing_key") as caught:
            git_credentials(make_repository())
        assert SECRET not in str(caught.value)


def test_the_host_signs_where_the_connection_says_so(monkeypatch):
    """A wrong word, and a key beside it, stop the sync, rather than pushing what is signed otherwise."""
    for extra, is_asked in (({"signing": "host"}, True), ({"signing": ""}, False), ({}, False)):
        connect(monkeypatch, "NETWORK_GIT", conn_type="git", password=SECRET, extra=extra)
        assert git_credentials(make_repository()).signed_by_host is is_asked
    for extra in ({"signing": "github"}, {"signing": "host", "signing_key_file": "/etc/key"}):
        connect(monkeypatch, "NETWORK_GIT", conn_type="git", password=SECRET, extra=extra)
        with pytest.raises(InvalidInput, match=r"network_git: .*signing"):
            git_credentials(make_repository())


@pytest.mark.parametrize("hosts", [["git.example.com"], "other.example.com, Git.Example.com"])
def test_a_credential_is_used_for_its_hosts(monkeypatch, hosts):
    """As a list or separated by commas; the case of a host name does not matter."""
    connect(monkeypatch, "NETWORK_GIT", conn_type="git", password=SECRET, extra={"hosts": hosts})
    assert git_credentials(make_repository()).token == SECRET


@pytest.mark.parametrize("hosts", [[], "", ["git.example.org"], ["example.com"], {"git.example.com": 1}, [7]])
@pytest.mark.parametrize("enter", [git_credentials, open_host])
def test_a_credential_is_used_for_no_other_host(monkeypatch, hosts, enter):
    """A person who writes the URL of a repository, in a row or in a backup, does not get it."""
    connect(monkeypatch, "NETWORK_GIT", conn_type="git", password=SECRET, extra={"hosts": hosts})
    with pytest.raises(InvalidInput, match="network_git") as refused:
        enter(make_repository())
    assert SECRET not in str(refused.value)


def test_a_missing_connection_is_an_error_not_anonymous_access(monkeypatch):
    """An anonymous read might succeed and hide the mistake until the push."""

    def missing(connection_id: str) -> None:
        raise NotFound(f"there is no Airflow connection {connection_id!r}")

    monkeypatch.setattr("hedgehog.airflow.adapters.connections._from_airflow", missing)
    with pytest.raises(NotFound, match="network_git"):
        git_credentials(make_repository())


def test_a_mirror_is_kept_in_the_cache_directory(monkeypatch, tmp_path):
    """Opening it fetches nothing."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_TIMEOUT", "7200")
    mirror = open_mirror(make_repository(None))
    assert SECRET not in repr(mirror)
    assert mirror.remote.timeout == 7200
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("conn_type", ["generic", "docker"])
def test_a_cluster_needs_a_kubernetes_connection(monkeypatch, conn_type):
    """The type reveals a wrong connection id."""
    connect(monkeypatch, "CLUSTER_A", conn_type=conn_type, host="https://10.0.0.1", password=SECRET)
    with pytest.raises(InvalidInput, match="must be a kubernetes connection") as caught:
        open_cluster("cluster_a")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("extra", [{}, {"namespace": "default"}, {"kube_config": ""}, {"cluster_context": "prod"}])
def test_a_connection_that_names_no_cluster_is_refused(monkeypatch, tmp_path, extra):
    """The kubeconfig of the worker may belong to another cluster."""
    ambient = tmp_path / "config"
    ambient.write_text(json.dumps(kubeconfig("https://127.0.0.1:1")))
    monkeypatch.setenv("KUBECONFIG", str(ambient))
    connect(monkeypatch, "CLUSTER_A", conn_type="kubernetes", extra=extra)
    with pytest.raises(InvalidInput, match="cluster_a names no cluster"):
        open_cluster("cluster_a")


def kubeconfig(server: str) -> dict[str, object]:
    """A kubeconfig with one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": SECRET}}],
    }


def test_a_cluster_comes_from_the_kubeconfig_of_its_connection(monkeypatch):
    """Opening it sends no request."""
    connect(monkeypatch, "CLUSTER_A", conn_type="kubernetes", extra={"kube_config": kubeconfig("https://127.0.0.1:1")})
    cluster = open_cluster("cluster_a")
    try:
        assert cluster.name == "cluster_a"
        assert SECRET not in repr(cluster)
    finally:
        cluster.close()


UNCHECKED = kubeconfig("https://127.0.0.1:1") | {
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}}]
}
PROGRAM = kubeconfig("https://127.0.0.1:1") | {"users": [{"name": "u", "user": {"exec": {"command": "/bin/false"}}}]}
TOKEN_FILE = kubeconfig("https://127.0.0.1:1") | {"users": [{"name": "u", "user": {"tokenFile": "/etc/hostname"}}]}


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"kube_config": PROGRAM}, "from a program"),
        ({"kube_config": json.dumps(PROGRAM)}, "from a program"),
        ({"extra__kubernetes__kube_config": json.dumps(PROGRAM)}, "from a program"),
        ({"config_dict": PROGRAM}, "from a program"),
        ({"kube_config": UNCHECKED}, "trust any server"),
        ({"kube_config": kubeconfig("https://127.0.0.1:1"), "disable_verify_ssl": True}, "trust any server"),
        ({"kube_config": TOKEN_FILE}, "names a file of this machine"),
        ({"kube_config": TOKEN_FILE, "in_cluster": True}, "names a cluster in 2 ways"),
        ({"in_cluster": True}, "runs in no pod"),
        ({"in_cluster": "false"}, "names no cluster"),
    ],
)
def test_a_kubeconfig_may_only_do_what_the_operator_permits(monkeypatch, extra, words):
    """A user who may edit connections in the web UI must not be able to run programs on the workers."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    connect(monkeypatch, "CLUSTER_A", conn_type="kubernetes", extra=extra)
    with pytest.raises(InvalidInput, match=words) as caught:
        open_cluster("cluster_a")
    assert "cluster_a" in str(caught.value)


def test_a_kubeconfig_file_has_the_same_limits(monkeypatch, tmp_path):
    """Named by a connection, or by `--kubeconfig`; the setting permits it."""
    path = tmp_path / "config"
    path.write_text(json.dumps(UNCHECKED))
    connect(monkeypatch, "CLUSTER_A", conn_type="kubernetes", extra={"kube_config_path": str(path)})
    for opened in (lambda: open_cluster("cluster_a"), lambda: open_kubeconfig(path)):
        with pytest.raises(InvalidInput, match="trust any server"):
            opened()
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__KUBECONFIG_ALLOW", "insecure")
    for opened in (lambda: open_cluster("cluster_a"), lambda: open_kubeconfig(path)):
        opened().close()


@pytest.mark.parametrize("text", ["{", "not: [a kubeconfig", "just words", "[]"])
def test_a_broken_kubeconfig_is_our_own_error_without_its_content(monkeypatch, text):
    """The operator must correct it, and it may hold a token."""
    connect(monkeypatch, "CLUSTER_A", conn_type="kubernetes", extra={"kube_config": f"{text} {SECRET}"})
    with pytest.raises(HedgehogError) as caught:
        open_cluster("cluster_a")
    assert "cluster_a" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_the_fabric_database_is_migrated_when_it_is_opened(monkeypatch, postgres):
    """A first start needs no separate step."""
    parameters = postgres.database("hedgehog_fresh")
    connect(
        monkeypatch,
        "HEDGEHOG_DB",
        conn_type="postgres",
        host=parameters["host"],
        login=parameters["user"],
        schema="hedgehog_fresh",
    )
    connection = open_database()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM hedgehog.fabric")
        assert cursor.fetchone() == (0,)
    connection.close()
    postgres.drop("hedgehog_fresh")


def test_a_newer_fabric_database_is_refused_and_its_connection_closed(fabric_database):
    """An old worker must not write to tables that it does not know."""
    with psycopg2.connect(**fabric_database) as person, person.cursor() as cursor:
        cursor.execute("INSERT INTO hedgehog.migration (version, name, digest) VALUES (9999, 'future', 'x')")
    person.close()
    with pytest.raises(SchemaMismatch, match="9999"):
        open_database()
    with closing(store_database.connect(fabric_database)) as admin:
        until_alone(admin)


def test_a_token_is_used_for_the_api_of_the_repositorys_host(monkeypatch):
    """By GitHub's conventions; here, an enterprise server, which its name does not tell."""
    connect(monkeypatch, "NETWORK_GIT", conn_type="git", login="robot", password=SECRET, extra={"host": "github"})
    with closing(open_host(make_repository())) as host:
        assert isinstance(host, Repository)
        assert (host.base_url, host.client.credentials) == (
            "https://git.example.com/api/v3",
            Credentials(token=SECRET),
        )


def test_an_app_uses_the_api_that_its_connection_names(monkeypatch, tmp_path):
    """The fields of Airflow's `github` connection; the key may be in a file."""
    (tmp_path / "app.pem").write_text("KEY")
    extra = {"app_id": 42, "installation_id": 4242, "key_path": str(tmp_path / "app.pem")}
    connect(monkeypatch, "NETWORK_GIT", conn_type="github", host="https://api.example.com/v3", extra=extra)
    with closing(open_host(make_repository())) as host:
        assert isinstance(host, Repository)
        assert (host.base_url, host.client.credentials) == (
            "https://api.example.com/v3",
            Credentials(app_id="42", installation_id=4242, private_key="KEY"),
        )


@pytest.mark.parametrize(
    "parts",
    [
        {"conn_type": "git", "extra": {"private_key": SECRET}},
        {"conn_type": "github", "extra": {"app_id": 42, "installation_id": "many", "private_key": SECRET}},
        {"conn_type": "github", "extra": {"app_id": 42, "installation_id": 1, "key_path": "/nowhere/app.pem"}},
        {"conn_type": "github", "host": "http://github.example.com", "password": SECRET},
    ],
)
def test_a_connection_without_api_credentials_is_refused_without_quoting_it(monkeypatch, parts):
    """A deploy key alone, an incomplete app, a missing key file, a token over plain http."""
    connect(monkeypatch, "NETWORK_GIT", **parts)
    with pytest.raises(InvalidInput) as caught:
        open_host(make_repository())
    assert SECRET not in str(caught.value)


def test_a_host_that_nothing_names_is_plain_git(monkeypatch):
    """A token is sent to no guessed address; the message says how to name the host."""
    connect(monkeypatch, "NETWORK_GIT", conn_type="git", password=SECRET)
    with pytest.raises(
        InvalidInput, match=r"git\.example\.com: plain Git has no API.*connection network_git"
    ) as caught:
        open_host(make_repository())
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "auto_merge", "refusal"),
    [("github", True, ""), ("gitea", True, ""), ("gitlab", True, ""), ("bitbucket", False, "Bitbucket has no API")],
)
def test_a_repository_gets_no_setting_that_its_host_cannot_serve(monkeypatch, host, auto_merge, refusal):
    """When it is set, not when the first change waits for a pull request that cannot be opened."""
    connect(monkeypatch, "NETWORK_GIT", conn_type="git", password=SECRET, extra={"host": host})
    refuse_unoffered(make_repository())
    asking = replace(make_repository(), push=PushMode.PULL_REQUEST, pull_requests={"auto_merge": auto_merge})
    with pytest.raises(InvalidInput, match=refusal) if refusal else nullcontext():
        refuse_unoffered(asking)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"conn_type": "git", "extra": {"host": "gitea"}}, "gitea"),
        ({"conn_type": "github"}, "github"),
        ({"conn_type": "git"}, "git"),
    ],
)
def test_the_type_of_host_is_told_without_a_credential(monkeypatch, parts, name):
    """As for its API; without a connection, the name of the server tells it."""
    connect(monkeypatch, "NETWORK_GIT", **parts)
    assert host_name(make_repository()) == name
    assert host_name(replace(make_repository(None), url="git@gitlab.com:net/fabrics.git")) == "gitlab"


def test_a_misspelt_host_is_refused(monkeypatch):
    """With the names that there are."""
    connect(monkeypatch, "NETWORK_GIT", conn_type="git", password=SECRET, extra={"host": "githib"})
    with pytest.raises(InvalidInput, match=r"network_git: there is no host 'githib'; did you mean github\?"):
        open_host(make_repository())


def test_a_repository_without_a_connection_has_no_api():
    """Anonymous comments are not possible."""
    with pytest.raises(InvalidInput, match="names no connection"):
        open_host(make_repository(None))


def test_an_app_uses_a_short_lived_token_for_git(monkeypatch, tmp_path):
    """One connection serves both: the API issues the token that git over https needs."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, none = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, pem, none).decode()
    with GitServer(tmp_path) as git, GitHub(git, token=SECRET) as hub:
        extra = {"app_id": hub.app_id, "installation_id": hub.installation, "private_key": text}
        connect(monkeypatch, "NETWORK_GIT", conn_type="github", host=hub.url, extra=extra)
        token = git_credentials(make_repository()).token
        assert hub.undescribed == []
    assert token is not None
    assert token.startswith("ghs_")
