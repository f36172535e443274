"""`python -m bench.import_one FILE LIST`: imports a file in this process, as the command does; prints what it took."""

import json
import resource
import sys
import time
from pathlib import Path

import django

django.setup()

from django.core.files import File  # noqa: E402 (Django is set up first)

from campaigns.audit import COMMAND_LINE  # noqa: E402
from campaigns.importing import loading, mapping, uploads  # noqa: E402


def main(path: Path, name: str) -> None:
    began = time.monotonic()
    with path.open("rb") as file:
        given = uploads.receive(File(file, name=path.name), uploads.Target(name), by=COMMAND_LINE)
    guess = mapping.guess(given)
    looking = time.monotonic() - began
    counts = loading.run_now(given, guess.phone, guess.name, by=COMMAND_LINE, options=guess.options)
    used = resource.getrusage(resource.RUSAGE_SELF)
    took = {
        "rows": counts.rows,
        "people": counts.imported,
        "left out": counts.duplicates + counts.rejected,
        "seconds": time.monotonic() - began,
        "looking": looking,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(took))


main(Path(sys.argv[1]), sys.argv[2])
