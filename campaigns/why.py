"""Why was this person not called yet, and when will they be? Every check of an intent, told in order; writes nothing.

The rules are those of `campaigns.eligibility`, which intents use. "Now" is said exactly when an intent of this instant
would go to this person; the next time is the first instant at which one would, if nothing but the clock changes.
What ends by an event instead (a slot that frees, a hold that is lifted, people who come first) has no such time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns import eligibility, in_line, intents, pacing, unanswered
from campaigns.eligibility import Block, Person
from campaigns.lifecycle import DUE_CONTACTS, OPEN_ATTEMPTS, AttemptState, CampaignStatus, ContactState
from campaigns.models import CallAttempt, Campaign, CampaignContact, CampaignPace, ExotelAccount, Pacer, Suppression

LOOKS = 12  # instants looked at before a next time is given up
CAP_SPAN = timedelta(hours=24)


@dataclass(frozen=True)
class Facts:
    """What is known of a person and of all that their next call depends on, read once."""

    contact: CampaignContact
    campaign: Campaign
    account: ExotelAccount
    pacer: Pacer
    pace: CampaignPace
    suppressed: str | None
    in_call: bool
    called_at: Sequence[datetime]  # calls to the person in the last 24 hours, oldest first; read if there is a cap
    used: Mapping[int, int]  # slots, by campaign
    dialing: int
    running: Sequence[Campaign] = field(default=())

    def person(self, at: datetime) -> Person:
        """The person as an intent at `at` would see them."""
        recent = [called for called in self.called_at if called > at - CAP_SPAN]
        return Person(self.suppressed, self.in_call, len(recent), recent[0] + CAP_SPAN if recent else None)


@dataclass(frozen=True)
class Rule:
    """One check. `said` is its name when it passes, `stopped` when it does not; `timed` if the clock alone ends it."""

    code: str
    said: str
    stopped: str
    block: Callable[[Facts, datetime], Block | None]
    detail: Callable[[Facts], str] = lambda _: ""
    timed: bool = False


@dataclass(frozen=True)
class Check:
    """A rule's finding. `state`: ok, stop (now), or later (not reached; it would pass when the rest has)."""

    code: str
    label: str
    state: str
    detail: str
    until: datetime | None = None


@dataclass(frozen=True)
class Answer:
    """`state`: now, waiting (ends by itself), held (needs somebody), never, or over (called, or being called).

    `next_at` is when the call is granted if only the clock moves, None if that takes more. `about` is a guess where
    others come first. `checks` are all checks in order, `stop` the one that decides.
    """

    state: str
    checks: Sequence[Check]
    stop: Check | None = None
    next_at: datetime | None = None
    about: datetime | None = None

    @property
    def now(self) -> bool:
        return self.state == "now"


def explain(contact: CampaignContact, now: datetime | None = None) -> Answer:
    """Why `contact` (with its campaign and account) is not called at `now`; the database's clock if none is given."""
    at = now or pacing.db_now()
    facts = facts_of(contact)
    stops = _stops(facts, at)
    free_at = _free_at(facts, stops, at)
    next_at = free_at if free_at and _my_turn(facts, free_at) else None
    if next_at == at:
        return Answer("now", _checks(facts, [], None), next_at=at)
    deciding = _deciding(stops, at) if stops else (LINE, _line_block(facts, at))
    checks = _checks(facts, stops or [deciding], deciding)
    stop = next(check for check in checks if check.code == deciding[0].code)
    about = _about(facts, at, free_at) if free_at and not next_at else None
    return Answer(_state(facts, deciding[1]), checks, stop, next_at, about)


