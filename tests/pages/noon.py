"""A clock that stands at 11:42 in India today when it starts: pages, and pictures of them, that look alike at any hour.

`with noon():` moves Django's clock and the dialer's in this process; `python -m tests.pages.noon MODULE WORDS...` runs
a module with such a clock. PostgreSQL's own clock stays.
"""

import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from unittest import mock
from zoneinfo import ZoneInfo

import django
from django.utils import timezone

INDIA = ZoneInfo("Asia/Kolkata")


class _Kind(type):
    """Every real moment is an instance of the moved clock as well: Django asks."""

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, datetime)


def _clock(by: timedelta) -> type[datetime]:
    class Clock(datetime, metaclass=_Kind):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + by

    return Clock


@contextmanager
def noon() -> Iterator[None]:
    from campaigns import pacing

    real, now = pacing.db_now, datetime.now(INDIA)
    by = now.replace(hour=11, minute=42, second=20) - now

    def moved() -> datetime:
        return real() + by

    with mock.patch.object(timezone, "datetime", _clock(by)), mock.patch.object(pacing, "db_now", moved):
        yield


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dialer.settings")
    django.setup()
    sys.argv.pop(0)
    with noon():
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
