from argparse import ArgumentParser
from typing import Any

from campaigns import pacing, suppressing, why, why_words
from campaigns.management.base import CampaignCommand, country
from campaigns.models import CampaignContact
from campaigns.templatetags.dialer import phone as masked
from campaigns.why import Answer, Check


class Command(CampaignCommand):
    help = "Say why somebody is not called yet in a campaign, and when they will be."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("number", help="as people write it, +91 90000 01001")
        parser.add_argument("--region", type=country, default="IN", help="country of a number written without one")

    def handle(self, **options: Any) -> None:
        campaign = self.campaign(options)
        [number] = suppressing.read_numbers([options["number"]], options["region"])
        person = why_words.place_of(campaign, number)
        if person is None:
            said = why_words.not_in_queue(campaign, number)
            self.answer(options, {"state": "not-enrolled", "now": False, "reason": said, "next_at": None}, said)
            return
        now = pacing.db_now()
        answer = why.explain(person, now)
        line, sub = why_words.headline(person, answer, now)
        found = as_object(person, answer) | {"reason": sub, "sentence": line}
        self.answer(
            options,
            found | {"nobody_dials": why_words.nobody_dials(campaign) or None},
            _text(person, answer, line, sub),
        )


def as_object(person: CampaignContact, answer: Answer) -> dict[str, Any]:
    """The answer for machines. Times in ISO 8601, UTC."""
    return {
        "state": answer.state,
        "now": answer.now,
        "next_at": answer.next_at.isoformat() if answer.next_at else None,
        "about": answer.about.isoformat() if answer.about else None,
        "code": answer.stop.code if answer.stop else None,
        "contact": person.state,
        "tries": person.tries,
        "checks": [
            {
                "code": check.code,
                "state": check.state,
                "says": check.label,
                "detail": check.detail,
                "until": check.until.isoformat() if check.until else None,
            }
            for check in answer.checks
        ],
    }


def _text(person: CampaignContact, answer: Answer, line: str, sub: str) -> str:
    first = f"{masked(person.phone)}: {line} {sub}".rstrip()
    nobody = why_words.nobody_dials(person.campaign)
    return "\n".join(filter(None, (first, *map(_line, answer.checks), nobody)))


def _line(check: Check) -> str:
    mark = {"ok": "yes", "stop": "NO", "later": "-"}[check.state]
    return f"  {mark:>3}  {check.label}{f': {check.detail}' if check.detail else ''}"