# ------------------------------------------------------------------------------------------------------------ facts
def facts_of(contact: CampaignContact) -> Facts:
    """Everything that the rules ask for; a number of queries that does not depend on anything."""
    campaign = contact.campaign
    account = campaign.account
    open_calls = CallAttempt.objects.filter(account_kind=account.kind, phone=contact.phone, state__in=OPEN_ATTEMPTS)
    return Facts(
        contact=contact,
        campaign=campaign,
        account=account,
        pacer=Pacer.objects.get(account=account),
        pace=CampaignPace.objects.get_or_create(campaign=campaign)[0],
        suppressed=Suppression.objects.filter(phone=contact.phone).values_list("reason", flat=True).first(),
        in_call=open_calls.exists(),
        called_at=_called_at(contact.phone, account),
        used=pacing.slots_used(account.pk),
        dialing=CallAttempt.objects.filter(account=account, state=AttemptState.DIALING).count(),
        running=intents.running_campaigns(account.pk),
    )


def _called_at(phone: str, account: ExotelAccount) -> list[datetime]:
    if not account.daily_cap:
        return []
    since = pacing.db_now() - CAP_SPAN
    calls = CallAttempt.objects.filter(account_kind=account.kind, phone=phone, intent_at__gt=since)
    rang = calls.exclude(state=AttemptState.REFUSED)
    return list(rang.order_by("intent_at").values_list("intent_at", flat=True))


# ------------------------------------------------------------------------------------------------------------ rules
def _campaign(facts: Facts, _: datetime) -> Block | None:
    block = eligibility.status_block(facts.campaign)
    if block and facts.campaign.status == CampaignStatus.PAUSED:
        by, why = facts.campaign.paused_by or "Dialer", facts.campaign.paused_reason
        return replace(block, reason=f"Paused by {by}. {why}".strip(), held=True)
    return block


_PLACES = {
    ContactState.DONE: "Called; no further call is planned.",
    ContactState.IN_CALL: "A call to this person is open.",
    ContactState.UNCERTAIN: "We cannot say whether the phone rang. Nobody dials again by itself.",
}


def _place(facts: Facts, _: datetime) -> Block | None:
    """Whether a call is still planned for the person at all."""
    contact = facts.contact
    if contact.state in DUE_CONTACTS:
        return None
    if contact.state == ContactState.SKIPPED:
        return Block(contact.reason_code or "skipped", contact.reason or "Skipped.", final=True)
    state = ContactState(contact.state)
    reason = contact.reason or _PLACES[state]
    if state in (ContactState.IN_CALL, ContactState.UNCERTAIN):
        reason = f"{reason} {unanswered.sentence(facts.pacer)}".rstrip()
    return Block(state, reason, final=state == ContactState.DONE, held=state == ContactState.UNCERTAIN)


def _end(facts: Facts, at: datetime) -> Block | None:
    """The end was reached, or comes before this person may be called again: it is the same to them."""
    contact, campaign = facts.contact, facts.campaign
    block = eligibility.end_block(campaign, at)
    if block or campaign.ends_at is None or contact.state not in DUE_CONTACTS:
        return block
    soonest = max(at, contact.due_at)
    if eligibility.known_zone(contact.time_zone):
        soonest = eligibility.next_allowed(campaign, contact.time_zone, soonest)
    if soonest < campaign.ends_at:
        return None
    return Block(eligibility.ENDED, "The campaign ends before the next call could be made.", final=True)


def _end_detail(facts: Facts) -> str:
    zone, ends_at = facts.campaign.time_zone, facts.campaign.ends_at
    return f"ends {ends_at.astimezone(ZoneInfo(zone)):%d %b %Y, %H:%M} {zone}" if ends_at else ""


def _suppressed(facts: Facts, at: datetime) -> Block | None:
    return eligibility.suppressed_block(facts.person(at))


def _cap(facts: Facts, at: datetime) -> Block | None:
    return eligibility.cap_block(facts.account, facts.person(at))


def _hours(facts: Facts, at: datetime) -> Block | None:
    own = eligibility.hours_block(facts.contact, facts.campaign, at)
    return own or eligibility.nobodys_hours_block(facts.campaign, at)


