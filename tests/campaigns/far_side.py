"""The simulator as the far side of these tests: a real server on a free port, a hundred times as fast as Exotel."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from campaigns.models import ExotelAccount
from dialer.simulator.__main__ import server
from dialer.simulator.ledger import Ledger, read
from dialer.simulator.options import Options
from tests import people

SECONDS = 10.0  # patience with a server in another thread


@dataclass
class FarSide:
    options: Options

    def account(self, **fields: object) -> ExotelAccount:
        """An account that dials through this far side."""
        return people.account(api_url=self.options.base_url, **fields)

    def call(self, number: str, *, over: bool = True) -> str:
        """Place a call behind the product's back; its Sid. `over`: once it has ended."""
        return self.calls([number], over=over)[0]

    def calls(self, numbers: Sequence[str], *, over: bool = True) -> list[str]:
        """Place calls behind the product's back, all at once; their Sids in order. `over`: once all have ended."""
        with httpx.Client(auth=("simulator", "simulator"), trust_env=False, verify=False, timeout=SECONDS) as client:
            sids = [self._placed(client, number) for number in numbers]
        while over and not self.ended().issuperset(sids):
            time.sleep(0.02)
        return sids

    def _placed(self, client: httpx.Client, number: str) -> str:
        form = {"From": number, "CallerId": people.CALLER_ID, "Url": people.FLOW}
        answer = client.post(f"{self.options.base_url}/v1/Accounts/simulated/Calls/connect.json", data=form)
        return str(answer.raise_for_status().json()["Call"]["Sid"])

    def ended(self) -> set[str]:
        return {str(entry["sid"]) for entry in self.ledger().of("ended")}

    def questions(self) -> list[str]:
        """What was asked of it, dials apart."""
        return [str(one["path"]) for one in self.ledger().of("request") if one["method"] == "GET"]

    def ledger(self) -> Ledger:
        return read(self.options.ledger)


@contextmanager
def far_side(folder: Path, **options: object) -> Iterator[FarSide]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    plain = Options(port=port, ledger=folder / "ledger.jsonl", speed=100.0, calls_per_minute=100_000)
    chosen = replace(plain, **options)  # type: ignore[arg-type]
    instance = server(chosen)
    thread = threading.Thread(target=instance.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + SECONDS
    while not instance.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield FarSide(chosen)
    finally:
        instance.should_exit = True
        thread.join(SECONDS)
