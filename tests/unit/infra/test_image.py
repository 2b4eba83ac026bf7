"""``infra/Dockerfile``: installs the locks and nothing else, holds the shipped packages, runs without root."""

import re
import tomllib

from tests.support.manifests import INFRA, kubernetes

ROOT = INFRA.parent
TEXT = (INFRA / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COPIED = [
    name
    for line in re.findall(r"^COPY (?!--from)(.+)$", TEXT, re.MULTILINE)
    for name in line.split()[:-1]
]  # fmt: skip


def test_what_is_copied_exists_and_the_ignore_file_lets_it_through() -> None:
    assert [name for name in COPIED if not (ROOT / name).exists()] == []
    lines = (INFRA / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(COPIED)


def test_every_package_that_is_shipped_is_in_the_image() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["packages"]) <= set(COPIED)
    assert {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]} <= set(COPIED)


def test_every_package_of_others_comes_from_a_lock_by_its_hash() -> None:
    installed = re.findall(r"pip install (.+)$", TEXT, re.MULTILINE)
    locks = "--require-hashes --no-deps -r requirements/run.txt -r requirements/postgres.txt"
    assert installed == [locks, "--no-deps --no-build-isolation --no-index ."]


def test_both_locks_agree_on_what_they_share() -> None:
    def versions(lock: str) -> dict[str, str]:
        text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
        return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))

    run, postgres = versions("run.txt"), versions("postgres.txt")
    assert "psycopg" in postgres
    assert {name: version for name, version in postgres.items() if run.get(name, version) != version} == {}


def test_python_is_one_that_the_project_takes() -> None:
    version = re.search(r"^ARG PYTHON=(\d+)\.(\d+)", TEXT, re.MULTILINE)
    assert version
    least, below = re.findall(r"3\.(\d+)", PROJECT["project"]["requires-python"])
    assert (int(version[1]), int(least) <= int(version[2]) < int(below)) == (3, True)


def test_the_image_runs_our_command_without_root_as_the_user_that_the_manifests_name() -> None:
    user = re.search(r"^USER (\d+):(\d+)$", TEXT, re.MULTILINE)
    assert user
    (entry,) = re.findall(r'^ENTRYPOINT \["([^"]+)"\]$', TEXT, re.MULTILINE)
    assert entry in PROJECT["project"]["scripts"]
    for manifest in kubernetes():
        if manifest["kind"] == "Deployment":
            context = manifest["spec"]["template"]["spec"]["securityContext"]
            assert (context["runAsUser"], context["runAsGroup"]) == (int(user[1]), int(user[2]))
