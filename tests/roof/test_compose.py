"""compose.yaml starts what the supervisor starts, and the image holds what that needs."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from campaigns import marks
from dialer import env, settings
from dialer.supervisor.processes import Process, processes

VALUES = {"STATE_DIR": "/state", "PORT": "8000"}


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((env.ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def in_a_container(process: Process) -> list[str]:
    """Its command where python is on the path and the proxy comes from outside."""
    other = {sys.executable: "python", "127.0.0.1": "0.0.0.0"}
    return [other.get(word, word) for word in process.command]


@pytest.mark.parametrize("process", processes(VALUES), ids=lambda process: process.name)
def test_a_service_runs_the_supervisors_command_with_its_grace(process: Process, compose: dict[str, Any]) -> None:
    service = compose["services"][process.name]
    assert service["command"] == in_a_container(process)
    assert service["stop_grace_period"] == f"{process.grace}s"
    assert process.environment.items() <= service["environment"].items()
    assert ("DATABASE_POOL" in service["environment"]) == (process.name == "web")


def test_a_container_whose_process_gives_no_sign_of_life_is_unhealthy(compose: dict[str, Any], tmp_path: Path) -> None:
    for process in processes(VALUES):
        service = compose["services"][process.name]
        mark = service["environment"].get(marks.VARIABLE)
        assert (mark is not None) == process.signs
        if mark:
            assert any(mark.startswith(f"{folder}/") for folder in service["tmpfs"])
            shell, check = service["healthcheck"]["test"]
            assert shell == "CMD-SHELL"
            assert healthy(check, mark, tmp_path / process.name)


def healthy(check: str, mark: str, here: Path) -> bool:
    """Whether the check says no without a mark and with an old one, and yes with a fresh one."""
    said = []
    for age in (None, 90.0, 5.0):
        if age is not None:
            here.touch()
            os.utime(here, (time.time() - age,) * 2)
        done = subprocess.run(check.replace(mark, str(here)), shell=True, check=False, stderr=subprocess.DEVNULL)
        said.append(done.returncode == 0)
    return said == [False, False, True]


def test_every_other_service_is_a_server_or_prepares_the_tables(compose: dict[str, Any]) -> None:
    ours = {process.name for process in processes(VALUES)}
    assert {*compose["services"]} - ours == {"postgres", "redis", "prepare"}
    assert compose["services"]["postgres"]["image"] == "postgres:18"


def test_secrets_come_as_files_that_are_declared_and_handed_over(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        files = [value for key, value in service.get("environment", {}).items() if key.endswith("_FILE")]
        handed = [f"/run/secrets/{secret}" for secret in service.get("secrets", [])]
        assert sorted(files) == sorted(handed), name
        assert {*service.get("secrets", [])} <= {*compose["secrets"]}
    plain = {name for name in compose["services"]["web"]["environment"] if re.search("KEY|TOKEN|PASSWORD", name)}
    assert all(name.endswith("_FILE") for name in plain)


def test_every_setting_is_one_that_is_documented(compose: dict[str, Any]) -> None:
    documented = re.findall(r"^([A-Z_]+)=", (env.ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    used = {name.removesuffix("_FILE") for name in compose["services"]["web"]["environment"]}
    assert used <= {*documented}


def test_nothing_of_ours_runs_as_root_or_writes_beside_its_volume(compose: dict[str, Any]) -> None:
    dockerfile = (env.ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (\w+)$", dockerfile, re.MULTILINE) == ["dialer"]
    for process in processes(VALUES):
        service = compose["services"][process.name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["volumes"] == ["state:/state"]


def test_the_image_holds_every_package_of_ours() -> None:
    dockerfile = (env.ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = {*re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE)}
    packages = {path.parent.name for path in env.ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert copied == packages | {"templates", "static"}
    assert settings.STATICFILES_DIRS == [env.ROOT / "static"]
