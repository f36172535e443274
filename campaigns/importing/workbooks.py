"""A workbook is made into text at the door, so that all behind it (preview, import, going on after a kill) knows only
text and a worker never unpacks anything.

By a process of its own: an archive can be made to need any memory and any time, and whoever serves pages has neither to
spare. Its files have no names, so nothing of them is left, whatever becomes of the process.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import UnsupportedOperation
from pathlib import Path
from shutil import copyfileobj
from typing import IO, BinaryIO, NamedTuple, cast

from campaigns.importing.reading import NotACsv

ARCHIVE = b"PK\x03\x04"
MEMORY = 1 << 30  # bytes of address space: a full sheet of a million rows takes half of it
CPU_SECONDS = 60  # of the processor,
CPU_SECONDS_PER_MB = 10  # of the archive: five times what a sheet full of people takes
WALL_FACTOR = 3  # times that by the clock
AT_ONCE = 2  # workbooks that one process lets be read
LONGEST_ANSWER = 32 << 20
TOO_MUCH = "This Excel workbook takes too much memory or time to read. Save the sheet as CSV and upload that."

_ROOT = Path(__file__).resolve().parents[2]
_PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")  # no secret among them
_FEW_THREADS = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}  # of numpy, if openpyxl finds it
_turns = threading.BoundedSemaphore(AT_ONCE)
log = logging.getLogger(__name__)


class Text(NamedTuple):
    """A file of text, the sheet it was made from ('' for a file that was text before) and the names of all sheets."""

    file: BinaryIO
    sheet: str
    sheets: tuple[str, ...]


@contextmanager
def as_text(file: BinaryIO, sheet: str = "") -> Iterator[Text]:
    """The file itself, or the sheet of a workbook as CSV in UTF-8: the named one, else the first that is not empty.

    Raises NotACsv for archives of any other sort, for workbooks that are damaged or unpack to too much, for a sheet
    that is not there. The temporary file is gone afterwards; `file` is left open, at its beginning.
    """
    file.seek(0)
    head = file.read(len(ARCHIVE))
    file.seek(0)
    if head != ARCHIVE:
        yield Text(file, "", ())
        return
    with tempfile.TemporaryFile() as target:
        with _turns:
            found = _written_out(file, target, sheet)
        target.seek(0)
        file.seek(0)
        yield Text(cast("BinaryIO", target), *found)


def named(file_name: str, sheet: str) -> str:
    """What the CSV made of a sheet is called: 'people.xlsx, sheet Leads'."""
    return f"{file_name[:200]}, sheet {sheet.replace('/', '-')}"


def _written_out(file: BinaryIO, target: IO[bytes], sheet: str) -> tuple[str, tuple[str, ...]]:
    seconds = CPU_SECONDS + CPU_SECONDS_PER_MB * (file.seek(0, os.SEEK_END) >> 20)
    file.seek(0)
    module = [sys.executable, "-W", "ignore", "-m", "campaigns.importing.sheets"]
    command = [*module, str(MEMORY), str(seconds), sheet]
    env = _FEW_THREADS | {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    with ExitStack() as files:
        source = files.enter_context(_on_disk(file))
        answer = files.enter_context(tempfile.TemporaryFile())
        try:
            ended = subprocess.run(
                command,
                stdin=source,
                stdout=target,
                stderr=answer,
                cwd=_ROOT,
                env=env,
                timeout=WALL_FACTOR * seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise NotACsv(TOO_MUCH) from late
        answer.seek(0)
        return _understood(ended.returncode, answer.read(LONGEST_ANSWER).decode(errors="replace"))


def _understood(code: int, answer: str) -> tuple[str, tuple[str, ...]]:
    """What the process says in its last line. One that was killed, be it by its limits, says nothing."""
    last = answer.strip().rpartition("\n")[2]
    if code:
        log.warning("a workbook was not read: its process ended with %s %s", code, last[:200])
        raise NotACsv(TOO_MUCH)
    said = json.loads(last)
    if "refused" in said:
        raise NotACsv(said["refused"])
    return said["sheet"], tuple(said["sheets"])


@contextmanager
def _on_disk(file: BinaryIO) -> Iterator[IO[bytes]]:
    """The file at its beginning, or a copy if it is in memory: another process is to read it."""
    try:
        file.fileno()
    except (UnsupportedOperation, AttributeError):
        with tempfile.TemporaryFile() as copy:
            copyfileobj(file, copy)
            copy.seek(0)
            yield copy
    else:
        yield file
