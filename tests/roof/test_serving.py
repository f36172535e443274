"""The web process asked to end, as a real process with a real socket: talks first, then the port."""

import base64
import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from campaigns import tokens
from campaigns.lifecycle import AttemptState
from campaigns.models import Stream
from tests import people
from tests.botbridge.far_end import media_frame, start_frame, stop_frame
from tests.pages.serving import serving

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def address_of_a_call(web: str) -> str:
    campaign = people.campaign(mode="bot", bot="echo")
    attempt = people.attempt(people.contact(campaign), AttemptState.PLACED)
    return f"{web.replace('http', 'ws', 1)}/x/ws/{tokens.mint('stream', str(attempt.pk))}"


@contextlib.contextmanager
def talk(web: str) -> Iterator[ClientConnection]:
    """A call whose bot echoes what is said."""
    with connect(address_of_a_call(web), proxy=None) as socket:
        socket.send('{"event":"connected"}\n')
        socket.send(start_frame(call_sid=""))
        echoed(socket, b"\x01\x02")
        yield socket


def echoed(socket: ClientConnection, sample: bytes) -> None:
    for _ in range(10):
        socket.send(media_frame(sample * 160))
    heard = json.loads(socket.recv(timeout=10))
    assert base64.b64decode(heard["media"]["payload"]) == sample * 1600


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    with serving(tmp_path) as served:
        yield served


def ask_to_end(web: str, process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 20
    while httpx.get(f"{web}/health", trust_env=False, timeout=10).status_code == 200:
        assert time.monotonic() < deadline


def test_it_takes_no_new_streams_but_lets_the_old_ones_end(web: tuple[str, "subprocess.Popen[bytes]"]) -> None:
    address, process = web
    with talk(address) as socket:
        ask_to_end(address, process)
        with pytest.raises(InvalidStatus), connect(address_of_a_call(address), proxy=None):
            pass
        echoed(socket, b"\x03\x04")
        socket.send(stop_frame())
    assert process.wait(10) == 0
    stream = Stream.objects.get()
    assert (stream.closed_by, stream.closed_at is not None) == ("caller", True)


def test_a_second_signal_hangs_up_and_writes_that_down(web: tuple[str, "subprocess.Popen[bytes]"]) -> None:
    address, process = web
    with talk(address) as socket:
        ask_to_end(address, process)
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionClosed):
            while True:
                socket.recv(timeout=10)
        assert socket.close_code == 4012
    assert process.wait(10) == 0
    stream = Stream.objects.get()
    assert (stream.closed_by, stream.close_reason) == ("server", "the server was stopped")
