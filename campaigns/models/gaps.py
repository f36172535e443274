import uuid

from django.db import models
from django.db.models import Q

from campaigns.models.accounts import ExotelAccount


class Installation(models.Model):
    """Who this database is, however often it is copied, put back or moved: one row, made once; see campaigns.gaps.

    `witnessed_at` is when its last calls were first written down outside of it: from then on a database with calls
    and without a witness has lost something.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    key = models.UUIDField(default=uuid.uuid4)
    witnessed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.key)


class Gap(models.Model):
    """Calls of an account that were made, and that this database has forgotten: it was put back from a copy.

    The copy knows of calls up to `known_until` (null: of none); calls were made until `called_until` (null: nobody can
    say, the witness is lost as well). `ready_at` is when the last of them is surely over and in Exotel's list,
    `listed_until` how far the list was read. While `closed_at` is null nobody of the account is dialled.
    """

    account = models.ForeignKey(ExotelAccount, on_delete=models.CASCADE, related_name="gaps")
    found_at = models.DateTimeField()
    known_until = models.DateTimeField(null=True)
    called_until = models.DateTimeField(null=True)
    witnessed = models.BigIntegerField(default=0)  # the highest attempt that the witness knew of
    ready_at = models.DateTimeField()
    listed_until = models.DateTimeField(null=True)
    found = models.JSONField(default=dict)  # what the list showed: numbers of calls, see restoring.Found
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], name="one_open_gap_per_account", condition=Q(closed_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"gap of account {self.account_id} until {self.called_until}"
