"""Render what the bot will say before anybody is dialled, a little ahead of the queue and never for all of it.

A message holds a person's name and amount, so rendered files are personal data: they are made for the next AHEAD
people only and swept away after KEPT. Who is called again later gets the words rendered at the call, if need be.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from django.conf import settings

from campaigns import bots, control, pacing, streams
from campaigns.audit import DIALER
from campaigns.bots import Prompt
from campaigns.lifecycle import CAMPAIGN_CONTACT, DUE_CONTACTS, CampaignStatus, ContactState, advance
from campaigns.models import Campaign, CampaignContact
from campaigns.refusals import NotAllowed

log = logging.getLogger(__name__)

AHEAD = 300  # people per campaign whose messages are ready
BATCH = 20
KEPT = timedelta(hours=24)


def prepare_all(seconds: float) -> int:
    """Render for up to `seconds`; returns how many people became ready."""
    until = time.monotonic() + seconds
    speaking = Campaign.objects.filter(status=CampaignStatus.RUNNING, bot__in=settings.BOTS)
    waiting, ready = list(speaking), 0
    while waiting and time.monotonic() < until:
        # A batch each in turn, so that a long list does not keep the others waiting.
        done = {campaign: prepare_batch(campaign) for campaign in waiting}
        waiting = [campaign for campaign, people in done.items() if people]
        ready += sum(done.values())
    return ready


def prepare_batch(campaign: Campaign) -> int:
    """The next few people of one campaign; 0 when enough are ready or nobody is left."""
    due = CampaignContact.objects.filter(campaign=campaign, state__in=DUE_CONTACTS, due_at__lte=pacing.db_now())
    # People who are ready but due later are called later: they must not keep those who are due from being made ready.
    if due.filter(prepared=True)[:AHEAD].count() >= AHEAD:
        return 0
    batch = list(due.filter(prepared=False).order_by("due_at", "pk")[:BATCH])
    spec = bots.spec(campaign.bot)
    for contact in batch:
        columns = streams.variables(contact.name, contact.variables)
        if not _render(campaign, contact, spec.prompts(campaign.bot_options, columns)):
            return 0
    return len(batch)


def _render(campaign: Campaign, contact: CampaignContact, prompts: Sequence[Prompt]) -> bool:
    """Make one person ready, or skip who cannot be spoken to; False if it is not this person's message that fails."""
    rows = CampaignContact.objects.filter(pk=contact.pk, prepared=False)
    for prompt in prompts:
        trouble = _trouble(prompt.text, prompt.voice, campaign.sample_rate)
        if not trouble:
            continue
        if at_all := _trouble(str(time.time_ns()), prompt.voice, campaign.sample_rate):  # a text that no cache has
            _pause(campaign, at_all)
            return False
        log.warning("the message for campaign contact %s cannot be spoken: %s", contact.pk, trouble)
        why = f"The message cannot be spoken: {trouble}"[:300]
        advance(rows, CAMPAIGN_CONTACT, ContactState.SKIPPED, reason_code="speech", reason=why, prepared=True)
        return True
    rows.update(prepared=True)
    return True


def _trouble(text: str, voice: str, sample_rate: int) -> str:
    """Why a text cannot be rendered; '' once it is."""
    speech = bots.speech()
    try:
        speech.render(text, voice, sample_rate, settings.SPEECH_DIR)
    except speech.SpeechError as refused:
        return str(refused)
    except OSError as failed:
        return failed.strerror or type(failed).__name__
    return ""


def _pause(campaign: Campaign, trouble: str) -> None:
    """Nothing at all can be spoken: a full disk or a missing voice must not burn the list."""
    with suppress(NotAllowed):  # somebody stopped it meanwhile
        control.pause(campaign.pk, by=DIALER, reason=f"No message can be spoken now: {trouble}")


def sweep_speech() -> int:
    """Delete rendered messages that nobody used for KEPT; returns how many files went."""
    return bots.speech().prune(settings.SPEECH_DIR, older_than=KEPT.total_seconds())
