"""A day in the life: a running campaign with every outcome, a paused one, a draft, somebody on do-not-call."""

import io
from datetime import timedelta

from django.core.files.base import ContentFile
from django.utils import timezone

from campaigns import noting, suppressing
from campaigns.account_tokens import addresses_of
from campaigns.audit import COMMAND_LINE
from campaigns.lifecycle import AttemptState, ContactState
from campaigns.models import (
    CallAttempt,
    Campaign,
    CampaignContact,
    Contact,
    ContactList,
    ExotelAccount,
    Pacer,
    Recording,
    RecordingStatus,
)
from campaigns.recordings import waveform
from tests.pages import world
from tests.recordings.far_end import sound

NAMES = ("कविता देशमुख", "Rakesh Yadav", "முருகேசன் ராமசாமி", "Mohammed Arif Shaikh", "ਹਰਪ੍ਰੀਤ ਕੌਰ", "Sneha D’Souza")
OUTCOMES = ("answered", "answered", "no-answer", "answered", "busy", "no-answer", "failed", "answered", "cancelled")


def people(count: int) -> ContactList:
    made = ContactList.objects.create(name="Pune EMI, November", columns=["emi_due", "language"])
    Contact.objects.bulk_create(
        Contact(
            contact_list=made,
            phone=f"+9190000{place:05}",
            name=NAMES[place % len(NAMES)],
            variables={"emi_due": f"{4350 + place}", "language": "hi"},
        )
        for place in range(count)
    )
    return made


def outcomes(campaign: Campaign) -> list[CallAttempt]:
    """Calls of the last two hours; the first is the one with a talk and a recording."""
    now, made = timezone.now(), []
    for place, person in enumerate(campaign.contacts.select_related("campaign__account").order_by("pk")[:120]):
        at = now - timedelta(seconds=55 * place)
        outcome = OUTCOMES[place % len(OUTCOMES)]
        talked = {"talk_seconds": 20 + place, "disposition": "Promised to pay", "disposition_kind": "goal"}
        said = talked if outcome == "answered" else {"reason": "rang 32 s"}
        made.append(world.call(person, outcome, intent_at=at, ended_at=at + timedelta(seconds=50), **said))
    return made


def going_on(campaign: Campaign) -> None:
    """Two calls open, one ringing; one unknown; some to be called again."""
    waiting = list(campaign.contacts.filter(state=ContactState.PENDING).select_related("campaign__account")[:40])
    now = timezone.now()
    for person, state in zip(waiting, ("answered", "answered", "placed", "unknown"), strict=False):
        world.call(person, "", state=state, intent_at=now, ended_at=None, slot_released_at=None, answered_at=now)
        kept = ContactState.UNCERTAIN if state == AttemptState.UNKNOWN else ContactState.IN_CALL
        CampaignContact.objects.filter(pk=person.pk).update(state=kept)
    for place, person in enumerate(waiting[4:]):
        due = now + timedelta(minutes=4 * place)
        CampaignContact.objects.filter(pk=person.pk).update(
            state=ContactState.RETRY, due_at=due, reason="The line was busy."
        )


def recording(call: CallAttempt) -> None:
    """A stored recording of both sides, with its waveform."""
    content = sound(30)
    found = waveform.measure(io.BytesIO(content))
    kept = Recording(attempt=call, status=RecordingStatus.STORED, give_up_at=timezone.now(), content_type="audio/wav")
    kept.file.save(f"{call.pk}.wav", ContentFile(content), save=False)
    kept.size, kept.sha256, kept.fetched_at = len(content), "a" * 64, timezone.now()
    kept.seconds, kept.peaks, kept.channels = found.seconds, found.peaks, len(found.peaks)
    kept.save()


def pages(account: ExotelAccount) -> dict[str, str]:
    """Every page, by what it is."""
    contacts = people(240)
    draft = world.draft(account, contacts, name="NACH bounce, 18 November")
    paused = world.launched(account, contacts, name="KYC renewal, Kolkata")
    Campaign.objects.filter(pk=paused.pk).update(
        status="paused", paused_by="Dialer", paused_reason="Exotel refused five calls in a row (400)."
    )
    live = world.launched(account, contacts, name="November EMI reminder")
    calls = outcomes(live)
    going_on(live)
    Pacer.objects.update(loop_seen_at=timezone.now())
    talked = calls[0]
    world.talk(talked)
    stream = talked.streams.get()
    stream.entries.create(at=0.2, kind="first_audio", data={"milliseconds": 128})
    stream.entries.create(at=4.0, kind="prompt", text="सह्याद्री फिनसर्व से। आपकी किस्त पच्चीस नवंबर को देय है।")
    recording(talked)
    noting.write(talked.pk, disposition="call-back", text="Asked for a call after six.", by=COMMAND_LINE)
    Recording.objects.create(attempt=calls[1], status="missing", give_up_at=timezone.now(), reason="it was never ready")
    suppressing.suppress(["+919000000239"], reason="Asked not to be called", by=COMMAND_LINE)
    addresses_of(account)
    person = talked.campaign_contact_id
    unknown = CallAttempt.objects.get(state=AttemptState.UNKNOWN)
    return {
        "overview": "/",
        "campaigns": "/campaigns/",
        "new": "/campaigns/new",
        "edit": f"/campaigns/{draft.pk}/edit",
        "review": f"/campaigns/{draft.pk}/",
        "live": f"/campaigns/{live.pk}/",
        "paused": f"/campaigns/{paused.pk}/",
        "stop": f"/campaigns/{live.pk}/stop",
        "people": f"/campaigns/{live.pk}/contacts",
        "lists": "/lists/",
        "upload": "/lists/upload",
        "list": f"/lists/{contacts.pk}/",
        "calls": "/calls/",
        "filtered": "/calls/?outcome=busy",
        "call": f"/calls/{talked.pk}/",
        "unknown": f"/calls/{unknown.pk}/",
        "missing": "/calls/recordings-missing",
        "person": f"/contacts/in-campaign/{person}/",
        "find": "/contacts/find",
        "do-not-call": "/do-not-call/",
        "settings": "/settings/",
        "account": f"/settings/accounts/{account.pk}/",
        "trial": f"/settings/accounts/{account.pk}/call-my-phone",
        "doctor": "/settings/doctor",
        "flows": "/settings/flow-addresses",
        "users": "/settings/users",
        "audit": "/settings/audit",
    }
