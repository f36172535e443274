from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class CampaignsConfig(AppConfig):
    name = "campaigns"
    verbose_name = "Campaigns"

    def ready(self) -> None:
        from campaigns import checks  # noqa: F401 (registers the system checks)

        pre_migrate.connect(take_time, sender=self)
        post_migrate.connect(hurry_again, sender=self)


def take_time(using: str, **_: object) -> None:
    """The timeouts of pages and ticks are not for migrations: an index of millions of rows takes minutes."""
    with connections[using].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET idle_in_transaction_session_timeout = 0")


def hurry_again(using: str, **_: object) -> None:
    """The connection's own timeouts."""
    with connections[using].cursor() as cursor:
        cursor.execute("RESET statement_timeout")
        cursor.execute("RESET idle_in_transaction_session_timeout")
