"""The real thing in a test: the simulator on a port of its own, dial loops and races on threads of their own."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from django.db import connection

from campaigns import dialing
from campaigns.models import ExotelAccount
from campaigns.owners import Owner
from dialer.simulator.__main__ import server
from dialer.simulator.ledger import Ledger, read
from dialer.simulator.options import Options

Found = TypeVar("Found")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Simulator:
    """A simulator that may be up or down, always at the same address."""

    options: Options

    @property
    def ledger(self) -> Ledger:
        return read(self.options.ledger)

    @contextmanager
    def up(self) -> Iterator["Simulator"]:
        """Listening from here to the end of the block."""
        instance = server(self.options)
        thread = threading.Thread(target=instance.run, daemon=True)
        thread.start()
        until(lambda: instance.started)
        yield self
        instance.should_exit = True
        thread.join(10)


def simulator(folder: Path, **options: object) -> Simulator:
    """Fast, patient and of a short latency; options by keyword."""
    plain = Options(
        port=free_port(),
        ledger=folder / "ledger.jsonl",
        speed=200.0,
        calls_per_minute=1_000_000,
        channels=1_000,
        latency=0.01,
    )
    return Simulator(replace(plain, **options))  # type: ignore[arg-type]


def until(true: Callable[[], Found], seconds: float = 60.0) -> Found:
    """Wait until it says so, and return what it said. Who asks often takes the core from whoever makes it happen."""
    end, pause = time.monotonic() + seconds, 0.01
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(pause)
        pause = min(pause * 1.25, 0.03)
    return found


@contextmanager
def ticking(loops: int = 1) -> Iterator[None]:
    """Dial ticks as the workers do them, until the end of the block; what is out is settled before it ends."""

    def tick() -> None:
        try:
            while not dialing.stopping.is_set():
                if not dialing.drive_one():
                    dialing.stopping.wait(0.05)
        finally:
            connection.close()

    with ThreadPoolExecutor(loops) as pool:
        running = [pool.submit(tick) for _ in range(loops)]
        try:
            yield
        finally:
            dialing.stopping.set()
            for each in running:
                each.result(30)


def racing(*acts: Callable[[], Found]) -> list[Found]:
    """All acts at once, each on a thread and a database connection of its own; what each returned, in order."""
    gate = threading.Barrier(len(acts))

    def act(one: Callable[[], Found]) -> Found:
        try:
            connection.ensure_connection()
            gate.wait(10)
            return one()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [each.result(30) for each in [pool.submit(act, one) for one in acts]]


@contextmanager
def loop_of(account: ExotelAccount, *, longest: float = 60.0) -> Iterator[dialing.Loop]:
    """A loop with an owner and the account's lock, not running yet."""
    owner = Owner()
    try:
        assert owner.take_account(account.pk)
        yield dialing.Loop(account.pk, owner, longest=longest)
    finally:
        owner.close()