def _due(facts: Facts, at: datetime) -> Block | None:
    contact = facts.contact
    if contact.due_at <= at:
        return None
    return Block(contact.reason_code or "due", contact.reason or "Not before its time.", until=contact.due_at)


def _prepared(facts: Facts, _: datetime) -> Block | None:
    ready = facts.contact.prepared
    return None if ready else Block("preparing", "What the bot says to this person is being prepared.")


def _held(facts: Facts, at: datetime) -> Block | None:
    return eligibility.hold_block(facts.pacer, facts.dialing, at)


def _breaker(facts: Facts, at: datetime) -> Block | None:
    return eligibility.breaker_block(facts.campaign, at)


def _backoff(facts: Facts, at: datetime) -> Block | None:
    return eligibility.backoff_block(facts.pacer, at)


def _elsewhere(facts: Facts, at: datetime) -> Block | None:
    if facts.contact.state not in DUE_CONTACTS:
        return None  # the open call is this one
    return eligibility.elsewhere_block(facts.person(at), at)


def _slots(facts: Facts, at: datetime) -> Block | None:
    account = eligibility.account_slots_block(facts.account, eligibility.total(facts.used), at)
    used = facts.used.get(facts.campaign.pk, 0)
    own = eligibility.campaign_slots_block(facts.campaign, used, at)
    streams = eligibility.streams_block(facts.campaign, facts.pacer, facts.running, facts.used, at)
    return account or own or eligibility.careful_block(facts.campaign, used, at) or streams


def _account_pace(facts: Facts, at: datetime) -> Block | None:
    return eligibility.account_pace_block(facts.pacer, facts.account, at)


def _campaign_pace(facts: Facts, at: datetime) -> Block | None:
    return eligibility.campaign_pace_block(facts.campaign, facts.pace, at)


def _slots_detail(facts: Facts) -> str:
    used, slots = eligibility.total(facts.used), facts.account.max_concurrent
    own = facts.used.get(facts.campaign.pk, 0)
    return f"{used} of {slots} used; {own} of {facts.campaign.max_concurrent} by this campaign"


def _tries_detail(facts: Facts) -> str:
    return f"{facts.contact.tries} of {facts.campaign.max_attempts} calls made"


def _zone_detail(facts: Facts) -> str:
    zone = facts.contact.time_zone or facts.campaign.time_zone
    window, ring = eligibility.window_of(facts.campaign), facts.campaign.ring_timeout
    return f"{zone}, {window}" + ("" if window.all_day else f"; last call {ring + 10} s before the end")


def _pace_detail(facts: Facts) -> str:
    return f"{eligibility.rate(facts.account, facts.pacer)} calls a minute for all campaigns"


def _own_pace_detail(facts: Facts) -> str:
    return f"{facts.campaign.calls_per_second.normalize():f} calls a second"


RULES: Sequence[Rule] = (
    Rule("campaign", "The campaign runs", "The campaign does not run", _campaign),
    Rule("end", "Before the campaign’s end", "After the campaign’s end", _end, _end_detail),
    Rule("place", "A call is planned", "No call is planned", _place, _tries_detail),
    Rule("suppressed", "Not on do-not-call", "On do-not-call", _suppressed, lambda _: "checked again at dial time"),
    Rule("cap", "Under the daily cap", "Called often enough today", _cap, timed=True),
    Rule("hours", "Inside calling hours", "Outside calling hours", _hours, _zone_detail, timed=True),
    Rule("due", "Its time has come", "Its time has not come", _due, timed=True),
    Rule("prepared", "The bot’s words are ready", "The bot’s words are not ready", _prepared),
    Rule("held", "The account may dial", "The account is held", _held),
    Rule("breaker", "Its calls go well", "Its calls go wrong", _breaker),
    Rule("backoff", "Exotel takes calls", "Exotel asks us to slow down", _backoff, timed=True),
    Rule("elsewhere", "No other call to this person", "Another call to this person is open", _elsewhere),
    Rule("slots", "A slot is free", "No slot is free", _slots, _slots_detail),
    Rule("account-pace", "The account’s pace allows it", "The account’s pace", _account_pace, _pace_detail, timed=True),
    Rule("pace", "The campaign’s pace allows it", "The campaign’s pace", _campaign_pace, _own_pace_detail, timed=True),
)
LINE = Rule("line", "Next in line", "Others come first", lambda *_: None)

