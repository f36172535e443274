"""Named points of the attempt protocol at which the chaos harness (tests/chaos) ends or freezes this process.

Off unless FAILPOINTS names a folder, and then only where the environment's account is a simulator on this machine:
anywhere else the start is refused, and every other account in the table is held. A point is armed by a file of its
name in the folder. The first who reaches it takes the file away and does what it says:

    kill          SIGKILL to this process, now
    kill 0.02     the same 20 ms later: in the middle of what follows
    stop          SIGSTOP; whoever armed it sends the SIGCONT
"""

import ipaddress
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

VARIABLE = "FAILPOINTS"
POINTS = (
    "intent.written",  # the attempt is inserted, not committed
    "intent.committed",  # and now it is; no thread has the POST yet
    "post.begin",  # a thread is about to send
    "post.answered",  # Exotel has answered; the loop does not know
    "settle.written",  # the answer is applied, not committed
    "settle.committed",  # and now it is; its event is not stored
    "outcome.ended",  # a call's end is applied, not committed
    "webhook.received",  # a callback was read; nothing is stored
    "webhook.stored",  # its event is committed, not applied, not answered
    "webhook.applied",  # applied, not answered
    "stream.opened",  # a stream is let in, not committed
    "stream.closed",  # its end and the slot it frees are written, not committed
    "sweep.written",  # a dead loop's intent is unknown, not committed
)


def folder(environment: Mapping[str, str], api_url: str) -> Path | None:
    """Where points are armed, None while they are off. Raises ImproperlyConfigured where a real phone could ring."""
    named = environment.get(VARIABLE)
    if not named:
        return None
    _only_a_simulator(api_url)
    return Path(named)


def refuse(api_url: str) -> None:
    """Before any request of an account: raises ImproperlyConfigured while points may be armed and this is a real one.

    The environment's own account was looked at when the process began; the table may hold others.
    """
    if _FOLDER is not None:
        _only_a_simulator(api_url)


def _only_a_simulator(api_url: str) -> None:
    if not _on_this_machine(urlsplit(api_url).hostname or ""):
        raise ImproperlyConfigured(f"{VARIABLE} breaks calls on purpose: it is refused unless a simulator takes them")


def _on_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_FOLDER = folder(os.environ, settings.EXOTEL["api_url"])


def reach(point: str) -> None:
    """Nothing, unless the point is armed."""
    if _FOLDER is not None:
        _do(_FOLDER / point)


def _do(armed: Path) -> None:
    """Take the order, if there is one; of many who come at once one gets it."""
    mine = armed.with_name(f"{armed.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        armed.rename(mine)
    except FileNotFoundError:
        return
    order, _, seconds = mine.read_text(encoding="utf-8").partition(" ")
    if order == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif seconds:
        threading.Timer(float(seconds), os.kill, (os.getpid(), signal.SIGKILL)).start()
    else:
        os.kill(os.getpid(), signal.SIGKILL)
