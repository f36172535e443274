from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """Somebody who signs in. Ours from the first migration, so that it can grow."""

    mail_on_stall = models.BooleanField(default=False)  # wants mail when a campaign dials nobody though it should

    def __str__(self) -> str:
        return self.get_full_name() or self.username
