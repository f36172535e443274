from django.db import models
from django.db.models import Q
from django.utils import timezone

from campaigns.models.accounts import ExotelAccount
from campaigns.secrets import EncryptedTextField


class TokenPurpose(models.TextChoices):
    """What an address opens that an operator pastes into a flow, once for all calls of the account."""

    PASSTHRU = "passthru", "Passthru"
    DYNAMIC_STREAM = "dynamic-stream", "Stream by a dynamic address"
    STATIC_STREAM = "static-stream", "Stream at a fixed address"


class AccountToken(models.Model):
    """One version of the token in such an address; the text is made from it (campaigns.account_tokens), not stored.

    `retired_at` is null for the version in use; else the moment from which it opens nothing, which is in the future
    while a grace period runs. `password`, if any, is asked for as Basic auth beside the token (static streams only).
    `used_at` is when it was last shown to us, to the minute, also after it was retired.
    """

    account = models.ForeignKey(ExotelAccount, on_delete=models.CASCADE, related_name="tokens")
    purpose = models.CharField(max_length=16, choices=TokenPurpose)
    version = models.PositiveIntegerField(default=1)
    password = EncryptedTextField(default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "purpose", "version"], name="token_version_once"),
            models.UniqueConstraint(
                fields=["account", "purpose"], name="one_token_in_use", condition=Q(retired_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} token {self.version} of {self.account_id}"
