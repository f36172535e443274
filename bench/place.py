"""Where a measurement was taken: machine, versions, commit; and the durable servers it ran on."""

import contextlib
import importlib.metadata
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dialer import embedded, env, installation, long_running

PACKAGES = ("django", "celery", "psycopg", "httpx", "redis", "channels", "daphne")


@contextlib.contextmanager
def servers() -> Iterator[None]:
    """A real PostgreSQL with fsync and a real Redis in a temporary folder, our tables in it, and Django set up."""
    with tempfile.TemporaryDirectory(prefix="dialer-bench-") as folder, contextlib.ExitStack() as stack:
        state_dir = Path(folder)
        for variable, service in (
            ("DATABASE_URL", embedded.Postgres(state_dir)),
            ("REDIS_URL", embedded.Redis(state_dir)),
        ):
            stack.enter_context(embedded.serving(service))
            os.environ[variable] = service.url
        os.environ |= installation.fresh_secrets() | {"STATE_DIR": folder, "PUBLIC_URL": "http://127.0.0.1:8000"}
        _set_up_django()
        yield


def _set_up_django() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "dialer.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    long_running.settle_in()  # as the product's own processes do


def describe() -> list[str]:
    """Machine, versions, commit and load, a line each."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    load = " ".join(f"{part:.1f}" for part in os.getloadavg())
    return [
        f"machine   {os.cpu_count()} x {_processor()}, {platform.system()} {platform.release()}",
        f"python    {platform.python_version()}, {versions}",
        f"commit    {_commit()}",
        f"load      {load} before the first part (what else runs here takes from every figure)",
    ]


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    changed = " with changes" if _git("status", "--porcelain") else ""
    return (_git("log", "-1", "--format=%h %ad", "--date=short") or "unknown") + changed


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(env.ROOT), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()
