"""`python fake_house.py`: the supervisor with small processes of the same names, and a manage.py that does little."""

import sys
import textwrap
from collections.abc import Mapping

from dialer.supervisor.processes import Process
from dialer.supervisor.running import House, run

QUIET = """
    import time
    time.sleep(600)
"""
WARNS = """
    import time
    print("INFO nothing to see")
    print("2026-01-01 WARNING the account is held")
    time.sleep(600)
"""
STUBBORN = """
    import signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
"""
MANAGE = """
    import os, sys
    if os.environ.get("BREAK") == sys.argv[1]:
        sys.exit("relation missing")
    if sys.argv[1] == "bootstrap":
        account = "null" if os.environ.get("NO_ACCOUNT") else '"Simulated"'
        print('{"username": "operator", "password": "swordfish", "account": %s}' % account)
"""


def fakes(values: Mapping[str, str]) -> tuple[Process, ...]:
    web = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", values["PORT"])
    return (
        Process("simulator", script(QUIET), grace=5),
        Process("work", script(WARNS), grace=5),
        Process("dial", script(STUBBORN), grace=0.3),
        Process("beat", script(QUIET), grace=5),
        Process("web", web, grace=5),
    )


def script(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", textwrap.dedent(text))


if __name__ == "__main__":
    sys.exit(run(House(processes=fakes, manage=script(MANAGE))))
