"""Planted bugs, each of which something must catch: a precise test where there is one, else a run of the harness."""

from collections.abc import Callable

from dialer import throwaway
from tests.chaos.faults import Fault
from tests.chaos.planting import MACHINE, Edit, Mutant, caught_by, short

__all__ = ["MUTANTS", "Mutant", "main"]

HELD_SOON = "target: held within 20 calls"  # not one of the invariants I1 to I25

MUTANTS = (
    Mutant(
        "retry-on-read-error",
        "an error after the first byte counts as not sent, and the person is dialled again",
        ("I4", "I14"),
        (
            Edit(
                "campaigns/exotel/client.py",
                "    return Unknown(result.reason, result.status, excerpt(result.body))",
                "    return NotSent(result.reason)",
            ),
        ),
        plan=short(calls=250, seed=6),
    ),
    Mutant(
        "sent-before-it-is-written",
        "the request goes out although the intent was not committed",
        ("I3", "I8"),
        (
            Edit(
                "campaigns/intents.py",
                "        return together\n",
                "        transaction.set_rollback(True)\n        return together\n",
            ),
        ),
        tests=(MACHINE,),
    ),
    Mutant(
        "orphans-go-back-in-line",
        "the sweeper puts a dead loop's intents back in line",
        ("I4", "I14"),
        (
            Edit(
                "campaigns/settling.py",
                "        won = _to_unknown(attempt, Unknown(reason), pacing.db_now())\n",
                "        _not_sent(pacing.lock(attempt.account_id), attempt, NotSent(reason), pacing.db_now())\n"
                "        won = True\n",
            ),
        ),
        plan=short(*(Fault(at, "point", "post.answered", "kill") for at in (0.1, 0.4, 0.7))),
    ),
    Mutant(
        "sweep-by-time",
        "the sweeper decides by the clock that a loop is dead",
        ("I17",),
        (
            Edit(
                "campaigns/sweeping.py",
                "AND l.mode = 'ExclusiveLock' AND l.granted)\n",
                "AND l.mode = 'ExclusiveLock' AND l.granted AND a.intent_at > now() - interval '5 seconds')\n",
            ),
        ),
        tests=("tests/dialing/test_owners.py",),
    ),
    Mutant(
        "owner-not-asked",
        "a loop that has lost its lock goes on dialling",
        ("I17",),
        (
            Edit(
                "campaigns/pacing.py",
                'OWNER_ALIVE = "NOT pg_try_advisory_xact_lock_shared(%(owners)s, %(owner)s)"',
                'OWNER_ALIVE = "%(owners)s + %(owner)s > 0"',
            ),
        ),
        tests=("tests/dialing/test_owners.py",),
    ),
    Mutant(
        "limiter-starts-full",
        "idle time earns a burst",
        ("I6",),
        (
            Edit(
                "campaigns/pacing.py",
                "    return max(turn(next_at, now, step), now) + step\n",
                "    return max(turn(next_at, now, step), now - timedelta(seconds=5)) + step\n",
            ),
        ),
        tests=("tests/dialing/test_pacing.py",),
    ),
    Mutant(
        "end-is-not-the-end",
        "a late callback moves a call that has ended back to answered",
        ("I5", "I16"),
        (Edit("campaigns/lifecycle.py", "        _A.ENDED: (),\n", "        _A.ENDED: (_A.PLACED, _A.ANSWERED),\n"),),
        tests=(MACHINE,),
    ),
    Mutant(
        "hours-at-claim-only",
        "calling hours are not looked at in the intent",
        ("I9",),
        (
            Edit("campaigns/eligibility.py", "        or nobodys_hours_block(campaign, now)\n", ""),
            Edit("campaigns/eligibility.py", "        or hours_block(contact, campaign, now)\n", ""),
        ),
        plan=short(),
    ),
    Mutant(
        "do-not-call-at-import-only",
        "the do-not-call list is not looked at in the intent",
        ("I10",),
        (
            Edit(
                "campaigns/eligibility.py",
                "        suppressed_block(person)\n        or elsewhere_block",
                "        elsewhere_block",
            ),
        ),
        tests=(MACHINE,),
    ),
    Mutant(
        "pause-cached",
        "which campaigns run is remembered for five seconds",
        ("I11",),
        (
            Edit(
                "campaigns/turns.py",
                "    campaigns = [_campaign(*row) for row in running]\n",
                "    now = clock[0][0]\n"
                "    if running or account_id not in _SEEN or (now - _SEEN[account_id][0]).total_seconds() > 5:\n"
                "        _SEEN[account_id] = (now, running)\n"
                "    running = _SEEN[account_id][1]\n"
                "    campaigns = [_campaign(*row) for row in running]\n",
            ),
            Edit("campaigns/turns.py", "_DAY = timedelta(hours=24)\n", "_DAY = timedelta(hours=24)\n_SEEN = {}\n"),
        ),
        tests=("tests/dialing/test_pausing.py",),
    ),
    Mutant(
        "slots-not-counted",
        "open calls are not held against the account's slots",
        ("I8",),
        (
            Edit(
                "campaigns/eligibility.py",
                "    if used >= account.max_concurrent:\n",
                "    if used >= 10 * account.max_concurrent:\n",
            ),
        ),
        tests=(MACHINE,),
    ),
    Mutant(
        "slots-counted-before-the-lock",
        "open calls are counted with a snapshot from before the pacer's lock",
        ("I8",),
        (
            Edit(
                "campaigns/turns.py",
                "    pacers, clock, alive, running = ask(\n",
                "    slots.count(account_id)\n    pacers, clock, alive, running = ask(\n",
            ),
        ),
        tests=("tests/dialing/test_slots.py",),
    ),
    Mutant(
        "slots-granted-since-forgotten",
        "a loop does not add its own grants to the slots that it has counted",
        ("I8",),
        (Edit("campaigns/turns.py", "        self._most[campaign_id] += 1\n", "        pass\n"),),
        tests=("tests/dialing/test_slots.py",),
    ),
    Mutant(
        "slot-freed-when-unknown",
        "a call of unknown fate gives its slot back at once",
        ("I8",),
        (
            Edit(
                "campaigns/settling.py",
                "        check_at=now + ASK_AFTER,\n",
                "        check_at=now + ASK_AFTER,\n        slot_released_at=now,\n",
            ),
        ),
        tests=(MACHINE,),
    ),
    Mutant(
        "answer-unconditional",
        "an unknown answer overwrites what a callback has said already",
        ("I5", "I16"),
        (
            Edit(
                "campaigns/settling.py",
                "    won = advance(\n        CallAttempt.objects.filter(pk=attempt.pk),\n        ATTEMPT,\n"
                "        AttemptState.UNKNOWN,\n",
                "    won = CallAttempt.objects.filter(pk=attempt.pk).update(\n        state=AttemptState.UNKNOWN,\n",
            ),
        ),
        tests=(MACHINE,),
    ),
    Mutant(
        "any-sid-will-do",
        "a callback that names another call is believed",
        ("I5",),
        (
            Edit(
                "campaigns/outcomes.py",
                "    suspect = _suspicion(attempt, said) or _bind(attempt, said)\n",
                '    suspect = ""\n',
            ),
        ),
        tests=(MACHINE, "tests/callbacks/test_crossed.py"),
    ),
    Mutant(
        "absence-proves-at-once",
        "a call that the list does not show was never dialled, however young it is",
        ("I4",),
        (
            Edit(
                "campaigns/reconciling.py",
                "    late = pacing.db_now() > attempt.proof_at\n    known",
                "    late = True\n    known",
            ),
            Edit(
                "campaigns/reconciling.py",
                "    return client.clock is None or client.clock > attempt.proof_at - CLOCK_SLACK\n",
                "    return True\n",
            ),
        ),
        tests=(MACHINE, "tests/campaigns/test_unknown_calls.py"),
    ),
    Mutant(
        "post-twice",
        "a POST without an answer is sent again",
        ("I1", "I3"),
        (
            Edit(
                "campaigns/dialing.py",
                '        failpoints.reach("post.answered")\n',
                "        if isinstance(answer, Unknown):\n"
                "            answer = client.connect(intent.request, not_after=time.monotonic() + 1)\n",
            ),
        ),
        plan=short(calls=250, seed=6),
    ),
    Mutant(
        "token-of-the-campaign",
        "all calls of a campaign carry one callback address",
        ("I1",),
        (
            Edit(
                "campaigns/dial_requests.py",
                "addresses.status_callback(attempt_id)",
                "addresses.status_callback(campaign_id)",
            ),
        ),
        plan=short(),
    ),
    Mutant(
        "old-intents-are-sent",
        "nobody looks how old an intent is when its first byte would leave",
        ("I10", "I11"),
        (
            Edit(
                "campaigns/dialing.py",
                "        latest = intent.committed_by + FIRST_BYTE_WITHIN\n",
                "        latest = time.monotonic() + 60\n",
            ),
        ),
        tests=("tests/dialing/test_loop.py", "-k", "slept_after_the_commit"),
    ),
    Mutant(
        "restore-not-noticed",
        "a loop dials on whatever database it finds",
        ("I14",),
        (
            Edit(
                "campaigns/dialing.py",
                "    if trouble or not gaps.clear(account_id):\n",
                "    if trouble:\n",
            ),
        ),
        tests=("tests/dialing/test_restore_drill.py", "-k", "nobody_is_dialled_again"),
    ),
    Mutant(
        "numbers-used-twice",
        "after a restore attempts get the numbers of forgotten ones",
        ("I1",),
        (
            Edit(
                "campaigns/gaps.py",
                "        move_on(top + LEAP, max(mark.owner for mark in known.marks.values()) + LEAP)\n",
                "        pass\n",
            ),
        ),
        tests=("tests/campaigns/test_gaps.py", "-k", "never_given_out_again"),
    ),
    Mutant(
        "retry-after-ignored",
        "429 makes nobody wait",
        ("I7",),
        (
            Edit(
                "campaigns/settling.py",
                "max(until or now, now + timedelta(seconds=seconds))",
                "now if seconds else None",
            ),
        ),
        tests=("tests/dialing/test_answers.py", "-k", "429"),
    ),
    Mutant(
        "answered-200-unstored",
        "a callback that could not be stored is answered 200",
        ("I19",),
        (
            Edit(
                "campaigns/webhooks.py",
                'return HttpResponse("Try again.\\n", status=503',
                'return HttpResponse("Try again.\\n", status=200',
            ),
        ),
        tests=("tests/callbacks",),
    ),
    Mutant(
        "silence-unnoticed",
        "people who pick up and hear nothing are not counted",
        (HELD_SOON,),
        (
            Edit(
                "campaigns/breakers.py",
                "    if picked_up and attempt.mode == Mode.BOT and not attempt.streams.exists():\n",
                "    if picked_up and attempt.mode == Mode.FLOW and not attempt.streams.exists():\n",
            ),
        ),
        tests=("tests/dialing/test_breakers.py",),
    ),
    Mutant(
        "probe-rings-everybody",
        "a held campaign that is tried calls everybody, not one",
        (HELD_SOON,),
        (
            Edit(
                "campaigns/breakers.py",
                "        breaker.probing, breaker.tried_at = False, now\n",
                "        breaker.probing, breaker.tried_at = True, now\n",
            ),
        ),
        tests=("tests/dialing/test_breakers.py",),
    ),
    Mutant(
        "nothing-learnt-from-429",
        "an account that is too fast again and again keeps its pace",
        ("I7",),
        (Edit("campaigns/learning.py", "        _fall(pacer, now)\n", ""),),
        tests=("tests/dialing/test_learning.py",),
    ),
    Mutant(
        "skipped-in-silence",
        "every twentieth person in line is passed over as if on the do-not-call list",
        ("I12",),
        (
            Edit(
                "campaigns/intents.py",
                "        chosen = next((contact for contact, block in blocks.items() if block is None), None)\n",
                '        off = Block("suppressed", "On the do-not-call list: asked", final=True)\n'
                "        blocks = {one: block or (None if one.pk % 20 else off) for one, block in blocks.items()}\n"
                "        chosen = next((contact for contact, block in blocks.items() if block is None), None)\n",
            ),
        ),
        plan=short(calls=120),
    ),
    Mutant(
        "retry-lost",
        "every third person who was busy or not there is done after the first call",
        ("I12",),
        (
            Edit(
                "campaigns/outcomes.py",
                "    if rule is None or contact.tries >= campaign.max_attempts",
                "    if rule is None or contact.pk % 3 == 0 or contact.tries >= campaign.max_attempts",
            ),
        ),
        plan=short(calls=120),
    ),
    Mutant(
        "all-late-go-at-once",
        "after a standstill everybody at the gate leaves together",
        ("I6",),
        (
            Edit(
                "campaigns/departures.py",
                "one.at = min(max(one.at if in_time else now, turn), now + LONGEST_LINE.total_seconds())",
                "one.at = one.at if in_time else now",
            ),
        ),
        tests=("tests/dialing/test_departures.py",),
    ),
    Mutant(
        "second-counted-by-plan",
        "a request that is held up just as it leaves counts in the second in which it should have left",
        ("I6",),
        (
            Edit(
                "campaigns/departures.py",
                "        self.left_at = time.monotonic()\n",
                "",
            ),
        ),
        tests=("tests/dialing/test_departures.py", "-k", "really_left"),
    ),
)


def main(name: str, say: Callable[[str], None]) -> int:
    """Plant the mutant of that name (or some by comma, or all), one by one; 0 if each was caught."""
    names = name.split(",")
    chosen = [mutant for mutant in MUTANTS if mutant.name in names or "all" in names]
    if not chosen:
        say(f"There is no mutant {name}: {', '.join(mutant.name for mutant in MUTANTS)}")
        return 1
    missed = 0
    with throwaway.environment() as servers:
        for mutant in chosen:
            by = caught_by(mutant, servers)
            missed += not by
            say(f"| {mutant.name} | {mutant.bug} | {', '.join(mutant.breaks)} | {by or '**not caught**'} |")
    return 1 if missed else 0
