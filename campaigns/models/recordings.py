from django.db import models
from django.db.models import Q
from django.utils import timezone

from campaigns.models.attempts import CallAttempt


class RecordingStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"  # not ready at the carrier yet; tried again at next_try_at
    FETCHING = "fetching", "Fetching"  # a worker has it until next_try_at; after that the worker is dead
    STORED = "stored", "Stored"  # our copy is whole and checked
    MISSING = "missing", "Missing"  # given up: the carrier never had it ready
    REFUSED = "refused", "Refused"  # given up: what was offered may not be fetched or kept


_R = RecordingStatus
RECORDING = {
    str(before): frozenset(map(str, after))
    for before, after in {
        _R.WAITING: (_R.FETCHING,),
        _R.FETCHING: (_R.FETCHING, _R.WAITING, _R.STORED, _R.MISSING, _R.REFUSED),
        _R.STORED: (),
        _R.MISSING: (_R.WAITING,),
        _R.REFUSED: (_R.WAITING,),
    }.items()
}
OPEN_RECORDINGS = (_R.WAITING, _R.FETCHING)
GIVEN_UP = (_R.MISSING, _R.REFUSED)


class Recording(models.Model):
    """Our copy of what was recorded of one call, or the search for it.

    waiting -> fetching -> stored; fetching -> waiting -> ... for a day, then missing or refused. `file` gets a new
    random name with each try, which is its fence: a worker may only settle the try that it began, and what a dead
    worker left is known by name. `candidates` are `{address, source, verdict}`, where the verdict is '' or why it may
    not be fetched. `peaks` are, per channel, the loudest of each of some 800 parts in per cent of full scale; null:
    not measured yet.
    """

    attempt = models.OneToOneField(CallAttempt, on_delete=models.CASCADE, related_name="recording")
    status = models.CharField(max_length=10, choices=RecordingStatus, default=RecordingStatus.WAITING)
    reason = models.CharField(max_length=300, default="", blank=True)  # why it was given up
    last_error = models.CharField(max_length=300, default="", blank=True)  # of the last try, in words
    candidates = models.JSONField(default=list)
    ask_next = models.BooleanField(default=False)  # the next try begins with Exotel's call details
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now, null=True)
    give_up_at = models.DateTimeField()
    changed_at = models.DateTimeField(default=timezone.now)

    file = models.FileField(max_length=120, default="", blank=True)
    size = models.PositiveBigIntegerField(null=True)  # bytes
    sha256 = models.CharField(max_length=64, default="", blank=True)
    content_type = models.CharField(max_length=20, default="", blank=True)
    presigned = models.BooleanField(default=False)  # came from an address that carried its own permission
    fetched_at = models.DateTimeField(null=True)

    channels = models.PositiveSmallIntegerField(null=True)
    seconds = models.FloatField(null=True)
    peaks = models.JSONField(null=True)
    measurings = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [
            # whom to fetch next
            models.Index(fields=["next_try_at"], name="recording_due", condition=Q(status__in=OPEN_RECORDINGS)),
            # the list of missing recordings, newest first
            models.Index(fields=["-changed_at", "-id"], name="recording_given_up", condition=Q(status__in=GIVEN_UP)),
            # stored, waveform still to be made
            models.Index(
                fields=["id"],
                name="recording_unmeasured",
                condition=Q(status=RecordingStatus.STORED, peaks__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"recording of call {self.attempt_id}"
