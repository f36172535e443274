"""A day in the life: a campaign in the middle of its calls, a paused one, a draft, imports, somebody on do-not-call."""

import io
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from campaigns import noting, suppressing
from campaigns.account_tokens import addresses_of
from campaigns.audit import COMMAND_LINE, Actor
from campaigns.calling_hours import Window
from campaigns.importing import loading
from campaigns.lifecycle import AttemptState, ContactState
from campaigns.models import (
    AuditEntry,
    CallAttempt,
    CallEvent,
    Campaign,
    CampaignContact,
    Contact,
    ContactImport,
    ContactList,
    ExotelAccount,
    Pacer,
    Recording,
    RecordingStatus,
    StreamUse,
)
from campaigns.recordings import waveform
from tests.pages import morning, world

NAMES = (
    "कविता देशमुख", "Rakesh Yadav", "முருகேசன் ராமசாமி", "Mohammed Arif Shaikh", "ਹਰਪ੍ਰੀਤ ਕੌਰ", "Sneha D’Souza", "Asha Rao",
    "Om Prakash Verma", "ವಿಜಯ ಕುಮಾರ್", "Fatima Sheikh", "Joseph Kurian", "রিতা সেন", "Li Wei", "Pooja Nair",
)  # fmt: skip
PEOPLE, CALLED = 2480, 1210
HOURS = Window(time(9), time(19))
TALK: tuple[tuple[str, float, str, dict[str, object]], ...] = (
    ("prompt", 0.2, "नमस्ते कविता जी। सह्याद्री फिनसर्व से बोल रही हूँ।", {}),
    ("first_audio", 0.2, "", {"milliseconds": 128}),
    ("prompt", 4.2, "आपकी किस्त ₹4,350 पच्चीस नवंबर को देय है।", {}),
    ("prompt", 9.0, "समय पर देंगे तो 1 दबाइए, बात करने के लिए 2।", {}),
    ("barge_in", 13.4, "cut by key", {"milliseconds": 96}),
    ("key", 13.5, "1", {}),
    ("disposition", 13.9, "Promised to pay", {"kind": "goal"}),
    ("prompt", 14.4, "धन्यवाद। आपका दिन शुभ हो।", {}),
)
SAYING = (
    "नमस्ते। सह्याद्री फिनसर्व से बोल रही हूँ।",
    "Your instalment of ₹4,350 is due on 25 November.",
    "Press 1 if you will pay by then, 2 to talk to us.",
)
FILE = "Name,Mobile,emi_due,language\n" + "".join(
    f"{NAMES[place % len(NAMES)]},{number},{4350 + place},hi\n"
    for place, number in enumerate(
        [*(f"+91 90001 {place:05}" for place in range(1480)), *["9.00001E+09", "12345", "n/a"] * 4, *["9000100001"] * 9]
    )
)


def pages(account: ExotelAccount, client: Client) -> dict[str, str]:
    """Every page, by what it is. `client` belongs to somebody who may upload."""
    contacts = people(PEOPLE)
    draft = world.draft(account, contacts, name="NACH bounce, 18 November")
    paused = world.launched(account, few("Kolkata renewals"), name="KYC renewal, Kolkata", window=HOURS)
    Campaign.objects.filter(pk=paused.pk).update(
        status="paused", paused_by="Dialer", paused_reason="Exotel refused five calls in a row (400)."
    )
    live = world.launched(
        account,
        contacts,
        name="November EMI reminder",
        window=HOURS,
        calls_per_second=Decimal("0.2"),
        max_concurrent=18,
    )
    began_at(live, timedelta(hours=2, minutes=3))
    began_at(paused, timedelta(hours=1, minutes=20))
    AuditEntry.objects.create(
        subject=f"campaign:{paused.pk}", action="pause", actor_name="Dialer", at=timezone.now() - timedelta(minutes=48)
    )
    calls = morning.outcomes(live, CALLED)
    going_on(live)
    Pacer.objects.update(loop_seen_at=timezone.now() + timedelta(hours=1))
    StreamUse.objects.update_or_create(
        account=account, defaults={"asked_at": timezone.now(), "seen_at": timezone.now(), "active": 9, "limit": 100}
    )
    talked = calls[0]
    talk(talked)
    missing = next(call for call in calls[1:] if call.outcome == "answered")
    Recording.objects.create(attempt=missing, status="missing", give_up_at=timezone.now(), reason="it was never ready")
    suppressing.suppress(["+919000002479"], reason="Asked not to be called", by=COMMAND_LINE)
    addresses_of(account)
    CallEvent.objects.create(source="callback", digest="f" * 64, raw="CallSid=x", note="it names no call of ours")
    unknown = CallAttempt.objects.get(state=AttemptState.UNKNOWN)
    trial = world.launched(account, few("Trial"), name="Trial call", is_test=True)
    return {
        "overview": "/",
        "campaigns": "/campaigns/",
        "new": f"/campaigns/new?list={contacts.pk}&field=name&op=contains&value=a&field=campaign:{live.pk}&op=called",
        "edit": f"/campaigns/{draft.pk}/edit",
        "review": f"/campaigns/{draft.pk}/",
        "live": f"/campaigns/{live.pk}/",
        "paused": f"/campaigns/{paused.pk}/",
        "stop": f"/campaigns/{live.pk}/stop",
        "change": f"/campaigns/{live.pk}/change",
        "versions": f"/campaigns/{live.pk}/versions",
        "people": f"/campaigns/{live.pk}/contacts",
        "lists": "/lists/",
        "upload": "/lists/upload",
        "list": f"/lists/{contacts.pk}/",
        "never": f"/lists/{contacts.pk}/suppress?q=a",
        **imports(client),
        "calls": "/calls/",
        "filtered": "/calls/?outcome=busy",
        "nothing": "/calls/?number=99999999",
        "call": f"/calls/{talked.pk}/",
        "unknown": f"/calls/{unknown.pk}/",
        "missing": "/calls/recordings-missing",
        "person": f"/contacts/in-campaign/{talked.campaign_contact_id}/",
        "suppressed": f"/contacts/{contacts.contacts.get(phone='+919000002479').pk}/",
        "find": "/contacts/find",
        "do-not-call": "/do-not-call/",
        "settings": "/settings/",
        "account": f"/settings/accounts/{account.pk}/",
        "trial": f"/settings/accounts/{account.pk}/call-my-phone",
        "trial-call": f"/settings/trial-calls/{trial.pk}",
        "doctor": "/settings/doctor",
        "flows": "/settings/flow-addresses",
        "users": "/settings/users",
        "audit": "/settings/audit",
    }


