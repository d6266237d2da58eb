"""The image can be built from a clean clone, and contains only named files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import hedgehog
from devstack.airflow import NO_NOISE

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
INSTRUCTIONS = [
    line.split(None, 1) for line in re.sub(r"\\\n\s*", "", DOCKERFILE).splitlines() if re.match(r"[A-Z]+ ", line)
]
SOURCES = [
    source
    for name, rest in INSTRUCTIONS
    if name == "COPY"
    for source in [word for word in rest.split() if not word.startswith("--")][:-1]
]
PATTERNS = [
    line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.strip() and not line.startswith("#")
]


def let_through(path: str) -> bool:
    """Whether `.dockerignore` lets *path* into the build: the last pattern that names it or a parent decides."""
    parents = [path, *map(str, Path(path).parents)][:-1]
    found = True
    for pattern in PATTERNS:
        exclude = not pattern.startswith("!")
        wanted = pattern.lstrip("!").removeprefix("**/")
        names = [Path(parent).name if "**/" in pattern else parent for parent in parents]
        depth = wanted.count("/")
        if any(name.count("/") == depth and fnmatchcase(name, wanted) for name in names):
            found = not exclude
    return found


def test_every_copied_file_exists_and_is_not_ignored():
    """A COPY of an ignored file fails the build on another machine."""
    assert SOURCES == ["requirements.txt", "include", "plugins", "dags", "bin"]
    assert [source for source in SOURCES if not (ROOT / source).exists() or not let_through(source)] == []


@pytest.mark.parametrize(
    "path", ["plugins/hedgehog_plugin.py", "plugins/.airflowignore", "include/sql/0001_fabric_database.sql"]
)
def test_files_that_are_needed_at_run_time_are_in_the_image(path):
    """Files that are found by their path, not by an import."""
    assert (ROOT / path).exists()
    assert let_through(path)


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".env",
        ".venv/bin/python",
        "tests/conftest.py",
        "devstack/airflow.py",
        "devcluster/main.go",
        "benchmarks/results.json",
        "requirements-dev.txt",
        "logs/scheduler.log",
        "plugins/hedgehog/__pycache__/errors.cpython-311.pyc",
        "dags/__pycache__/x.pyc",
    ],
)
def test_history_secrets_and_tests_are_not_in_the_image(path):
    """Only named files are included."""
    assert not let_through(path)


def test_every_tracked_file_of_a_copied_folder_is_in_the_image():
    """A missing file would be noticed at run time only."""
    tracked = subprocess.run(["git", "ls-files", *SOURCES], cwd=ROOT, check=True, capture_output=True, text=True)
    assert [path for path in tracked.stdout.splitlines() if not let_through(path)] == []


def test_the_image_does_not_run_as_root():
    """The last USER counts, and a number lets Kubernetes verify it."""
    users = [rest for name, rest in INSTRUCTIONS if name == "USER"]
    assert users[-1] == "50000"


def test_processes_in_the_image_cannot_change_the_code():
    """Our code is copied by root, Airflow's is given to root; only clones and backups belong to the user."""
    users = [(position, rest) for position, (name, rest) in enumerate(INSTRUCTIONS) if name == "USER"]
    copied = [
        position
        for position, (name, rest) in enumerate(INSTRUCTIONS)
        if name == "COPY" and "opt/airflow/requirements" not in rest
    ]
    owner = {copy: [user for position, user in users if position < copy][-1] for copy in copied}
    assert set(owner.values()) == {"0"}
    assert "--chown" not in DOCKERFILE
    folders = re.search(
        r"install --directory --owner 50000 --group 0 --mode 0700 ([^\n]+)", DOCKERFILE.replace("\\\n", "")
    )
    assert folders and folders[1].split() == [f"/opt/airflow/hedgehog{it}" for it in ("", "/git", "/backups")]


_ATTACK = """
for path in "$@"; do
    mv "$path" "$path.old" && echo "moved $path"
    chmod 0777 "$path" && echo "opened $path"
    touch "$path/planted.py" && echo "added to $path"
    rm -r "$path" && echo "removed $path"
done 2> /dev/null
cd "$ROOT/opt/airflow" && touch passwords.json airflow.cfg logs/task.log hedgehog/git/clone hedgehog/backups/one
"""
"""What the user of the image tries, and what he must be able to write."""


@pytest.fixture
def image_root():
    """Folders as the base image has them, with our code in them, after the last RUN of the Dockerfile."""
    if os.geteuid() != 0:
        pytest.skip("needs to be root, as what builds an image is")
    root = Path(tempfile.mkdtemp(prefix="hedgehog-image-"))
    root.chmod(0o755)
    for path in ("opt/airflow/logs", "opt/airflow/dags", "home/airflow/.local/lib"):
        (root / path).mkdir(parents=True)
    for path in [root / "opt/airflow", root / "home/airflow", *root.glob("*/airflow/**/*")]:
        os.chown(path, 50000, 0)
        path.chmod(0o775)
    for source in SOURCES[1:]:
        shutil.copytree(ROOT / source, root / "opt/airflow" / source, dirs_exist_ok=True)
    *_, last = [rest for name, rest in INSTRUCTIONS if name == "RUN"]
    command = last.replace("/opt/airflow", f"{root}/opt/airflow").replace("/home/airflow", f"{root}/home/airflow")
    subprocess.run(["sh", "-ec", command.replace("python ", f"{sys.executable} ", 1)], check=True)
    yield root
    shutil.rmtree(root)


def test_processes_in_the_image_cannot_replace_the_code(image_root):
    """A writable parent folder would allow renaming ours; the folders that Airflow writes to are writable."""
    names = ["opt/airflow/plugins", "opt/airflow/dags", "opt/airflow/include", "opt/airflow/bin", "opt/airflow/config"]
    code = [str(image_root / name) for name in (*names, "opt/airflow/plugins/hedgehog", "home/airflow/.local")]
    done = subprocess.run(
        ["sh", "-c", _ATTACK, "sh", *code],
        env={"PATH": os.environ["PATH"], "ROOT": str(image_root)},
        cwd="/",
        user=50000,
        group=0,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_image_has_the_airflow_that_the_lock_file_pins():
    """Otherwise pip would replace Airflow inside the image."""
    (base,) = re.findall(r"^ARG AIRFLOW_IMAGE=(\S+)", DOCKERFILE, re.MULTILINE)
    (pinned,) = re.findall(r"^apache-airflow==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert base == f"apache/airflow:{pinned}-python3.11"


def test_every_requirement_has_a_hash():
    """`--require-hashes` refuses a lock file with a requirement that has none."""
    lock = (ROOT / "requirements.txt").read_text().replace("\\\n", " ")
    assert "--require-hashes" in DOCKERFILE
    assert [line for line in lock.splitlines() if "==" in line and "--hash=sha256:" not in line] == []


def test_the_image_has_the_version_of_the_package():
    """Two places state it, and must agree."""
    (version,) = re.findall(r"^ARG VERSION=(\S+)", DOCKERFILE, re.MULTILINE)
    (project,) = re.findall(r'^version = "(\S+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version == project == hedgehog.__version__


def test_no_log_of_a_task_begins_with_a_warning_of_airflow():
    """The image keeps it out as the development stack does, whose logs are searched for such lines."""
    (ours,) = re.findall(r"\bPYTHONWARNINGS=(\S+)", DOCKERFILE)
    assert ours in NO_NOISE.split(",")
