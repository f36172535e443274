"""The answer to “why not called yet?” in a sentence, for pages and the command line alike."""

from collections.abc import Collection, Sequence
from datetime import datetime

from campaigns import filters, progress
from campaigns.filters import Condition
from campaigns.lifecycle import CampaignStatus, ContactState
from campaigns.models import Campaign, CampaignContact, CampaignList, Contact
from campaigns.templatetags.dialer import span, when
from campaigns.why import Answer, Check

MOST_TOLD = 3  # campaigns that leave somebody out
NOBODY_DIALS = ("no-worker", "database-lock")


def nobody_dials(campaign: Campaign) -> str:
    """What keeps everybody from being dialled, whatever the rules say; '' if somebody dials."""
    waiting = progress.waiting(campaign)
    return waiting.reason if waiting and waiting.code in NOBODY_DIALS else ""


def headline(contact: CampaignContact, answer: Answer, now: datetime) -> tuple[str, str]:
    """(the sentence, what stands small below it)."""
    reason = answer.stop.detail if answer.stop else ""
    if reason and reason[-1].isalnum():
        reason += "."
    if answer.now:
        return "Called now, or within a second.", "Nothing stops this call."
    if answer.state == "over":
        called = contact.state == ContactState.IN_CALL
        return ("A call to this person is open now." if called else "No further call is planned."), reason
    if answer.state == "never":
        return "Will not be called.", reason
    if answer.next_at:
        wait = span((answer.next_at - now).total_seconds())
        return f"Next call at {when(answer.next_at)}, in {wait}.", reason
    if answer.about:
        wait = span((answer.about - now).total_seconds())
        return f"Next call about {when(answer.about)}, in {wait}.", reason
    return f"{'Held' if answer.state == 'held' else 'Waiting'}: {_lower(answer.stop)}.", reason


def _lower(stop: Check | None) -> str:
    return f"{stop.label[:1].lower()}{stop.label[1:]}" if stop else "not known"


def not_in_queue(campaign: Campaign, phone: str) -> str:
    """Why somebody has no place in a campaign's queue (campaigns.CampaignContact) at all."""
    if campaign.launched_at is None:
        return "The campaign was not launched yet: nobody is in line."
    links = campaign.list_links.select_related("contact_list")
    rows = Contact.objects.select_related("contact_list")
    listed = [(link, rows.filter(contact_list=link.contact_list, phone=phone).first()) for link in links]
    on = [(link, person) for link, person in listed if person]
    if not on:
        return "This number is on none of the campaign’s lists."
    if campaign.audience and all(person.pk <= link.cursor for link, person in on):
        return _no_match(on[0][1], filters.from_json(campaign.audience))
    link, _ = on[0]
    if campaign.enrolled_at is None or campaign.status in (CampaignStatus.RUNNING, CampaignStatus.PAUSED):
        return f"“{link.contact_list.name}” is still being added to the campaign."
    return f"The number came on “{link.contact_list.name}” after the campaign had ended: it calls nobody any more."


def left_out(entries: Sequence[Contact], enrolled: Collection[int], kind: str) -> list[tuple[Campaign, str]]:
    """The newest campaigns on accounts of this kind that call people of somebody’s lists (`entries`) but not them, as
    they do not match, each with the reason in words; without those that have `enrolled` them."""
    if not entries:
        return []
    launched = Campaign.objects.filter(launched_at__isnull=False, is_test=False, account__kind=kind)
    picky = launched.exclude(audience=[]).exclude(pk__in=enrolled)
    found = picky.filter(lists__in=[one.contact_list_id for one in entries]).distinct().order_by("-pk")[:MOST_TOLD]
    links = CampaignList.objects.filter(
        campaign__in=list(found), contact_list__in=[one.contact_list_id for one in entries]
    )
    cursors = {(link.campaign_id, link.contact_list_id): link.cursor for link in links}
    judged = [
        (campaign, [one for one in entries if one.pk <= cursors.get((campaign.pk, one.contact_list_id), 0)])
        for campaign in found
    ]
    return [(campaign, _no_match(on[0], filters.from_json(campaign.audience))) for campaign, on in judged if on]


def _no_match(person: Contact, audience: Sequence[Condition]) -> str:
    """Which conditions somebody does not meet; they were judged once, and may meet all of them by now."""
    name = person.contact_list.name
    if person.kept:
        return f"They were taken off “{name}”: no campaign calls them unless a file names them again."
    if unmet := filters.unmet(person, audience):
        return f"They are on “{name}”, but do not match the campaign’s audience: {filters.together(unmet)}."
    asked = filters.together(audience)
    return f"They were on “{name}” when it was read, and did not match the campaign’s audience then: {asked}."


def place_of(campaign: Campaign, phone: str) -> CampaignContact | None:
    """Somebody's place in a campaign's queue, with all that `why.explain` needs."""
    rows = CampaignContact.objects.select_related("campaign__account")
    return rows.filter(campaign=campaign, phone=phone).first()
