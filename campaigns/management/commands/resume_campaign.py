from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from typing import Any

from campaigns import control, forgotten, restoring
from campaigns.audit import COMMAND_LINE
from campaigns.lifecycle import CampaignStatus
from campaigns.management.base import CampaignCommand
from campaigns.models import Campaign
from campaigns.restoring import Found
from campaigns.templatetags.dialer import plural, stamp

MOST_SHOWN = 50


class Command(CampaignCommand):
    help = "Go on: after a pause, or after what held the account (key, credit, KYC) was mended."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--after-restore",
            action="store_true",
            help="the database was put back from a copy: first ask Exotel who was called meanwhile",
        )
        parser.add_argument(
            "--do-not-call-is-back",
            action="store_true",
            help="with --after-restore: who asked not to be called meanwhile is suppressed again: dial on",
        )
        parser.add_argument(
            "--last-calls-refused",
            action="store_true",
            help="with --after-restore: Exotel refused the last calls, so its list rightly shows none of them",
        )

    def handle(self, **options: Any) -> None:
        campaign = self.campaign(options)
        if options["after_restore"]:
            self._after_restore(campaign, options)
            return
        control.resume(campaign.pk, by=COMMAND_LINE)
        campaign.refresh_from_db()
        found = {"id": campaign.pk, "status": campaign.status}
        self.answer(options, found, f"Resumed: {campaign.name} is {campaign.get_status_display().lower()}.")

    def _after_restore(self, campaign: Campaign, options: dict[str, Any]) -> None:
        found = restoring.resume(
            campaign.pk,
            by=COMMAND_LINE,
            do_not_call_is_back=options["do_not_call_is_back"],
            last_calls_refused=options["last_calls_refused"],
        )
        campaign.refresh_from_db()
        said = {"id": campaign.pk, "status": campaign.status, **restoring.as_object(found)}
        self.answer(options, said, "\n".join(_report(campaign, found)))


def _report(campaign: Campaign, found: Found) -> Iterator[str]:
    yield f"Exotel’s list from {stamp(found.since)} to {stamp(found.until)}: {plural(found.listed, 'call,calls')}."
    yield f"Known: {found.known}. Forgotten by this database: {len(found.lines)}, of which"
    counts = found.counts()
    yield f"  written down with their outcome: {counts[forgotten.RECORDED]} ({_outcomes(found)})"
    yield f"  the end of an attempt that was on its way: {counts[forgotten.MATCHED]}"
    yield f"  still going on, and asked about: {counts[forgotten.GOES_ON]}"
    yield f"  to numbers in no campaign of this account: {counts[forgotten.NOBODY]}"
    for line in found.lines[:MOST_SHOWN]:
        whose = f"campaign {line.campaign}" if line.campaign else "nobody here"
        yield f"    {stamp(line.at)}  {line.phone}  {line.outcome}  {whose}"
    if len(found.lines) > MOST_SHOWN:
        yield f"    … and {len(found.lines) - MOST_SHOWN} more; --json lists all"
    if found.doubtful:
        people = plural(found.doubtful, "person is,people are")
        yield f"{people} uncertain: the call may have been another campaign’s. You decide on the campaign’s page."
    if not found.checked:
        yield "No call that this database knows could be looked for in the list, to see that it is read rightly."
    yield "A list does not tell what was said: wishes not to be called, results and recordings of these calls are lost."
    why = f": {campaign.paused_reason}" if campaign.status == CampaignStatus.PAUSED and campaign.paused_reason else "."
    yield f"{campaign.name} is {campaign.get_status_display().lower()}{why}"
    for pk, name in found.paused:
        yield f"Also paused: {name} (resume_campaign {pk})"


def _outcomes(found: Found) -> str:
    counts = Counter(line.outcome for line in found.lines if line.kind == forgotten.RECORDED)
    return ", ".join(f"{n} {outcome}" for outcome, n in counts.most_common()) or "none"
