"""Keep tokens and people's numbers out of the logs, tracebacks included.

The addresses that Exotel calls carry tokens in their path; a database's error names the row it is about, and with it a
person's number.
"""

import logging
import re

_TOKEN = re.compile(r"(/x/(?:cb|pt|ds|ws/a|ws)/)[^\s/\"']+")
_NUMBER = re.compile(r"\+[1-9][0-9]{8,14}\b|\b0[6-9][0-9]{9}\b")  # E.164, and as Exotel prints an Indian mobile


def redacted(text: str) -> str:
    """The text with … in the place of tokens and numbers."""
    return _NUMBER.sub("…", _TOKEN.sub(r"\1…", text))


class RedactingFormatter(logging.Formatter):
    """Redacts what is about to be written: the message and the traceback behind it."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))
