"""One try of one recording, on a thread of its own: no database, only the network and the storage."""

import logging
import secrets
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import Storage

from campaigns.dialing import client_for
from campaigns.exotel.details import CallDetails
from campaigns.exotel.errors import ExotelError, RateLimited
from campaigns.models import EventSource, ExotelAccount
from campaigns.recordings.addresses import Resolve, Target
from campaigns.recordings.downloading import Failure, Limits, Sound, download
from campaigns.recordings.finding import Candidate, judge

log = logging.getLogger(__name__)

ADDRESSES_A_TRY = 3


@dataclass(frozen=True, slots=True)
class Try:
    """What one try needs. It stores under `name`; `stale_name` is what an earlier try may have left."""

    recording_id: int
    account: ExotelAccount
    sid: str
    candidates: tuple[Candidate, ...]
    ask: bool  # ask Exotel's call details first; the turn for that is taken
    storage: Storage
    name: str
    stale_name: str = ""


@dataclass(slots=True)
class Result:
    """What came of a try: a stored `sound` from `target`, or why not; and what Exotel said meanwhile."""

    candidates: list[Candidate]
    sound: Sound | None = None
    target: Target | None = None
    failure: Failure | None = None
    limited: RateLimited | None = None


@dataclass(frozen=True, slots=True)
class Outside:
    """The outside world of a try: how names are resolved, what a download may take, how Exotel is asked."""

    resolve: Resolve = socket.getaddrinfo
    limits: Limits = field(default_factory=Limits)
    ask: Callable[[ExotelAccount, str], CallDetails | None] = lambda account, sid: client_for(account).call(sid)


def new_name(now: datetime) -> str:
    """A name in the storage that nobody can guess, in a folder a day."""
    return f"recordings/{now:%Y/%m/%d}/{secrets.token_urlsafe(18)}"


def try_once(one: Try, outside: Outside) -> Result:
    """Ask if that is due, then fetch from the first addresses that are allowed until one gives the recording."""
    result = Result(list(one.candidates))
    if one.stale_name:
        _discard(one.storage, one.stale_name)
    if one.ask:
        _ask(one, outside, result)
    targets = [candidate.target for candidate in result.candidates if candidate.target]
    for target in targets[:ADDRESSES_A_TRY]:
        try:
            result.sound, result.target, result.failure = _fetch(one, target, outside), target, None
        except Failure as failure:
            result.failure = failure
            if not failure.final:
                continue
        return result
    if not targets:
        result.failure = _nowhere(result)
    return result


def _ask(one: Try, outside: Outside, result: Result) -> None:
    """Put the address that Exotel's call details name before all others."""
    try:
        details = outside.ask(one.account, one.sid)
    except RateLimited as limited:
        result.limited = limited
        return
    except ExotelError as trouble:
        result.failure = Failure(f"Exotel could not be asked: {trouble}")
        return
    if details and details.recording_url:
        others = [candidate for candidate in result.candidates if candidate.address != details.recording_url]
        result.candidates = [judge(one.account, details.recording_url, EventSource.DETAILS), *others]


def _nowhere(result: Result) -> Failure:
    """Why there was nothing to fetch from."""
    if result.failure:
        return result.failure
    refused = [candidate.verdict for candidate in result.candidates if candidate.verdict]
    if refused:
        return Failure(f"its address was not fetched: {refused[0]}", denied=True, bad=True)
    return Failure("Exotel has named no recording of this call", denied=True)


def _fetch(one: Try, target: Target, outside: Outside) -> Sound:
    """Download into a nameless file that vanishes with the process, then save it. Raises Failure."""
    key = (one.account.api_key, one.account.api_token)
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR, prefix="recording-") as file:
        sound = download(target, key, file, limits=outside.limits, resolve=outside.resolve)
        file.seek(0)
        try:
            saved = one.storage.save(one.name, File(file, name=one.name))
        except OSError as trouble:
            _discard(one.storage, one.name)
            raise Failure(f"it could not be stored: {trouble.strerror or trouble}") from trouble
    if saved != one.name:  # a name of 144 random bits was taken: the storage changes names
        one.storage.delete(saved)
        raise Failure("the storage did not keep the name that it was given")
    return sound


def _discard(storage: Storage, name: str) -> None:
    """Take away what a try that came to nothing may have left."""
    try:
        storage.delete(name)
    except OSError as trouble:
        log.warning("%s may be left in the storage: %s", name, trouble.strerror or trouble)
