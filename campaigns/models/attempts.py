from django.db import models
from django.db.models import Q
from django.utils import timezone

from campaigns.lifecycle import OPEN_ATTEMPTS, AttemptState, Outcome
from campaigns.models.accounts import AccountKind, ExotelAccount
from campaigns.models.campaigns import Campaign, CampaignContact


class CallAttempt(models.Model):
    """One try to reach one person: at most one POST, ever. Never partitioned: its unique constraints are the promise.

    dialing -> placed -> answered -> ended(outcome); refused: nothing was dialled; unknown: we cannot say.
    A slot is held while `slot_released_at` is null. `proof_at` is when absence from the call list starts to count.
    """

    # db_index=False: the indexes below begin with these columns already, and every change of state writes each index.
    account = models.ForeignKey(ExotelAccount, on_delete=models.PROTECT, related_name="attempts", db_index=False)
    account_kind = models.CharField(max_length=12, choices=AccountKind)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="attempts", db_index=False)
    campaign_contact = models.ForeignKey(
        CampaignContact, on_delete=models.PROTECT, related_name="attempts", db_index=False
    )
    ordinal = models.PositiveSmallIntegerField()
    generation = models.PositiveIntegerField(default=0)
    campaign_version = models.PositiveIntegerField(default=1, db_default=1)  # CampaignVersion.number at the intent
    phone = models.CharField(max_length=16)
    caller_id = models.CharField(max_length=20)
    ring_timeout = models.PositiveIntegerField()
    time_limit = models.PositiveIntegerField()
    mode = models.CharField(max_length=4)

    state = models.CharField(max_length=10, choices=AttemptState, default=AttemptState.DIALING)
    outcome = models.CharField(max_length=12, choices=Outcome, default="", blank=True)
    reason_code = models.CharField(max_length=30, default="", blank=True)
    reason = models.CharField(max_length=500, default="", blank=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    sid = models.CharField(max_length=64, null=True)
    owner = models.IntegerField()  # of the dial loop that wrote the intent; see pacing.owner_alive

    intent_at = models.DateTimeField()
    placed_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)  # the outcome agrees with Exotel's call details
    slot_expires_at = models.DateTimeField()
    slot_released_at = models.DateTimeField(null=True)
    slot_evidence = models.CharField(max_length=30, default="", blank=True)
    check_at = models.DateTimeField(null=True)  # when the reconciler asks Exotel next
    checks = models.PositiveSmallIntegerField(default=0)
    proof_at = models.DateTimeField()

    carrier_status = models.CharField(max_length=30, default="", blank=True)
    duration = models.PositiveIntegerField(null=True)  # seconds, ringing included
    talk_seconds = models.PositiveIntegerField(null=True)
    price = models.DecimalField(max_digits=10, decimal_places=4, null=True)
    recording_url = models.TextField(default="", blank=True)  # a candidate, believed only after checks
    contradiction = models.CharField(max_length=300, default="", blank=True)
    flow_digits = models.CharField(max_length=40, default="", blank=True)  # keys pressed in a flow's menu
    carrier_streams = models.JSONField(default=list)  # what a Passthru told of each stream; see campaigns.flow_facts
    disposition = models.CharField(max_length=60, default="", blank=True)
    disposition_kind = models.CharField(max_length=12, default="", blank=True)
    disposition_key = models.CharField(max_length=40, default="", blank=True)
    disposition_details = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign_contact", "ordinal"], name="attempt_ordinal_once"),
            models.UniqueConstraint(
                fields=["campaign_contact"],
                name="one_open_attempt_per_contact",
                condition=Q(state__in=OPEN_ATTEMPTS),
            ),
            models.UniqueConstraint(
                fields=["account_kind", "phone"],
                name="one_open_attempt_per_person",
                condition=Q(state__in=OPEN_ATTEMPTS),
            ),
            models.UniqueConstraint(fields=["account", "sid"], name="sid_once_per_account"),
        ]
        indexes = [
            # slots of the account and of each campaign
            models.Index(
                fields=["account", "campaign"],
                name="attempt_slot_held",
                condition=Q(slot_released_at__isnull=True),
            ),
            # sweeper: intents whose owner may have died
            models.Index(fields=["owner"], name="attempt_dialing", condition=Q(state=AttemptState.DIALING)),
            # reconciler: whom to ask about next
            models.Index(fields=["account", "check_at"], name="attempt_check_due", condition=Q(check_at__isnull=False)),
            # the call log, newest first, whole and by campaign
            models.Index(fields=["-intent_at", "-id"], name="attempt_log"),
            models.Index(fields=["campaign", "-intent_at", "-id"], name="attempt_log_of_campaign"),
            # the call log filtered by outcome, whole and by campaign (by digits: attempt_by_digits, in a migration)
            models.Index(fields=["outcome", "-intent_at", "-id"], name="attempt_log_of_outcome"),
            models.Index(fields=["campaign", "outcome", "-intent_at", "-id"], name="attempt_log_of_both"),
            models.Index(
                fields=["-intent_at", "-id"], name="attempt_log_refused", condition=Q(state=AttemptState.REFUSED)
            ),
            # calls in progress of a campaign
            models.Index(fields=["campaign", "intent_at"], name="attempt_open", condition=Q(state__in=OPEN_ATTEMPTS)),
            # call history of a person
            models.Index(fields=["phone", "-intent_at"], name="attempt_of_person"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.pk}"


class EventSource(models.TextChoices):
    POST = "post", "Answer to our POST"
    CALLBACK = "callback", "Status callback"
    PASSTHRU = "passthru", "Passthru"
    DYNAMIC = "dynamic", "Stream address asked for"
    STREAM = "stream", "Stream"
    DETAILS = "details", "Call details"
    DIALER = "dialer", "Dialer"


class CallEvent(models.Model):
    """What somebody said about a call, kept as it came. Append-only; `applied_at` and `note` are ours.

    `digest` is unique per kind of fact: the carrier's doubles become one row.
    """

    attempt = models.ForeignKey(CallAttempt, on_delete=models.CASCADE, null=True, related_name="events")
    account = models.ForeignKey(ExotelAccount, on_delete=models.CASCADE, null=True)
    source = models.CharField(max_length=10, choices=EventSource)
    received_at = models.DateTimeField(default=timezone.now)
    call_sid = models.CharField(max_length=64, default="", blank=True)
    digest = models.CharField(max_length=64)
    said = models.JSONField(default=dict)  # what it says in our words; see events.statement
    fields = models.JSONField(default=dict)  # as parsed, in the carrier's words
    raw = models.TextField(default="", blank=True)
    content_type = models.CharField(max_length=200, default="", blank=True)
    copies = models.PositiveIntegerField(default=1)
    applied_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "source", "digest"],
                name="event_once_per_attempt",
                condition=Q(attempt__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["source", "digest"],
                name="unmatched_event_once",
                condition=Q(attempt__isnull=True),
            ),
        ]
        indexes = [
            # what a dead process stored but did not apply
            models.Index(
                fields=["received_at"],
                name="event_unapplied",
                condition=Q(applied_at__isnull=True, attempt__isnull=False),
            ),
            models.Index(fields=["call_sid"], name="event_by_sid"),
            # what belongs to no call, newest first
            models.Index(fields=["-received_at"], name="event_unmatched", condition=Q(attempt__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.source} event {self.pk}"
