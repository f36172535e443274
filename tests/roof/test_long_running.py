"""What is loaded when a worker is ready is no longer walked through by the garbage collector."""

import gc
from collections.abc import Iterator

import pytest
from celery.signals import worker_ready

import dialer.celery  # noqa: F401 (connects to the signal)
from dialer.serving import DrainingServer


@pytest.fixture(autouse=True)
def _nothing_is_set_aside() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_a_worker_sets_aside_what_it_has_loaded() -> None:
    worker_ready.send(sender=None)
    assert gc.get_freeze_count() > 100_000


def test_the_web_server_sets_aside_what_it_has_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialer.serving.twisted_loop.add_signal_handler", lambda *_: None)
    monkeypatch.setattr("dialer.serving._stand_in", lambda: None)
    server = DrainingServer(application=None, endpoints=["tcp:port=0:interface=127.0.0.1"])
    assert gc.get_freeze_count() == 0
    server.ready_callable()
    assert gc.get_freeze_count() > 100_000
