from django.db import models
from django.utils import timezone

from campaigns.secrets import EncryptedTextField

# Decrypting them costs more than most queries: where they are not needed they are deferred.
CREDENTIALS = ("api_key", "api_token")


class AccountKind(models.TextChoices):
    EXOTEL = "exotel", "Exotel"
    SIMULATOR = "simulator", "Simulator"  # our simulator or anything on loopback: no real phone can ring


class Spelling(models.TextChoices):
    WIRE = "wire", "As Exotel's servers accept it (From, CallerId)"
    DOCUMENTED = "documented", "As Exotel's guide prints it (from, callerid)"


class ExotelAccount(models.Model):
    """One set of credentials at Exotel, with what the account allows.

    `calls_per_minute` bounds every request to the voice API (200 is Exotel's documented limit per account); 90 % of
    it may be dials, the rest is kept for call details. `time_zone` is the zone of the carrier's zoneless timestamps.
    `reporting_lag` is how many seconds after the latest possible end of a call its absence from the call list counts
    as proof: callback retries (20 min) plus details lag (5 min).
    """

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=12, choices=AccountKind)
    api_url = models.CharField(max_length=300)
    account_sid = models.CharField(max_length=100)
    api_key = EncryptedTextField()
    api_token = EncryptedTextField()
    spelling = models.CharField(max_length=12, choices=Spelling, default=Spelling.WIRE)
    time_zone = models.CharField(max_length=64, default="Asia/Kolkata")
    calls_per_minute = models.PositiveIntegerField(default=60)
    max_concurrent = models.PositiveIntegerField(default=30)
    reporting_lag = models.PositiveIntegerField(default=1500)
    daily_cap = models.PositiveIntegerField(default=0)  # calls to one person in 24 hours, all campaigns; 0: no cap
    from_environment = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name

    @property
    def simulated(self) -> bool:
        return self.kind == AccountKind.SIMULATOR


class CallerId(models.Model):
    """An ExoPhone that may be shown to the person called, as the operator spells it."""

    account = models.ForeignKey(ExotelAccount, on_delete=models.CASCADE, related_name="caller_ids")
    number = models.CharField(max_length=20)
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "number"], name="caller_id_once_per_account")]

    def __str__(self) -> str:
        return self.number


class Pacer(models.Model):
    """The account's pace, its back-off and its hold. The first row that intents, pauses, limits and edits lock.

    `next_dial_at` and `next_details_at` are GCRA rows without burst: the earliest instant of the next request of that
    kind. `held_code` is empty while the account may dial; `probe_at` is when a held account is tried again by itself
    (null: only a person lifts the hold). `recent` is the last 20 POSTs, newest last: `+` certain, `?` unknown.

    Requests may be fewer than the account is set to: `learnt_per_minute` from 429s (`learnt_at` is when it last
    changed, `learnt_patience` how many quiet minutes it takes to raise it), `told_per_minute` from Exotel's
    X-RateLimit-Limit. See `campaigns.learning`. `most_streams` is Exotel's ThrottleLimit; see `campaigns.stream_use`.
    `unanswered` is what comes instead of answers to questions about calls; see `campaigns.unanswered`.
    """

    account = models.OneToOneField(ExotelAccount, on_delete=models.CASCADE, primary_key=True)
    next_dial_at = models.DateTimeField(default=timezone.now)
    next_details_at = models.DateTimeField(default=timezone.now)
    backoff_until = models.DateTimeField(null=True)
    backoff_seconds = models.PositiveIntegerField(default=0)
    backoff_reason = models.CharField(max_length=300, default="", db_default="", blank=True)
    slowed_at = models.DateTimeField(null=True)  # the last 429 that was not the echo of another
    learnt_per_minute = models.PositiveIntegerField(null=True)
    learnt_at = models.DateTimeField(null=True)
    learnt_patience = models.PositiveSmallIntegerField(default=1, db_default=1)
    told_per_minute = models.PositiveIntegerField(null=True)
    told_at = models.DateTimeField(null=True)
    most_streams = models.PositiveIntegerField(null=True)
    held_code = models.CharField(max_length=30, default="", blank=True)
    held_reason = models.TextField(default="", blank=True)
    held_since = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)
    probing = models.BooleanField(default=False)  # half-open: one dial at a time until one is certain
    probe_seconds = models.PositiveIntegerField(default=0, db_default=0)  # to the next probe, after calls that failed
    unanswered = models.CharField(max_length=300, default="", db_default="", blank=True)
    unanswered_since = models.DateTimeField(null=True)
    recent = models.CharField(max_length=20, default="", blank=True)
    not_sent_in_row = models.PositiveIntegerField(default=0)
    loop_owner = models.IntegerField(null=True)
    loop_seen_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"pacer of {self.account_id}"
