"""Versions of a launched campaign: what shaped its calls, and since when. Written once, never changed (a trigger).

The launch writes the first, each later change of a launched campaign the next, in the transaction of the act itself
and under the account's pacer lock: an intent sees the settings and their number together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings as installation

from campaigns import filters, pacing
from campaigns.audit import Actor
from campaigns.models import Campaign, CampaignVersion, Mode, PassthruBranch, Purpose, UnknownPolicy

PLAIN = (
    *("name", "purpose", "mode", "bot", "bot_options", "flow_url", "passthru_branch", "passthru_result"),
    *("passthru_ends_call", "stream_parameters", "caller_id", "max_concurrent", "weight", "time_zone"),
    *("ring_timeout", "time_limit", "max_attempts", "unknown_policy", "record", "recording_channels", "sample_rate"),
    "stream_name",
)


@dataclass(frozen=True)
class Change:
    """One setting, before and after, in words."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} → {self.after}"


def settings_of(campaign: Campaign) -> dict[str, Any]:
    """Everything that shapes the campaign's calls, as JSON: the fields in PLAIN as they are, decimals and times as
    text, `lists` by id, `audience` as [field, op, value, in words], `retries` as outcome: [times, minutes], `audio` as
    option: file name."""
    words = filters.describe_all(filters.from_json(campaign.audience))
    rules = campaign.retry_rules.filter(times__gt=0).order_by("outcome")
    return {name: getattr(campaign, name) for name in PLAIN} | {
        "account": campaign.account.name,
        "calls_per_second": f"{campaign.calls_per_second.normalize():f}",
        "window": f"{campaign.window_start:%H:%M}-{campaign.window_end:%H:%M}",
        "ends_at": campaign.ends_at.isoformat() if campaign.ends_at else None,
        "audience": [[*row, said] for row, said in zip(campaign.audience, words, strict=True)],
        "lists": {str(one.pk): one.name for one in campaign.lists.order_by("pk")},
        "retries": {rule.outcome: [rule.times, f"{rule.delay_minutes.normalize():f}"] for rule in rules},
        "audio": dict(campaign.audio.order_by("option").values_list("option", "file_name")),
    }


def write(campaign: Campaign, *, by: Actor) -> CampaignVersion:
    """The next version, of a locked campaign as its fields are set now; the campaign carries its number."""
    campaign.version += 1
    Campaign.objects.filter(pk=campaign.pk).update(version=campaign.version)
    return CampaignVersion.objects.create(
        campaign=campaign,
        number=campaign.version,
        at=pacing.db_now(),
        by_name=by.name,
        settings=settings_of(campaign),
    )


# ------------------------------------------------------------------------------------------------------------ words
def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What differs between the settings of two versions, in the order of WORDS."""
    told = [Change(what, say(before), say(after)) for what, say in WORDS.items()]
    return [change for change in told if change.before != change.after]


def told(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The settings of a version as people read them: (what, how)."""
    return [(what, said) for what, say in WORDS.items() if (said := say(settings))]


def _pace(of: Mapping[str, Any]) -> str:
    return f"{of['calls_per_second']} a second"


def _hours(of: Mapping[str, Any]) -> str:
    start, _, end = str(of["window"]).partition("-")
    return "all day" if start == end else f"{start}–{end}"


def _end(of: Mapping[str, Any]) -> str:
    """In the zone of the pages, as every other time."""
    if not of["ends_at"]:
        return "none"
    zone = ZoneInfo(installation.DISPLAY_TIME_ZONE)
    return f"{datetime.fromisoformat(of['ends_at']).astimezone(zone):%d %b %Y %H:%M}"


def _conversation(of: Mapping[str, Any]) -> str:
    bot = str(of["bot"])
    return f"bot {bot}" if of["mode"] == Mode.BOT else " with ".join(filter(None, [of["flow_url"], bot]))


def _branch(of: Mapping[str, Any]) -> str:
    if of["mode"] == Mode.BOT:
        return ""
    label = PassthruBranch(of["passthru_branch"]).label
    return f"{label}: {of['passthru_result']}" if of["passthru_branch"] == PassthruBranch.RESULT else label


def _retries(of: Mapping[str, Any]) -> str:
    rules = [f"{outcome}: {times} more, {minutes} min later" for outcome, (times, minutes) in of["retries"].items()]
    most = "1 call" if of["max_attempts"] == 1 else f"{of['max_attempts']} calls at most"
    return "; ".join([most, *rules])


def _recorded(of: Mapping[str, Any]) -> str:
    return f"yes, {of['recording_channels']}" if of["record"] else "no"


def _pairs(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda of: "; ".join(f"{key.replace('_', ' ')}: {value}" for key, value in of[name].items())


WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "Name": lambda of: str(of["name"]),
    "Pace": _pace,
    "Calls at the same time": lambda of: str(of["max_concurrent"]),
    "Share of the account": lambda of: f"{of['weight']} parts" if of["weight"] != 1 else "1 part",
    "Calling hours": _hours,
    "Time zone": lambda of: str(of["time_zone"]),
    "End": _end,
    "Purpose": lambda of: Purpose(of["purpose"]).label,
    "Conversation": _conversation,
    "What the bot is told": _pairs("bot_options"),
    "Recordings played": _pairs("audio"),
    "Branch B": _branch,
    "Columns sent to the stream": lambda of: ", ".join(of["stream_parameters"]),
    "Lists": lambda of: ", ".join(of["lists"].values()),
    "Who of them": lambda of: " and ".join(row[-1] for row in of.get("audience", [])),
    "Calling again": _retries,
    "Calls that get lost": lambda of: UnknownPolicy(of["unknown_policy"]).label,
    "Rings": lambda of: f"{of['ring_timeout']} s",
    "Lasts at most": lambda of: f"{of['time_limit']} s",
    "Recorded": _recorded,
    "Caller ID": lambda of: str(of["caller_id"]),
    "Account": lambda of: str(of["account"]),
}


@dataclass(frozen=True)
class Step:
    """A version and what it changed; for the first `changes` is empty."""

    version: CampaignVersion
    changes: Sequence[Change]


def steps(campaign_id: int, *, most: int = 100) -> list[Step]:
    """The newest versions, newest first, each with what it changed. One query."""
    found = list(CampaignVersion.objects.filter(campaign=campaign_id).order_by("-number")[: most + 1])
    return list(_steps(found))[:most]


def _steps(newest_first: Sequence[CampaignVersion]) -> Iterator[Step]:
    for place, version in enumerate(newest_first):
        older = newest_first[place + 1] if place + 1 < len(newest_first) else None
        yield Step(version, changes(older.settings, version.settings) if older else [])
