"""The commands of all our processes, in one table. compose.yaml starts the same ones."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from dialer import env

WEBSOCKET_MESSAGE_BYTES = 262_144  # a stream's frames stay below; Daphne closes the socket of whoever sends more


@dataclass(frozen=True)
class Process:
    """One process: its name, its command, what it adds to the common environment, and seconds to end by itself.

    One of which `signs` of life are expected is replaced when it gives none: see `dialer.supervisor.vigil`.
    """

    name: str
    command: tuple[str, ...]
    grace: float
    environment: Mapping[str, str] = field(default_factory=dict)
    signs: bool = False


def processes(values: Mapping[str, str]) -> tuple[Process, ...]:
    """All processes of an installation, in the order they start in; they stop in reverse.

    `values` are the effective settings (PORT, STATE_DIR, …); the simulator runs if they name a SIMULATOR_PORT.
    """
    ours = (
        Process("work", _worker("work", threads=8), grace=15, signs=True),
        # Stopped after those who dial: nobody new picks up while the last talks come to their end.
        Process("web", _web(values["PORT"]), grace=_talks(values) + 15, environment={"DATABASE_POOL": "1"}),
        Process("dial", _worker("dial", threads=8), grace=15, signs=True),
        Process("beat", _beat(), grace=5, signs=True),
    )
    if not values.get("SIMULATOR_PORT"):
        return ours
    return (Process("simulator", _simulator(values), grace=5), *ours)


def _talks(values: Mapping[str, str]) -> int:
    """Seconds that live talks may go on after the web process was asked to end."""
    return int(values.get("DRAIN_SECONDS", env.DRAIN_SECONDS))


def _web(port: str) -> tuple[str, ...]:
    return (
        sys.executable, "-m", "dialer.serving",
        "--bind", "127.0.0.1",
        "--port", port,
        "--verbosity", "0",  # no access log: addresses carry tokens
        "--websocket_timeout", "-1",
        "--websocket-max-message-size", str(WEBSOCKET_MESSAGE_BYTES),
        "--websocket-max-frame-size", str(WEBSOCKET_MESSAGE_BYTES),
        "--no-server-name",
        "dialer.asgi:application",
    )  # fmt: skip


def _worker(queue: str, *, threads: int) -> tuple[str, ...]:
    return (
        sys.executable, "-m", "celery", "-A", "dialer", "worker",
        "-Q", queue,
        "-P", "threads",
        "-c", str(threads),
        "-n", f"{queue}@%h",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
        "-l", "warning",
    )  # fmt: skip


def _beat() -> tuple[str, ...]:
    # Nothing is due later than in ten minutes, so nothing is kept: a clock that was set back while the schedule stood
    # in a file would keep beat silent until it has caught up, however often it is started again.
    return (sys.executable, "-m", "celery", "-A", "dialer", "beat", "-S", "celery.beat:Scheduler", "-l", "warning")


def _simulator(values: Mapping[str, str]) -> tuple[str, ...]:
    return (
        sys.executable, "-m", "dialer.simulator",
        "--port", values["SIMULATOR_PORT"],
        "--ledger", f"{values['STATE_DIR']}/simulator-ledger.jsonl",
        "--api-key", values["EXOTEL_API_KEY"],
        "--api-token", values["EXOTEL_API_TOKEN"],
        "--account-sid", values["EXOTEL_ACCOUNT_SID"],
    )  # fmt: skip
