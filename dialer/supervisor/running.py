"""Start everything in order, watch, stop everything in order."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from django.core.exceptions import ImproperlyConfigured

from campaigns.marks import VARIABLE as SIGNS
from dialer import embedded, env, installation
from dialer.daemon import Daemon, dies_with_us
from dialer.supervisor import given, logs
from dialer.supervisor.processes import Process, processes
from dialer.supervisor.values import effective
from dialer.supervisor.vigil import Vigil, Watchman
from dialer.supervisor.watching import Watch, reason

TICK = 0.1  # seconds between two looks at all processes
WEB_SECONDS = 60.0


class Refused(Exception):
    """The start is refused; the text says why and what to do."""


@dataclass(frozen=True)
class House:
    """What is run: the table of processes, and the command that manage.py's subcommands are given to."""

    processes: Callable[[Mapping[str, str]], tuple[Process, ...]] = processes
    manage: tuple[str, ...] = (sys.executable, "manage.py")


class Child(Daemon):
    """A process of the table."""

    def __init__(self, process: Process, values: Mapping[str, str]) -> None:
        super().__init__(Path(values["STATE_DIR"]))
        self.name = process.name
        self.grace = process.grace
        self._process = process
        self._values = values

    @property
    def mark(self) -> Path:
        """The file that it touches while it works, if signs of life are expected."""
        return self.log.with_suffix(".alive")

    @property
    def working_folder(self) -> Path:
        return env.ROOT

    def command(self) -> list[str]:
        return [*dies_with_us(self.death_signal), *self._process.command]

    def environment(self) -> dict[str, str]:
        signs = {SIGNS: str(self.mark)} if self._process.signs else {}
        return {**os.environ, "PYTHONUNBUFFERED": "1", **self._values, **signs, **self._process.environment}


