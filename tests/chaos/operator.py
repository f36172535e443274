"""The operator: a process of its own inside the product's code, that runs commands, pauses, resumes, edits a running
campaign, ends talks, puts people on the do-not-call list.

One JSON object a line in, one out: {"do": "pause", "campaign": 1} -> {"at": 1790000000.1}, the wall time at which the
commit was certain, or {"refused": why}. A database that is away is waited for: until then nothing was committed.
{"do": "command", "words": […]} runs a command of manage.py and brings its JSON as "said".
"""

import io
import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

Request = dict[str, Any]
PATIENCE = 60.0


def main() -> None:
    """Answer requests until standard input ends."""
    import django

    django.setup()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
        sys.stdout.flush()


def _answer(request: Request) -> dict[str, Any]:
    from django.db import Error, connection

    from campaigns.refusals import NotAllowed

    until = time.monotonic() + PATIENCE
    while True:
        try:
            said = _act(request)()
            return {"at": time.time()} | ({"said": said} if request["do"] == "command" else {})
        except NotAllowed as refused:
            return {"refused": str(refused)}
        except Error as away:
            connection.close()
            if time.monotonic() > until:
                return {"refused": f"the database is away: {away}"}
            time.sleep(0.2)


def _act(request: Request) -> Callable[[], object]:
    from campaigns import adjusting, control, suppressing
    from campaigns.audit import COMMAND_LINE

    acts: dict[str, Callable[[], object]] = {
        "command": lambda: _command(request["words"]),
        "pause": lambda: control.pause(request["campaign"], by=COMMAND_LINE),
        "resume": lambda: control.resume(request["campaign"], by=COMMAND_LINE),
        "adjust": lambda: adjusting.adjust(request["campaign"], by=COMMAND_LINE, **_adjustment(request["wanted"])),
        "hang up": lambda: _hang_up(request["campaign"]),
        "suppress": lambda: suppressing.suppress(request["phones"], reason="asked", by=COMMAND_LINE),
    }
    return acts[request["do"]]


def _adjustment(wanted: dict[str, Any]) -> Any:
    """As `adjusting` takes it: JSON has neither decimals nor times."""
    kinds: dict[str, Callable[[str], object]] = {"calls_per_second": Decimal, "ends_at": datetime.fromisoformat}
    return {name: kinds[name](value) if name in kinds else value for name, value in wanted.items()}


def _hang_up(campaign_id: int) -> None:
    """End the talk that has gone on for longest. Raises NotAllowed if there is none."""
    from campaigns import streams
    from campaigns.audit import COMMAND_LINE
    from campaigns.models import Stream
    from campaigns.refusals import NotAllowed

    talk = Stream.objects.filter(attempt__campaign=campaign_id, closed_at=None).order_by("pk").first()
    if talk is None:
        raise NotAllowed("nobody talks")
    streams.ask_to_hang_up(talk.attempt_id, by=COMMAND_LINE)


def _command(words: list[str]) -> Any:
    from django.core.management import call_command

    out = io.StringIO()
    call_command(*words, "--json", stdout=out)
    return json.loads(out.getvalue())


if __name__ == "__main__":
    main()
