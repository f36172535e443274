from django.conf import settings
from django.db import models
from django.utils import timezone


class Suppression(models.Model):
    """A number that nobody calls, whatever the campaign. Checked inside every intent."""

    phone = models.CharField(max_length=16, unique=True)
    reason = models.CharField(max_length=200)
    source = models.CharField(max_length=20, default="operator")  # operator, call (the person asked), carrier
    added_at = models.DateTimeField(default=timezone.now)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)

    class Meta:
        indexes = [
            # the do-not-call page, newest first (by last digits: suppression_by_digits, in a migration)
            models.Index(fields=["-added_at", "-id"], name="suppression_newest"),
        ]

    def __str__(self) -> str:
        return f"suppression {self.pk}"
