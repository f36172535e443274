from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from campaigns.lifecycle import DUE_CONTACTS, CampaignStatus, ContactState, Outcome
from campaigns.models.accounts import ExotelAccount
from campaigns.models.lists import Contact, ContactList


class Mode(models.TextChoices):
    BOT = "bot", "Bot (direct stream)"
    FLOW = "flow", "Exotel flow"


class Purpose(models.TextChoices):
    """Why people are called; it selects the legal ceiling of the calling hours."""

    SERVICE = "service", "Service"
    PROMOTIONAL = "promotional", "Promotional"
    RECOVERY = "recovery", "Loan recovery"


class RecordingChannels(models.TextChoices):
    SINGLE = "single", "Single (mixed)"
    DUAL = "dual", "Dual (caller and bot apart)"


class PassthruBranch(models.TextChoices):
    """When a flow's synchronous Passthru is answered 302 (Exotel's branch B); else always 200 (branch A)."""

    NEVER = "never", "Never: always branch A"
    GOAL = "goal", "The bot reached its goal"
    PROGRESS = "progress", "The bot got on, short of its goal"
    OBJECTION = "objection", "The person objected"
    STOP = "stop", "The person asked not to be called"
    NOTHING = "nothing", "The bot recorded no result"
    RESULT = "result", "The bot recorded the result named below"


class UnknownPolicy(models.TextChoices):
    """What to do with somebody once it is proved that an uncertain attempt was never dialled."""

    ASK = "ask", "Ask: a button dials them"
    REDIAL = "redial", "Dial again by itself"
    NEVER = "never", "Never dial again"


class Campaign(models.Model):
    """What is said to whom, when and how fast. Counters and pace live in rows of their own (CampaignPace).

    draft -> scheduled -> running <-> paused -> draining -> cancelled; running -> completed. See campaigns.lifecycle.
    `generation` grows with each launch, pause and resume: an intent is granted for one generation only. `version` is
    the number of the CampaignVersion that holds its settings as they are now, 0 before the launch.
    """

    name = models.CharField(max_length=120)
    account = models.ForeignKey(ExotelAccount, on_delete=models.PROTECT, related_name="campaigns")
    status = models.CharField(max_length=10, choices=CampaignStatus, default=CampaignStatus.DRAFT)
    generation = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=0, db_default=0)
    is_test = models.BooleanField(default=False)  # a single test call; kept out of lists and figures
    purpose = models.CharField(max_length=12, choices=Purpose, default=Purpose.SERVICE)
    mode = models.CharField(max_length=4, choices=Mode, default=Mode.BOT)
    bot = models.CharField(max_length=40, default="", blank=True)
    bot_options = models.JSONField(default=dict, blank=True)
    flow_url = models.CharField(max_length=500, default="", blank=True)
    passthru_branch = models.CharField(max_length=10, choices=PassthruBranch, default=PassthruBranch.NEVER)
    passthru_result = models.CharField(max_length=60, default="", blank=True)  # for the branch "result": its words
    passthru_ends_call = models.BooleanField(default=False)  # nothing follows the flow's last Passthru: slot free
    stream_parameters = models.JSONField(default=list, blank=True)  # columns sent to the stream, at most three
    caller_id = models.CharField(max_length=20)
    lists = models.ManyToManyField(ContactList, through="CampaignList", related_name="campaigns")
    audience = models.JSONField(default=list, db_default=[], blank=True)  # who of the lists: campaigns.filters.to_json

    calls_per_second = models.DecimalField(max_digits=6, decimal_places=3, default=Decimal(1))
    max_concurrent = models.PositiveIntegerField(default=10)
    weight = models.PositiveIntegerField(default=1)
    time_zone = models.CharField(max_length=64, default="Asia/Kolkata")
    window_start = models.TimeField()
    window_end = models.TimeField()  # equal to the start: all day
    ends_at = models.DateTimeField(null=True, blank=True)  # from then on nobody is called any more
    ring_timeout = models.PositiveIntegerField(default=45)  # seconds
    time_limit = models.PositiveIntegerField(default=300)  # seconds, of the whole call
    max_attempts = models.PositiveIntegerField(default=1)
    unknown_policy = models.CharField(max_length=6, choices=UnknownPolicy, default=UnknownPolicy.ASK)

    record = models.BooleanField(default=False)
    recording_channels = models.CharField(max_length=6, choices=RecordingChannels, default=RecordingChannels.SINGLE)
    sample_rate = models.PositiveIntegerField(default=8000)
    stream_name = models.CharField(max_length=32, default="", blank=True)

    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    scheduled_at = models.DateTimeField(null=True, blank=True)
    launched_at = models.DateTimeField(null=True, blank=True)
    launched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    paused_by = models.CharField(max_length=150, default="", blank=True)  # a user's name, or "Dialer"
    paused_reason = models.TextField(default="", blank=True)
    # who stopped it with its live talks: streams that are open, or open later, are closed
    hang_up_by = models.CharField(max_length=150, default="", db_default="", blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # after an edit of the hours: the last campaign contact whose time was planned anew; null when all were
    replan_after = models.BigIntegerField(null=True, blank=True)
    enrolled_at = models.DateTimeField(null=True, blank=True)  # null while contacts are still being enrolled
    zones = models.JSONField(default=list, blank=True)  # the zones of the enrolled contacts; '' is the campaign's own

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(calls_per_second__gt=0), name="pace_above_zero"),
            models.CheckConstraint(condition=Q(max_concurrent__gt=0), name="slots_above_zero"),
            models.CheckConstraint(condition=Q(max_attempts__gt=0), name="attempts_above_zero"),
            models.CheckConstraint(condition=Q(time_limit__lte=14_400), name="time_limit_of_the_carrier"),
        ]
        indexes = [
            # the dial loop and housekeeping: campaigns that may have work
            models.Index(
                fields=["account", "status"],
                name="campaign_live",
                condition=Q(status__in=["running", "paused", "draining", "scheduled"]),
            )
        ]

    def __str__(self) -> str:
        return self.name


