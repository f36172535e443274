from typing import Any

from campaigns import progress
from campaigns.lifecycle import ContactState
from campaigns.management.base import CampaignCommand
from campaigns.templatetags.enrolment import left_out


class Command(CampaignCommand):
    help = "Say how a campaign stands."

    def handle(self, **options: Any) -> None:
        campaign = self.campaign(options)
        counts = progress.counts(campaign.pk)
        waiting = progress.waiting(campaign)
        contacts = {ContactState(state).label.lower(): n for state, n in counts.contacts.items()}
        found: dict[str, Any] = {
            "status": campaign.status,
            "contacts": contacts,
            "outcomes": dict(counts.outcomes),
            "attempts": counts.attempts,
            "uncertain": counts.uncertain,
            "waiting": waiting.reason if waiting else None,
        }
        if campaign.audience:
            found["left_out"] = left_out(campaign)
        people = ", ".join(f"{n} {word}" for word, n in contacts.items() if n) or "nobody enrolled yet"
        calls = ", ".join(f"{n} {word}" for word, n in counts.outcomes.items() if n) or "no calls yet"
        people += f"; {found['left_out']} do not match the audience" if campaign.audience else ""
        sentence = f"{campaign.name} is {campaign.status}. People: {people}. Calls: {calls}."
        more = f" Waiting: {waiting.reason} {waiting.hint}".rstrip() if waiting else ""
        self.answer(options, found, sentence + more)
