"""The whole product as an operator has it: `python -m dialer.supervisor` and manage.py, with data of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg

from dialer import env, installation
from dialer.simulator.ledger import Ledger, read

CHILDREN = frozenset({"postgres", "redis", "simulator", "work", "dial", "beat", "web"})
TROUBLE = re.compile(r"(?<![%\w])(WARNING|ERROR|CRITICAL|FATAL|PANIC|Traceback)\b")
# What a healthy run may say.
HARMLESS = (
    "WARNING Memory overcommit must be enabled",
    "WARNING: The TCP backlog setting",
    "FATAL:  the database system is starting up",  # a look whether it answers already
)

OUTCOME_OF = {"completed": "answered", "busy": "busy", "no-answer": "no-answer", "failed": "failed"}

Person = tuple[str, str]  # state, last outcome


class Product:
    """One running product. `environment` is added to an otherwise bare one, so nothing of the machine leaks in.

    `root` is the tree that is run: this one, or a copy with a planted bug (tests/chaos).
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], root: Path = env.ROOT) -> None:
        self.root = root
        self.state_dir = folder / "a state with späces"
        self.out = folder / "out"
        bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.port = installation.stable_port(folder, "web")
        self.environment = {**bare, "STATE_DIR": str(self.state_dir), "PORT": str(self.port), **environment}
        with self.out.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dialer.supervisor"],
                cwd=root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        """All that the supervisor printed."""
        return self.out.read_text(encoding="utf-8")

    def password(self) -> str:
        """The first user's, from the welcome."""
        found = re.search(r"sign in +operator, password (\S+)", self.said())
        assert found, self.said()
        return found.group(1)

    def wait_until_up(self) -> None:
        wait_until(lambda: "Dialer runs at" in self.said() or self.process.poll() is not None, 90, "the start")
        assert "Dialer runs at" in self.said(), self.said()

    def runtime(self) -> dict[str, Any]:
        """What the supervisor tells a second terminal: settings, addresses, pids."""
        found: dict[str, Any] = json.loads((self.state_dir / "runtime.json").read_text(encoding="utf-8"))
        return found

    def pids(self) -> dict[str, int]:
        """Of the supervisor and its children, as a second terminal sees them."""
        pids: dict[str, int] = self.runtime()["pids"]
        return pids

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """manage.py in a second terminal, which knows the product by STATE_DIR alone."""
        second = {name: value for name, value in self.environment.items() if name in ("PATH", "HOME", "STATE_DIR")}
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=self.root,
            env=second,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def manage(self, *words: str) -> dict[str, Any]:
        """The one JSON object of a command that must succeed."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, f"{words}: {done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def status(self, campaign: int) -> dict[str, Any]:
        return self.manage("campaign_status", str(campaign))

    def wait_for_status(self, campaign: int, wanted: str, seconds: float) -> dict[str, Any]:
        """What the command says once the campaign has the status. A command takes a core for more than a second, which
        the product needs meanwhile, so the database is watched."""
        deadline = time.monotonic() + seconds
        while self.query("SELECT status FROM campaigns_campaign WHERE id = %s", campaign) != [(wanted,)]:
            assert time.monotonic() < deadline, f"not {wanted} after {seconds} s: {self.status(campaign)}"
            time.sleep(0.3)
        return self.status(campaign)

    def ledger(self) -> Ledger:
        """What the simulator saw."""
        return read(self.state_dir / "simulator-ledger.jsonl")

    def people(self, campaign: int) -> dict[str, Person]:
        """Of each number of the campaign where it stands and how its last call ended, from the database."""
        query = "SELECT phone, state, last_outcome FROM campaigns_campaigncontact WHERE campaign_id = %s"
        return {phone: (state, outcome) for phone, state, outcome in self.query(query, campaign)}

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a query to the product's own database."""
        with psycopg.connect(self.runtime()["DATABASE_URL"]) as connection:
            return connection.execute(sql, parameters).fetchall()

    def trouble(self) -> list[str]:
        """Warnings and worse in all logs."""
        return [
            f"{log.name}: {line}"
            for log in sorted((self.state_dir / "logs").glob("*.log"))
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
            if TROUBLE.search(line) and not any(words in line for words in HARMLESS)
        ]

    def stop(self) -> None:
        """Ctrl-C; nothing may be left of it."""
        family = [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 0, self.said()
        assert not [pid for pid in family if psutil.pid_exists(pid)], self.said()
        assert not self._strays()
        assert not (self.state_dir / "runtime.json").exists()

    def _strays(self) -> list[str]:
        """Processes that name our STATE_DIR, whoever their parent is."""
        found = []
        for process in psutil.process_iter():
            try:
                words = [*process.cmdline(), process.environ().get("STATE_DIR", "")]
            except psutil.Error:
                continue
            found += [" ".join(words)] if any(str(self.state_dir) in word for word in words) else []
        return found

    def kill(self) -> None:
        """The end of a test that failed: quick, and the kernel takes the children along."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def simulator(product: Product) -> str:
    """The address of the product's simulator."""
    address: str = product.runtime()["EXOTEL_API_URL"]
    return address


def wait_until(true: Callable[[], object], seconds: float, what: str = "it") -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