class CampaignList(models.Model):
    """A list whose people a campaign calls. `cursor` is the last contact judged, `left_out` how many did not match."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="list_links")
    contact_list = models.ForeignKey(ContactList, on_delete=models.PROTECT)
    cursor = models.BigIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0, db_default=0)
    done = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "contact_list"], name="list_once_per_campaign")]

    def __str__(self) -> str:
        return f"{self.campaign_id} calls {self.contact_list_id}"


class RetryRule(models.Model):
    """After this outcome, call again up to `times` times, `delay_minutes` after each."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="retry_rules")
    outcome = models.CharField(max_length=12, choices=Outcome)
    times = models.PositiveIntegerField(default=1)
    delay_minutes = models.DecimalField(max_digits=8, decimal_places=3, default=Decimal(30))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "outcome"], name="one_rule_per_outcome")]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.times} more, {self.delay_minutes} min later"


class CampaignPace(models.Model):
    """A campaign's own pace and share. Written by intents only, under the account's pacer lock."""

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, primary_key=True, related_name="pace")
    next_dial_at = models.DateTimeField(default=timezone.now)
    served = models.PositiveBigIntegerField(default=0)
    accepted = models.PositiveBigIntegerField(default=0)  # POSTs that Exotel took
    bad_requests_in_row = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"pace of {self.campaign_id}"


class CampaignAudio(models.Model):
    """A WAV uploaded for an option of the campaign's bot, as uploaded."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="audio")
    option = models.CharField(max_length=40)
    file_name = models.CharField(max_length=255)
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "option"], name="one_audio_per_option")]

    def __str__(self) -> str:
        return self.file_name


class CampaignContact(models.Model):
    """One person in one campaign: the place in the queue.

    `tries` counts attempts that may have rung. `reason` says why a contact is skipped or not due yet, in words.
    `prepared` is true once everything that the bot will say to this person is rendered.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="contacts", db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.SET_NULL, null=True, related_name="enrolments")
    phone = models.CharField(max_length=16)
    name = models.CharField(max_length=200, default="", blank=True)
    variables = models.JSONField(default=dict)
    time_zone = models.CharField(max_length=64, default="", blank=True)
    state = models.CharField(max_length=10, choices=ContactState, default=ContactState.PENDING)
    due_at = models.DateTimeField(default=timezone.now)
    reason_code = models.CharField(max_length=30, default="", blank=True)
    reason = models.CharField(max_length=300, default="", blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_outcome = models.CharField(max_length=12, choices=Outcome, default="", blank=True)
    disposition = models.CharField(max_length=60, default="", blank=True)
    disposition_kind = models.CharField(max_length=12, default="", blank=True)
    prepared = models.BooleanField(default=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "phone"], name="person_once_per_campaign")]
        indexes = [
            # intents: the next person due in a campaign
            models.Index(
                fields=["campaign", "due_at", "id"],
                name="contact_due",
                condition=Q(state__in=DUE_CONTACTS, prepared=True),
            ),
            # prepare_tick: the next person whose prompts must be rendered
            models.Index(
                fields=["campaign", "due_at", "id"],
                name="contact_unprepared",
                condition=Q(state__in=DUE_CONTACTS, prepared=False),
            ),
            # over_time: when people are called again
            models.Index(fields=["campaign", "due_at"], name="contact_retry", condition=Q(state=ContactState.RETRY)),
            # the people page, whole and by state, in the list's order (by digits: contact_by_digits, in a migration)
            models.Index(fields=["campaign", "id"], name="contact_in_order"),
            models.Index(fields=["campaign", "state", "id"], name="contact_by_state"),
        ]

    def __str__(self) -> str:
        return f"campaign contact {self.pk}"


DUE_ORDER = (F("due_at"), F("id"))
