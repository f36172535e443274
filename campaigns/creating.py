"""Make a campaign from a plan; shared by the form and the command line, so that both refuse the same things."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import transaction

from campaigns import audit, bots, calling_hours, filters
from campaigns.audit import Actor
from campaigns.calling_hours import Window
from campaigns.exotel import payloads
from campaigns.filters import BadFilter, Condition
from campaigns.lifecycle import CampaignStatus, Outcome
from campaigns.models import (
    Campaign,
    CampaignAudio,
    CampaignList,
    CampaignPace,
    ContactList,
    ExotelAccount,
    Mode,
    PassthruBranch,
    Purpose,
    RetryRule,
)
from campaigns.pacing import DIAL_SHARE
from campaigns.refusals import NotAllowed

DEFAULT_SLOTS = 50
SLOWEST, FASTEST = Decimal("0.001"), Decimal(999)  # calls per second, as the column holds them
HEAVIEST = 100  # weight of a campaign beside others of its account
LONGEST_DELAY = 99_999  # minutes: 69 days
_DELAY = f"The time until a retry must be between 0 and {LONGEST_DELAY:,} minutes."
RETRIED = (Outcome.NO_ANSWER, Outcome.BUSY, Outcome.FAILED)


@dataclass(frozen=True)
class Retry:
    outcome: str
    times: int
    delay_minutes: Decimal


@dataclass(frozen=True)
class CampaignPlan:
    """Everything a new campaign is made of. Seconds unless said otherwise; `window` None means the default."""

    name: str
    lists: Sequence[ContactList]
    account: ExotelAccount
    caller_id: str
    mode: str = Mode.BOT
    bot: str = ""
    bot_options: Mapping[str, str] = field(default_factory=dict)
    flow_url: str = ""
    passthru_branch: str = PassthruBranch.NEVER
    passthru_result: str = ""  # for the branch "result"
    passthru_ends_call: bool = False
    stream_parameters: Sequence[str] = ()  # columns
    purpose: str = Purpose.SERVICE
    calls_per_second: Decimal | None = None  # None: as fast as the account allows
    max_concurrent: int | None = None  # None: the account's slots, at most DEFAULT_SLOTS
    window: Window | None = None
    time_zone: str = "Asia/Kolkata"
    ring_timeout: int = 45
    time_limit: int = 300
    max_attempts: int = 1
    retries: Sequence[Retry] = ()
    record: bool = False
    recording_channels: str = "single"
    sample_rate: int = 8000
    stream_name: str = ""
    unknown_policy: str = "ask"
    weight: int = 1
    ends_at: datetime | None = None  # aware; from then on nobody is called any more
    audience: Sequence[Condition] = ()  # who of the lists: all conditions must be met
    is_test: bool = False
    audio: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)  # option -> (file name, WAV)
    removed_audio: Sequence[str] = ()  # options whose uploaded recording a rewritten draft loses


def create(plan: CampaignPlan, *, by: Actor) -> Campaign:
    """A draft. Raises NotAllowed with every problem that can be told now; the rest is told at launch."""
    wrong = _problems(plan)
    if wrong:
        raise NotAllowed(*wrong)
    window = plan.window or calling_hours.default_window(plan.purpose, simulated=plan.account.simulated)
    with transaction.atomic():
        campaign = Campaign.objects.create(
            name=plan.name.strip(),
            account=plan.account,
            status=CampaignStatus.DRAFT,
            created_by=by.user,
            window_start=window.start,
            window_end=window.end,
            bot_options=_with_defaults(plan),
            stream_parameters=list(plan.stream_parameters),
            audience=filters.to_json(plan.audience),
            calls_per_second=pace_of(plan),
            max_concurrent=slots_of(plan),
            **{name: getattr(plan, name) for name in COPIED},
        )
        _attach(campaign, plan)
        audit.record(by, "create", f"campaign:{campaign.pk}", name=campaign.name)
    return campaign


def update(campaign: Campaign, plan: CampaignPlan, *, by: Actor) -> Campaign:
    """Rewrite a draft from a plan. Raises NotAllowed once it was launched."""
    wrong = _problems(plan)
    window = plan.window or calling_hours.default_window(plan.purpose, simulated=plan.account.simulated)
    with transaction.atomic():
        current = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if current.status not in (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED):
            wrong = ["This campaign was launched: only a draft can be rewritten. Duplicate it instead."]
        if wrong:
            raise NotAllowed(*wrong)
        for name in COPIED:
            setattr(current, name, getattr(plan, name))
        current.name, current.account = plan.name.strip(), plan.account
        current.window_start, current.window_end = window.start, window.end
        current.bot_options, current.stream_parameters = _with_defaults(plan), list(plan.stream_parameters)
        current.calls_per_second, current.max_concurrent = pace_of(plan), slots_of(plan)
        current.audience = filters.to_json(plan.audience)
        current.save()
        current.list_links.all().delete()
        current.retry_rules.all().delete()
        current.audio.filter(option__in=[*plan.audio, *plan.removed_audio]).delete()
        _attach(current, plan)
        audit.record(by, "edit", f"campaign:{current.pk}")
    return current


def pace_of(plan: CampaignPlan) -> Decimal:
    """Calls per second: the plan's, else what the account's requests per minute leave for dials."""
    if plan.calls_per_second is not None:
        return plan.calls_per_second
    return max(Decimal(str(round(plan.account.calls_per_minute * DIAL_SHARE / 60, 3))), Decimal("0.001"))


def slots_of(plan: CampaignPlan) -> int:
    return min(plan.account.max_concurrent, DEFAULT_SLOTS) if plan.max_concurrent is None else plan.max_concurrent


def default_account() -> ExotelAccount:
    """The account that new campaigns dial through: the environment's, else the first. Raises NotAllowed."""
    account = ExotelAccount.objects.order_by("-from_environment", "pk").first()
    if account is None:
        raise NotAllowed("No Exotel account is set up. Set the EXOTEL_… variables (see .env.example) and start again.")
    return account


