"""Celery: the timer and the worker pool. The database is the queue; every message here may vanish without loss.

See docs/decisions/0002-celery-is-a-clock.md for why no task carries a payload, an ETA or a result.
"""

import os

from celery import Celery
from celery.signals import worker_ready

from dialer import long_running

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dialer.settings")

app = Celery("dialer")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["campaigns"])


@worker_ready.connect
def _settle_in(**_: object) -> None:
    long_running.settle_in()
