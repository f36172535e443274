"""The warnings among what the processes write to their logs."""

import re
import time
from pathlib import Path

LINES_AT_ONCE = 5
LINE_LENGTH = 300
TOO_BIG = 20_000_000  # bytes, at a start: the old log is put aside once

SILENCE = 60.0  # seconds before the same warning, digits apart, is shown again

_WARNING = re.compile(r"(?<![%\w])(WARNING|ERROR|CRITICAL)\b")


class Warnings:
    """Follows one log from its present end on."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._offset = log.stat().st_size if log.exists() else 0
        self._shown: dict[str, float] = {}

    def fresh(self) -> list[str]:
        """Warnings and worse that came since the last time; the first few if there are many."""
        now = time.monotonic()
        self._shown = {line: at for line, at in self._shown.items() if now - at < SILENCE}
        found = [line[:LINE_LENGTH] for line in self._new_lines() if _WARNING.search(line) and self._is_new(line, now)]
        left_out = len(found) - LINES_AT_ONCE
        return [*found[:LINES_AT_ONCE], f"… {left_out} more in {self.log}"] if left_out > 0 else found

    def _is_new(self, line: str, now: float) -> bool:
        without_digits = re.sub(r"\d+", "", line)
        if without_digits in self._shown:
            return False
        self._shown[without_digits] = now
        return True

    def _new_lines(self) -> list[str]:
        """Whole lines only; the rest of a line is waited for."""
        if not self.log.exists():
            return []
        with self.log.open("rb") as file:
            file.seek(self._offset)
            whole = file.read(1_000_000).rpartition(b"\n")[0]
        self._offset += len(whole) + 1 if whole else 0
        return whole.decode(errors="replace").splitlines()


def put_aside(log: Path) -> None:
    """Begin a new log when the old one has grown big."""
    if log.exists() and log.stat().st_size > TOO_BIG:
        log.replace(log.with_name(log.name + ".1"))
