"""The whole way against the simulator: a recorded call, its recording not ready at first, then stored."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from campaigns import pacing
from campaigns.dialing import client_for
from campaigns.exotel.answers import Accepted
from campaigns.exotel.payloads import ConnectRequest
from campaigns.models import ExotelAccount, Recording
from campaigns.recordings import keeping
from dialer import env
from tests import people
from tests.recordings import world

pytestmark = pytest.mark.django_db


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[ExotelAccount]:
    """An account at a simulator of its own, at 100 times the carrier's speed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    words = ["--port", str(port), "--ledger", str(tmp_path / "ledger.jsonl"), "--account-sid", world.SID]
    words += ["--api-key", "simulator", "--api-token", "simulator", "--speed", "100"]
    account = world.account(f"http://127.0.0.1:{port}")
    with subprocess.Popen([sys.executable, "-m", "dialer.simulator", *words], cwd=env.ROOT) as process:
        try:
            until(lambda: client_for(account).reachable().ok)
            yield account
        finally:
            process.terminate()


def placed(account: ExotelAccount, number: str) -> str:
    """The Sid of a recorded call, once it is over."""
    request = ConnectRequest(
        number=number,
        caller_id=people.CALLER_ID,
        mode="flow",
        flow_url=people.FLOW,
        time_limit=300,
        ring_timeout=45,
        record=True,
        recording_channels="dual",
    )
    client = client_for(account)
    answer = client.connect(request, not_after=time.monotonic() + 5)
    assert isinstance(answer, Accepted), answer

    def over() -> bool:
        details = client.call(answer.sid)
        return bool(details and details.status.terminal)

    until(over)
    return answer.sid


def test_a_recorded_call_is_heard_in_the_end(simulator: ExotelAccount) -> None:
    number = people.phone()
    call = world.call(simulator, sid=placed(simulator, number), phone=number)

    def stored() -> bool:
        Recording.objects.update(next_try_at=pacing.db_now())  # the waits are the carrier's, not the test's
        return bool(keeping.keep_all())

    until(stored)
    recording = Recording.objects.get(attempt=call)
    assert (recording.status, recording.content_type, recording.channels) == ("stored", "audio/wav", 2)
    assert recording.file.read(4) == b"RIFF"
    recording.file.close()
    assert [one["source"] for one in recording.candidates] == ["details"]


def test_a_wrong_key_gets_no_recording_and_says_so(simulator: ExotelAccount) -> None:
    address = f"{simulator.api_url}/recordings/{world.SID}/{'0' * 32}.wav"
    ExotelAccount.objects.filter(pk=simulator.pk).update(api_token="wrong")
    simulator.refresh_from_db()
    call = world.call(simulator, sid=None, recording_url=address)
    keeping.keep_all()
    assert Recording.objects.get(attempt=call).last_error == "the recording’s host does not accept the API key (401)"
