from django.db import models
from django.utils import timezone

from campaigns.models.accounts import ExotelAccount
from campaigns.models.attempts import CallAttempt


class Stream(models.Model):
    """One media WebSocket of one attempt, from its handshake to its end."""

    attempt = models.ForeignKey(CallAttempt, on_delete=models.CASCADE, related_name="streams")
    stream_sid = models.CharField(max_length=64, default="", blank=True)
    call_sid = models.CharField(max_length=64, default="", blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    close_code = models.PositiveIntegerField(null=True)
    closed_by = models.CharField(max_length=10, default="", blank=True)
    close_reason = models.CharField(max_length=200, default="", blank=True)
    sample_rate = models.PositiveIntegerField(default=8000)
    encoding = models.CharField(max_length=30, default="", blank=True)
    custom_parameters = models.JSONField(default=dict)
    seconds = models.FloatField(default=0)
    frames_in = models.PositiveIntegerField(default=0)
    frames_out = models.PositiveIntegerField(default=0)
    bytes_in = models.BigIntegerField(default=0)
    bytes_out = models.BigIntegerField(default=0)
    dropped = models.PositiveIntegerField(default=0)
    hang_up_by = models.CharField(max_length=150, default="", blank=True)  # who wants the talk ended; see botbridge

    class Meta:
        indexes = [
            # streams that a dead process left open, and the token's single use
            models.Index(fields=["attempt"], name="stream_open", condition=models.Q(closed_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"stream {self.pk}"


class StreamEntry(models.Model):
    """A line of a stream's timeline and transcript. `at` is seconds since the stream opened."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="entries")
    at = models.FloatField()
    kind = models.CharField(max_length=20)
    text = models.TextField(default="", blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["stream", "at", "id"], name="entry_in_order")]

    def __str__(self) -> str:
        return f"{self.at:.2f} {self.kind}"


class StreamUse(models.Model):
    """How many media streams Exotel says the account has open and may have; see campaigns.stream_use.

    `seen_at` is when it last said so, `problem` why it did not at `asked_at` ('' if it did). `limit` is null if unsaid.
    """

    account = models.OneToOneField(ExotelAccount, on_delete=models.CASCADE, primary_key=True, related_name="stream_use")
    asked_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    active = models.PositiveIntegerField(default=0)
    limit = models.PositiveIntegerField(null=True)
    problem = models.CharField(max_length=300, default="", blank=True)

    def __str__(self) -> str:
        return f"streams of {self.account_id}"