class Stop:
    """Ctrl-C, SIGTERM and a closed terminal: the first asks for the end, the second hurries.

    What comes within a second of the first is the same wish: `make` and `timeout` hand one signal on more than once.
    """

    def __init__(self) -> None:
        self.times = 0
        self._first = 0.0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._count)

    def asked(self) -> bool:
        """Whether everything shall end."""
        return self.times > 0

    def hurried(self) -> bool:
        """Whether it shall end at once."""
        return self.times > 1

    def _count(self, _signal: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.times:
            self._first = now
        if not self.times or now - self._first > 1:
            self.times += 1


class Run:
    """One run of an installation, from the lock to the last process stopped."""

    def __init__(self, house: House, values: dict[str, str], stop: Stop) -> None:
        self.house = house
        self.values = values
        self.stop = stop
        self.state_dir = Path(values["STATE_DIR"])
        self.watches: list[Watch] = []
        self.vigils: list[Vigil] = []
        self.watchman = Watchman(self.vigils, self._servers_answer, _note)
        self.warnings: dict[str, logs.Warnings] = {}
        self.first: dict[str, str | None] = {}  # what `bootstrap` says: username, password, account

    def start(self) -> None:
        """Servers, tables, first user, processes; broken off by a wish to stop. Raises Refused, ServiceError."""
        for stage in (self._servers, self._tables, self._processes, self._web_answers):
            if not self.stop.asked():
                stage()

    def keep(self) -> None:
        """Watch until somebody asks for the end."""
        while not self.stop.asked():
            self.tend()
            time.sleep(TICK)

    def tend(self) -> None:
        """One look at everything."""
        self.watchman.look()
        now = time.monotonic()
        started_again = [watch for watch in self.watches if watch.look(now)]
        if started_again:
            self.publish()
        for name, warnings in self.warnings.items():
            for line in warnings.fresh():
                _note(f"{name}: {line}")

    def finish(self) -> None:
        """Stop everything in reverse order of its start."""
        _note(f"stopping; live talks may go on for {self.values['DRAIN_SECONDS']} s (Ctrl-C again to hurry)")
        for watch in reversed(self.watches):
            daemon = watch.daemon
            before = time.monotonic()
            daemon.stop(getattr(daemon, "grace", 20.0), self.stop.hurried)
            _note(f"{daemon.name} stopped after {time.monotonic() - before:.1f} s")

    def publish(self) -> None:
        """Let a second terminal find us."""
        pids = {watch.daemon.name: watch.daemon.pid for watch in self.watches}
        installation.publish(self.state_dir, {**self.values, "pids": {"supervisor": os.getpid(), **pids}})

    def _servers(self) -> None:
        for variable, service in (
            ("DATABASE_URL", embedded.Postgres(self.state_dir)),
            ("REDIS_URL", embedded.Redis(self.state_dir)),
        ):
            self.values[variable] = given.server(variable) or self._serve(service)
        self.publish()

    def _tables(self) -> None:
        self._manage("migrate", "--noinput")
        self.first = json.loads(self._manage("bootstrap", "--json"))

    def _processes(self) -> None:
        for process in self.house.processes(self.values):
            child = Child(process, self.values)
            self.warnings[child.name] = logs.Warnings(child.log)
            watch = self._watch(child)
            if process.signs:
                self.vigils.append(Vigil(watch, child.mark))
        self.publish()

    def _servers_answer(self) -> bool:
        return given.answer(self.values["DATABASE_URL"], self.values["REDIS_URL"])

    def _serve(self, service: embedded.Service) -> str:
        logs.put_aside(service.log)
        self._watch(service)
        return service.start()

    def _watch(self, daemon: Daemon) -> Watch:
        logs.put_aside(daemon.log)
        watch = Watch(daemon, _note)
        self.watches.append(watch)
        watch.start(time.monotonic())
        return watch

    def _manage(self, *words: str) -> str:
        """Run manage.py to its end, return its standard output. Raises Refused with what it said."""
        done = subprocess.run(
            [*dies_with_us("KILL"), *self.house.manage, *words],
            cwd=env.ROOT,
            env=os.environ | self.values,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,  # Ctrl-C is for us: half a migration helps nobody
        )
        if done.returncode:
            raise Refused(f"manage.py {words[0]} {reason(done.returncode)}:\n{(done.stderr or done.stdout)[-3000:]}")
        return done.stdout

    def _web_answers(self) -> None:
        deadline = time.monotonic() + WEB_SECONDS
        while not _listens(int(self.values["PORT"])) and not self.stop.asked():
            if time.monotonic() > deadline:
                log = self.state_dir / "logs" / "web.log"
                raise Refused(f"The web process does not answer on port {self.values['PORT']}: see {log}")
            self.tend()
            time.sleep(TICK)
        if not self.stop.asked():
            _say(*_welcome(self.values, self.first))


def run(house: House | None = None) -> int:
    """Run until asked to stop. Returns the exit status: 0, or 1 when the start was refused."""
    stop = Stop()
    state_dir = env.state_dir()
    try:
        with installation.hold(state_dir):
            installation.withdraw(state_dir)
            return _run_held(house or House(), state_dir, stop)
    except installation.StateInUse:
        return _refuse(f"{state_dir} is in use by another run: stop that one, or give this one a STATE_DIR of its own.")
    except (Refused, ImproperlyConfigured, embedded.ServiceError, OSError) as error:
        return _refuse(str(error))


def _run_held(house: House, state_dir: Path, stop: Stop) -> int:
    values = effective(state_dir)
    _check_port(int(values["PORT"]))
    _note("starting")
    this = Run(house, values, stop)
    try:
        this.start()
        this.keep()
    finally:
        this.finish()
        installation.withdraw(state_dir)
    return 0


def _check_port(port: int) -> None:
    if installation.port_is_free(port):
        return
    other = next((p for p in range(port + 10, 65_536, 10) if installation.port_is_free(p)), None)
    mend = f"PORT={other} make run" if other else "PORT=… make run"
    raise Refused(f"Port {port} is taken by another program (or may not be used). Take another one: {mend}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _welcome(values: Mapping[str, str], first: Mapping[str, str | None]) -> list[str]:
    here = f"http://127.0.0.1:{values['PORT']}"
    public = values["PUBLIC_URL"]
    password = first["password"]
    simulated = f"the simulator at {values.get('EXOTEL_API_URL')} (nothing leaves this machine)"
    return [
        "",
        f"Dialer runs at  {here}/" + (f"  (public: {public})" if public != here else ""),
        f"  sign in       {first['username']}, password {password or 'as before'}",
        f"  calls go to   {simulated if values.get('SIMULATOR_PORT') else first['account'] or 'no account yet'}",
        f"  logs          {values['STATE_DIR']}/logs/",
        "  stop          Ctrl-C",
        "",
    ]


def _say(*lines: str) -> None:
    with contextlib.suppress(OSError):  # a terminal that was closed must not keep us from stopping in order
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()


def _note(line: str) -> None:
    _say(f"{time.strftime('%H:%M:%S')}  {line}")


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1
