"""The Makefile's search for a Python, with stand-ins for what a machine may have."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dialer import env

TOOLS = ("sh", "make", "touch", "rm", "grep")


class Machine:
    """A folder with the Makefile, on a machine with the tools that are put into it and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "a home with späces"
        self.tools = folder / "bin"
        self.home.mkdir()
        self.tools.mkdir()
        shutil.copy(env.ROOT / "Makefile", self.home)
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, f"{tool} is needed for this test"
            (self.tools / tool).symlink_to(found)

    def has(self, name: str, script: str) -> None:
        """Put a stand-in for a program there."""
        path = self.tools / name
        path.write_text(f"#!{self.tools}/sh\n{script}\n")
        path.chmod(0o755)

    def make(self, target: str, **extra: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.tools), "LC_ALL": "C.UTF-8"} | extra
        return subprocess.run(
            ["make", target], cwd=self.home, env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


REAL = f'exec "{sys.executable}" "$@"'
FAILS = "echo 'version not installed' >&2; exit 127"


def test_without_a_right_python_the_mend_is_named(machine: Machine) -> None:
    machine.has("python3", "exit 1")
    machine.has("python3.12", FAILS)
    made = machine.make(".venv/made.stamp")
    assert made.returncode
    assert "Python 3.11 or 3.12 is needed" in made.stderr
    assert "PYTHON=/path/to/python3.12 make run" in made.stderr


def test_without_venv_the_package_is_named(machine: Machine) -> None:
    machine.has("python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    made = machine.make(".venv/made.stamp")
    assert made.returncode
    assert "python3 cannot make an environment: apt install python3-venv" in made.stderr


def test_a_shim_that_fails_is_passed_over_and_spaces_are_no_trouble(machine: Machine) -> None:
    machine.has("python3", FAILS)
    machine.has("python3.12", FAILS)
    machine.has("python3.11", f'case "$3" in --clear) set -- "$1" "$2" --clear --without-pip .venv;; esac\n{REAL}')
    made = machine.make(".venv/made.stamp")
    assert made.stderr == ""
    assert (machine.home / ".venv" / "made.stamp").exists()
    python = machine.home / ".venv" / "bin" / "python"
    assert subprocess.run([python, "-c", ""], check=False).returncode == 0


def test_a_failed_install_shows_pips_words_and_names_the_compiler(machine: Machine) -> None:
    (machine.home / "requirements").mkdir()
    (machine.home / "requirements" / "embedded.txt").touch()
    (machine.home / ".venv" / "bin").mkdir(parents=True)
    (machine.home / ".venv" / "made.stamp").touch()
    machine.has("python", 'case "$2" in pip) echo "error: command \'gcc\' failed"; exit 1;; esac')
    (machine.home / ".venv" / "bin" / "python").symlink_to(machine.tools / "python")
    made = machine.make("run")
    assert made.returncode
    assert "error: command 'gcc' failed" in made.stderr
    assert "apt install build-essential python3-dev" in made.stderr
    assert not (machine.home / ".venv" / "run.stamp").exists()


def test_clean_leaves_the_data(machine: Machine) -> None:
    (machine.home / ".state").mkdir()
    (machine.home / ".venv").mkdir()
    assert machine.make("clean").returncode == 0
    assert {path.name for path in machine.home.iterdir()} == {".state", "Makefile"}