def default_caller_id(account: ExotelAccount) -> str:
    """The account's usual ExoPhone. Raises NotAllowed if it has none."""
    caller_id = account.caller_ids.order_by("-is_default", "pk").first()
    if caller_id is None:
        raise NotAllowed("The account has no caller ID. Name an ExoPhone with --caller-id, or set EXOTEL_CALLER_ID.")
    return caller_id.number


def one_rule_for_all(max_attempts: int, minutes: Decimal) -> list[Retry]:
    """The command line's rule: up to max_attempts, the same delay after no answer, busy and failed."""
    if max_attempts <= 1:
        return []
    return [Retry(outcome, max_attempts - 1, minutes) for outcome in RETRIED]


def read_window(text: str) -> Window:
    """`09:00-21:00`; 24:00 is midnight, and 00:00-24:00 all day. Raises NotAllowed."""
    try:
        start, end = (_read_time(part) for part in text.replace("–", "-").split("-"))
    except ValueError:
        raise NotAllowed(f"Calling hours “{text}” are not like 09:00-21:00.") from None
    return Window(start, end)


def _read_time(text: str) -> time:
    text = text.strip()
    if not re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", text):
        raise ValueError(text)
    return time(0) if text == "24:00" else time.fromisoformat(text.zfill(5))


def read_decimal(text: str, what: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise NotAllowed(f"{what}: “{text}” is not a number.")
    return number


COPIED = (
    "caller_id",
    "mode",
    "bot",
    "flow_url",
    "passthru_branch",
    "passthru_result",
    "passthru_ends_call",
    "purpose",
    "time_zone",
    "ring_timeout",
    "time_limit",
    "max_attempts",
    "record",
    "recording_channels",
    "sample_rate",
    "stream_name",
    "unknown_policy",
    "weight",
    "ends_at",
    "is_test",
)


def _attach(campaign: Campaign, plan: CampaignPlan) -> None:
    CampaignPace.objects.get_or_create(campaign=campaign)
    once = dict.fromkeys(plan.lists)
    CampaignList.objects.bulk_create(CampaignList(campaign=campaign, contact_list=one) for one in once)
    RetryRule.objects.bulk_create(
        RetryRule(campaign=campaign, outcome=rule.outcome, times=rule.times, delay_minutes=rule.delay_minutes)
        for rule in plan.retries
        if rule.times > 0
    )
    CampaignAudio.objects.bulk_create(
        CampaignAudio(campaign=campaign, option=option, file_name=name[:255], content=content)
        for option, (name, content) in plan.audio.items()
    )


def _with_defaults(plan: CampaignPlan) -> dict[str, str]:
    if not plan.bot:
        return {}
    return {option.name: plan.bot_options.get(option.name, option.default) for option in bots.spec(plan.bot).options}


def _problems(plan: CampaignPlan) -> list[str]:
    checks = (
        (not plan.name.strip(), "Give the campaign a name."),
        (len(plan.name.strip()) > 120, "The name must have at most 120 characters."),
        (len(plan.caller_id) > 20, f"The caller ID “{plan.caller_id[:40]}” is not a phone number."),
        (not plan.lists and not plan.is_test, "Choose at least one contact list."),
        (not 5 <= plan.ring_timeout <= 300, "The ring timeout must be between 5 and 300 seconds."),
        (plan.max_attempts < 1, "At least one attempt must be allowed."),
        (plan.max_attempts > 100, "At most 100 attempts can be allowed."),
        (not all(0 <= rule.delay_minutes <= LONGEST_DELAY for rule in plan.retries), _DELAY),
        (plan.sample_rate not in (8000, 16000, 24000), "The sample rate must be 8000, 16000 or 24000."),
        (plan.mode not in Mode.values, f"The mode must be one of {', '.join(Mode.values)}."),
        (plan.purpose not in Purpose.values, f"The purpose must be one of {', '.join(Purpose.values)}."),
    )
    found = [sentence for wrong, sentence in checks if wrong]
    found += [*pace_problems(pace_of(plan), slots_of(plan)), *weight_problems(plan.weight)]
    found += audience_problems(plan.audience)
    return [*found, *_zone_problems(plan), *_mode_problems(plan), *_parameter_problems(plan)]


def audience_problems(conditions: Sequence[Condition]) -> list[str]:
    """Why these conditions cannot be asked for (any more)."""
    try:
        filters.check(conditions)
    except BadFilter as refused:
        return refused.problems
    return []


def pace_problems(calls_per_second: Decimal, max_concurrent: int) -> list[str]:
    """Why a campaign may not have this pace or so many slots."""
    checks = (
        (calls_per_second < SLOWEST, f"Calls per second must be at least {SLOWEST} (one in 17 minutes)."),
        (calls_per_second > FASTEST, f"Calls per second must be at most {FASTEST}."),
        (max_concurrent < 1, "At least one call at a time must be allowed."),
        (max_concurrent > 100_000, "At most 100,000 calls at a time can be allowed."),
    )
    return [sentence for wrong, sentence in checks if wrong]


def weight_problems(weight: int) -> list[str]:
    """Why a campaign may not weigh so much beside others of its account."""
    return [] if 1 <= weight <= HEAVIEST else [f"The share of the account must be between 1 and {HEAVIEST}."]


def _zone_problems(plan: CampaignPlan) -> list[str]:
    try:
        ZoneInfo(plan.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [f"“{plan.time_zone}” is not a time zone; write it like Asia/Kolkata."]
    return []


def _mode_problems(plan: CampaignPlan) -> list[str]:
    limit = 3_600 if plan.mode == Mode.BOT else 14_400
    found = []
    if not 5 <= plan.time_limit <= limit:
        why = "a bot's stream lasts 60 minutes at most" if plan.mode == Mode.BOT else "Exotel's longest call"
        found.append(f"The time limit must be between 5 and {limit:,} seconds ({why}).")
    if plan.mode == Mode.BOT:
        found += _bot_problems(plan)
        return found
    if plan.bot:
        found += _bot_problems(plan)
    if not plan.flow_url:
        found.append("Flow mode needs the flow's address (http://my.exotel.com/…/exoml/start_voice/…).")
    elif len(plan.flow_url) > 500:
        found.append("The flow's address must have at most 500 characters.")
    if plan.passthru_branch not in PassthruBranch.values:
        found.append(f"The Passthru branch must be one of {', '.join(PassthruBranch.values)}.")
    elif plan.passthru_branch == PassthruBranch.RESULT and not plan.passthru_result.strip():
        found.append("Say which result of the bot sends the flow to branch B.")
    elif plan.passthru_branch != PassthruBranch.NEVER and not plan.bot:
        found.append("Without a bot in the flow no result chooses the branch: let Passthru always take branch A.")
    return found


def _parameter_problems(plan: CampaignPlan) -> list[str]:
    """What Exotel takes: three pairs, and 256 characters of names and values as they stand in the address."""
    names = list(plan.stream_parameters)
    found = []
    if len(names) > payloads.STREAM_PARAMETERS:
        found.append(f"At most {payloads.STREAM_PARAMETERS} columns can be sent to the stream.")
    if len(set(names)) < len(names):
        found.append("A column can be sent to the stream once only.")
    if payloads.SAMPLE_RATE_PARAMETER in names:
        found.append("A column named “sample-rate” cannot be sent to the stream: Exotel would take it for the rate.")
    if sum(len(quote(name)) + 12 for name in names) > payloads.STREAM_PARAMETERS_LENGTH:
        found.append("The names of the columns for the stream are too long: together they leave no room for values.")
    return found


def _bot_problems(plan: CampaignPlan) -> list[str]:
    if plan.bot not in settings.BOTS:
        return [f"There is no bot “{plan.bot}”: choose one of {', '.join(settings.BOTS)}."]
    known = [option.name for option in bots.spec(plan.bot).options]
    strange = [name for name in plan.bot_options if name not in known]
    found = [f"The bot “{plan.bot}” has no option “{name}”; it has {', '.join(known) or 'none'}." for name in strange]
    if len(plan.stream_name) > 32:
        found.append("The stream name must have at most 32 characters.")
    return found
