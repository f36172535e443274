"""The one sentence of the live page: is it dialling, is it going well, and if not, why."""

from dataclasses import dataclass

from django.utils.html import format_html

from campaigns import streams
from campaigns.lifecycle import ENDED_CAMPAIGNS, LIVE_CAMPAIGNS, CampaignStatus, ContactState, Outcome
from campaigns.models import Campaign, Pacer
from campaigns.progress import Counts
from campaigns.templatetags.dialer import clock, grouped, percent, plural, span, when
from campaigns.views.forecast import Forecast
from campaigns.views.shares import target_of


@dataclass(frozen=True)
class Verdict:
    """`state` colours it; `live` makes the dot breathe."""

    state: str
    line: str
    sub: str = ""
    live: bool = False


def verdict(campaign: Campaign, counts: Counts, ahead: Forecast, *, dialling: bool) -> Verdict:
    """`dialling`: nothing keeps the campaign from placing calls now."""
    answer = ""
    if counts.reached:
        word = "answered" if campaign.status in ENDED_CAMPAIGNS else "answer"
        answer = f" {percent(counts.outcomes[Outcome.ANSWERED], counts.reached)} {word}."
    if campaign.status == CampaignStatus.RUNNING and dialling:
        return _running(campaign, counts, ahead, answer)
    if campaign.status in LIVE_CAMPAIGNS:
        return _standing(campaign, counts)
    return _ended(campaign, counts, answer)


def _standing(campaign: Campaign, counts: Counts) -> Verdict:
    """Launched, but no call goes out."""
    talks = plural(counts.in_call, "call goes on,calls go on") if counts.in_call else "Nobody is in a call"
    left = f"{plural(counts.left, 'person is,people are')} left to call."
    if campaign.status == CampaignStatus.PAUSED:
        by = f"By {campaign.paused_by}. " if campaign.paused_by else ""
        return Verdict("paused", f"Paused. {talks}.", f"{by}{left}")
    if campaign.status == CampaignStatus.DRAINING:
        return Verdict("draining", f"Stopping. {talks}.", f"Nobody else is called.{_hung_up(campaign)}", live=True)
    return Verdict("wait", f"No call goes out now. {talks}.", left)


def _hung_up(campaign: Campaign) -> str:
    """What becomes of the calls that are open when a campaign was stopped with them."""
    if not campaign.hang_up_by:
        return ""
    left = streams.open_calls(campaign.pk)
    talks = f" {plural(left.talks, 'talk is,talks are')} being hung up." if left.talks else ""
    ringing = plural(left.ringing, "call is ringing; its talk is,calls are ringing; their talk is")
    return f"{talks} {ringing} closed as soon as it starts." if left.ringing else talks


def _running(campaign: Campaign, counts: Counts, ahead: Forecast, answer: str) -> Verdict:
    pacer = Pacer.objects.filter(account=campaign.account_id).first()
    target = grouped(round(target_of(campaign, pacer)))
    line = f"Dialling {grouped(ahead.last_minute)} of {target} calls a minute.{answer}"
    if ahead.young:
        since = span(max(1.0, ahead.elapsed.total_seconds()))
        so_far = f"{plural(ahead.so_far, 'call,calls')} in {since}" if ahead.so_far else "the first call is on its way"
        line = f"Dialling: {so_far}, up to {target} a minute.{answer}"
    sub = _finish(campaign, ahead) if counts.left else ""
    return Verdict("running", line, sub, live=True)


def _finish(campaign: Campaign, ahead: Forecast) -> str:
    """When everybody due is called, how far that is from the last call of its day, and what is not in it."""
    if campaign.ends_at and (ahead.ends_at is None or ahead.ends_at > campaign.ends_at):
        return format_html("Its end, <b>{}</b>, comes before everybody is called at this pace.", when(campaign.ends_at))
    if ahead.ends_at is None:
        return "At this pace it does not finish within two months."
    spare = ""
    if ahead.last_call and when(ahead.ends_at) == clock(ahead.ends_at):  # today
        spare = f", {span((ahead.last_call - ahead.ends_at).total_seconds())} before the last call"
    retries = " Retries that are still to come are not in it." if campaign.max_attempts > 1 else ""
    return format_html("Finishes about <b>{}</b>{}.{}", when(ahead.ends_at), spare, retries)


def _ended(campaign: Campaign, counts: Counts, answer: str) -> Verdict:
    done, skipped = counts.contacts[ContactState.DONE], counts.contacts[ContactState.SKIPPED]
    unsure = f"{plural(counts.uncertain, 'person is,people are')} uncertain. " if counts.uncertain else ""
    not_called = f"{plural(skipped, 'person was,people were')} not called, each with its reason." if skipped else ""
    word = "Completed" if campaign.status == CampaignStatus.COMPLETED else "Stopped"
    line = f"{word}. {grouped(done)} of {plural(counts.total, 'person,people')} done.{answer}"
    return Verdict(campaign.status, line, f"{_took(campaign)}{unsure}{not_called}")


def _took(campaign: Campaign) -> str:
    if not campaign.ended_at or not campaign.launched_at:
        return ""
    return f"Took {span((campaign.ended_at - campaign.launched_at).total_seconds())}. "
