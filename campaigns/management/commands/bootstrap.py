import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction

from campaigns import accounts
from campaigns.management.base import DialerCommand
from campaigns.models import User

USERNAME = "operator"


class Command(DialerCommand):
    help = "Make the first user, and bring the account of the environment up to date. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)

    def handle(self, **options: Any) -> None:
        try:
            account = accounts.from_environment(settings.EXOTEL)
        except accounts.BadSetting as bad:
            raise CommandError(str(bad)) from bad
        username, password = _first_user()
        found = {"username": username, "password": password, "account": account.name if account else None}
        sentence = f"User {username}, password {password}." if password else f"User {username} exists."
        self.answer(options, found, sentence)


def _first_user() -> tuple[str, str | None]:
    """The first user's name, and the password if the user was made now."""
    with transaction.atomic():
        first = User.objects.order_by("pk").first()
        if first is not None:
            return first.username, None
        password = secrets.token_urlsafe(12)
        User.objects.create_superuser(USERNAME, password=password)
        return USERNAME, password