# ----------------------------------------------------------------------------------------------------------- people
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


def few(name: str) -> ContactList:
    """Twelve others."""
    made = world.people(12, name=name)
    for place, contact in enumerate(made.contacts.order_by("pk")):
        contact.phone = f"+91900{ContactList.objects.count():02}{place:05}"
        contact.name = NAMES[-1 - place]
        contact.save()
    return made


def imports(client: Client) -> dict[str, str]:
    """A file that waits for its columns, and the report of one that came in, bad rows and all."""
    waits, done = (_sent(client, name) for name in ("Nashik, December", "Pune EMI, December"))
    client.post(f"/imports/{done.pk}/map", {"phone_column": "Mobile", "name_column": "Name"})
    assert loading.run_due()
    return {"map": f"/imports/{waits.pk}/map", "report": f"/imports/{done.pk}/"}


def _sent(client: Client, name: str) -> ContactImport:
    form = {"contact_list": "", "name": name, "region": "IN", "file": SimpleUploadedFile(f"{name}.csv", FILE.encode())}
    assert client.post("/lists/upload", form).status_code == 302
    return ContactImport.objects.latest("pk")


# ------------------------------------------------------------------------------------------------------------ calls
def began_at(campaign: Campaign, ago: timedelta) -> None:
    """Launched some time ago; whoever has not been called has been due since."""
    at = timezone.now() - ago
    Campaign.objects.filter(pk=campaign.pk).update(launched_at=at)
    AuditEntry.objects.filter(subject=f"campaign:{campaign.pk}", action="launch").update(at=at)
    campaign.contacts.update(due_at=at)


def going_on(campaign: Campaign) -> None:
    """Calls open now, the longest begun 58 s ago; one ringing, one unknown."""
    waiting = list(campaign.contacts.filter(state=ContactState.PENDING).select_related("campaign__account")[:9])
    states = ("answered",) * 6 + ("placed", "placed", "unknown")
    for place, (person, state) in enumerate(zip(waiting, states, strict=True)):
        at = timezone.now() - timedelta(seconds=58 - 6 * place)
        answered = at + timedelta(seconds=6) if state == "answered" else None
        still: dict[str, Any] = {"ended_at": None, "slot_released_at": None, "reason": ""}
        made = world.call(person, "", state=state, intent_at=at, placed_at=at, answered_at=answered, **still)
        if answered:
            stream = made.streams.create(opened_at=answered)
            stream.entries.create(at=0.2, kind="prompt", text=SAYING[place % len(SAYING)])
        kept = ContactState.UNCERTAIN if state == AttemptState.UNKNOWN else ContactState.IN_CALL
        CampaignContact.objects.filter(pk=person.pk).update(state=kept, last_outcome="", reason="")


def talk(call: CallAttempt) -> None:
    """A talk in full: its stream, what was said, the carrier's word, the recording, a person's note."""
    CallAttempt.objects.filter(pk=call.pk).update(talk_seconds=19, duration=27, carrier_status="completed")
    opened = call.answered_at or call.intent_at
    stream = call.streams.create(
        opened_at=opened,
        closed_at=opened + timedelta(seconds=18.6),
        closed_by="bot",
        close_code=1000,
        seconds=18.6,
        encoding="base64",
        frames_in=930,
        frames_out=81,
    )
    for kind, at, text, data in TALK:
        stream.entries.create(at=at, kind=kind, text=text, data=data)
    _callbacks(call)
    _recording(call)
    noting.write(call.pk, disposition="call-back", text="Asked for a call after six.", by=Actor("Meera Kulkarni"))


def _callbacks(call: CallAttempt) -> None:
    fields = {"CallSid": call.sid, "Status": "completed", "EventType": "terminal", "ConversationDuration": "19"}
    call.events.create(
        account=call.account,
        source="callback",
        digest="d" * 64,
        received_at=call.ended_at or call.intent_at,
        applied_at=call.ended_at,
        said={"carrier_status": "completed"},
        fields=fields,
        copies=2,
    )


def _recording(call: CallAttempt) -> None:
    """A stored recording of both sides, with its waveform."""
    content = morning.voices()
    found = waveform.measure(io.BytesIO(content))
    kept = Recording(attempt=call, status=RecordingStatus.STORED, give_up_at=timezone.now(), content_type="audio/wav")
    kept.file.save(f"{call.pk}.wav", ContentFile(content), save=False)
    kept.size, kept.sha256, kept.fetched_at = len(content), "a" * 64, timezone.now()
    kept.seconds, kept.peaks, kept.channels = found.seconds, found.peaks, len(found.peaks)
    kept.save()