Stop = tuple[Rule, Block]


def _stops(facts: Facts, at: datetime) -> list[Stop]:
    """Every rule that says no at `at`; whose turn it is is asked only when none does."""
    found = [(rule, rule.block(facts, at)) for rule in RULES]
    return [(rule, block) for rule, block in found if block]


def _my_turn(facts: Facts, at: datetime) -> bool:
    whose = in_line.turn(facts.running, facts.pacer, facts.used, at)
    return whose is not None and whose.contact_id == facts.contact.pk


def _line_block(facts: Facts, at: datetime) -> Block:
    before = in_line.ahead(facts.contact, at)
    if before:
        more = " or more" if before == in_line.MOST_COUNTED else ""
        people = "person is" if before == 1 else "people are"
        return Block("line", f"{before}{more} {people} due before this one.")
    whose = in_line.turn(facts.running, facts.pacer, facts.used, at)
    return Block(
        "line", f"The next call is {whose.campaign.name}’s." if whose else "The queue is being looked through."
    )


# ------------------------------------------------------------------------------------------------------------- when
def _free_at(facts: Facts, stops: Sequence[Stop], now: datetime) -> datetime | None:
    """The first instant at which no rule stops the call, if only the clock moves. Each rule tells when it stops
    saying no, so that no instant before the latest of them can be it."""
    at = now
    for _ in range(LOOKS):
        if not stops:
            return at
        ends = [block.until for rule, block in stops if rule.timed and not block.final]
        if len(ends) < len(stops) or any(end is None or end <= at for end in ends):
            return None
        at = max(end for end in ends if end)
        stops = _stops(facts, at)
    return None


def _deciding(stops: Sequence[Stop], at: datetime) -> Stop:
    """What to tell first: what never ends, what needs somebody, what ends by an event, else what ends last."""
    for wanted in (
        lambda rule, block: block.final,
        lambda rule, block: block.held,
        lambda rule, block: not rule.timed,
    ):
        for rule, block in stops:
            if wanted(rule, block):
                return rule, block
    return max(stops, key=lambda stop: stop[1].until or at)


def _state(facts: Facts, block: Block) -> str:
    if facts.contact.state in (ContactState.DONE, ContactState.IN_CALL) and facts.campaign.status:
        return "over"
    if block.final:
        return "never"
    return "held" if block.held or block.code == "not-running" else "waiting"


def _about(facts: Facts, at: datetime, free_at: datetime) -> datetime:
    """A guess: everybody ahead at the pace of account and campaign, and not before the rules allow it."""
    step = max(pacing.dial_step(facts.account, facts.pacer), eligibility.campaign_step(facts.campaign))
    return max(free_at, at + step * max(in_line.ahead(facts.contact, free_at), 1))


# ----------------------------------------------------------------------------------------------------------- checks
def _checks(facts: Facts, stops: Sequence[Stop], deciding: Stop | None) -> list[Check]:
    """All checks in order. What will be over by itself when the deciding one is, is not told as a stop."""
    stopped = {rule.code: block for rule, block in stops if (rule, block) == deciding or not rule.timed or block.final}
    reached = True
    found = []
    for rule in (*RULES, LINE):
        if (rule.code == "cap" and not facts.account.daily_cap) or (rule.code == "end" and not facts.campaign.ends_at):
            continue
        block = stopped.get(rule.code)
        if block:
            found.append(Check(rule.code, rule.stopped, "stop", block.reason, block.until if rule.timed else None))
            reached = False
        else:
            found.append(Check(rule.code, rule.said, "ok" if reached else "later", rule.detail(facts)))
    return found
