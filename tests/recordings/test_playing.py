"""The bytes of a recording as a browser asks for them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.files.base import ContentFile
from django.test import AsyncClient, Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from campaigns.models import Recording, User
from campaigns.views.recordings import PIECE
from tests.recordings import world

pytestmark = pytest.mark.django_db

FILE = bytes(place * 7 % 251 for place in range(2 * PIECE + 1000))
ETAG = f'"{"e" * 32}"'


class Answer:
    """A response with its whole body."""

    def __init__(self, response: Any, body: bytes, pieces: list[int]) -> None:
        self.status: int = response.status_code
        self.headers: dict[str, str] = dict(response.items())
        self.body, self.pieces = body, pieces


@async_to_sync
async def ask(client: AsyncClient, path: str, method: str = "get", **headers: str) -> Answer:
    response = await getattr(client, method)(path, headers=headers)
    if not response.streaming:
        return Answer(response, response.content, [])
    content: AsyncIterator[bytes] = aiter(response.streaming_content)
    pieces = [piece async for piece in content]
    return Answer(response, b"".join(pieces), [len(piece) for piece in pieces])


@pytest.fixture
def meera() -> AsyncClient:
    client = AsyncClient()
    client.force_login(User.objects.create_user("meera"))
    return client


@pytest.fixture
def recording() -> Recording:
    made = Recording(
        attempt=world.call(world.account("http://127.0.0.1:9")),
        status="stored",
        size=len(FILE),
        sha256="e" * 64,
        content_type="audio/mpeg",
        give_up_at=timezone.now(),
    )
    made.file.name = made.file.storage.save("recordings/a", ContentFile(FILE))
    made.save()
    return made


@pytest.fixture
def path(recording: Recording) -> str:
    return f"/calls/{recording.attempt_id}/recording"


def test_the_whole_recording_comes_a_piece_at_a_time(meera: AsyncClient, path: str, recording: Recording) -> None:
    answer = ask(meera, path)
    assert (answer.status, answer.body) == (200, FILE)
    assert max(answer.pieces) == PIECE
    assert answer.headers["Content-Length"] == str(len(FILE))
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["ETag"] == ETAG
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == f'inline; filename="call-{recording.attempt_id}.mp3"'


def test_a_download_is_the_same_file_to_keep(meera: AsyncClient, path: str) -> None:
    answer = ask(meera, f"{path}/download")
    assert answer.body == FILE
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-", 0, len(FILE) - 1),
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        (f"bytes={len(FILE) - 1}-", len(FILE) - 1, len(FILE) - 1),
        ("bytes=-500", len(FILE) - 500, len(FILE) - 1),
        ("bytes=-99999999", 0, len(FILE) - 1),
        ("bytes=5-99999999", 5, len(FILE) - 1),
    ],
)
def test_a_range_is_answered_with_206(meera: AsyncClient, path: str, asked: str, first: int, last: int) -> None:
    answer = ask(meera, path, Range=asked)
    assert (answer.status, answer.body) == (206, FILE[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(FILE)}"
    assert answer.headers["Content-Length"] == str(len(answer.body))


@given_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(FILE) + 10), st.none() | st.integers(0, 2 * PIECE))
def test_any_range_is_the_slice_that_it_names(
    meera: AsyncClient, recording: Recording, first: int, more: int | None
) -> None:
    last = "" if more is None else first + more
    answer = ask(meera, f"/calls/{recording.attempt_id}/recording", Range=f"bytes={first}-{last}")
    expected = FILE[first:] if more is None else FILE[first : first + more + 1]
    assert (answer.status, answer.body) == ((206, expected) if expected else (416, b""))


@pytest.mark.parametrize("asked", [f"bytes={len(FILE)}-", "bytes=-0", "bytes=999999999-"])
def test_a_range_outside_is_answered_with_416_and_the_size(meera: AsyncClient, path: str, asked: str) -> None:
    answer = ask(meera, path, Range=asked)
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{len(FILE)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "items=0-1", "bytes=9-1", "nonsense"])
def test_several_ranges_and_nonsense_get_the_whole_file(meera: AsyncClient, path: str, asked: str) -> None:
    answer = ask(meera, path, Range=asked)
    assert (answer.status, answer.body) == (200, FILE)
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize(
    ("unless", "status"),
    [(ETAG, 206), ('"another"', 200), (f"W/{ETAG}", 200), ("Fri, 20 Nov 2026 06:11:20 GMT", 200)],
)
def test_if_range_gives_the_part_only_of_the_very_same_file(
    meera: AsyncClient, path: str, unless: str, status: int
) -> None:
    assert ask(meera, path, Range="bytes=0-9", If_Range=unless).status == status


def test_a_browser_that_has_it_is_told_so(meera: AsyncClient, path: str) -> None:
    answer = ask(meera, path, If_None_Match=ETAG)
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(("asked", "status", "length"), [(None, 200, len(FILE)), ("bytes=10-19", 206, 10)])
def test_head_tells_the_same_without_the_bytes(
    meera: AsyncClient, path: str, asked: str | None, status: int, length: int
) -> None:
    answer = ask(meera, path, "head", **({"Range": asked} if asked else {}))
    assert (answer.status, answer.body) == (status, b"")
    assert answer.headers["Content-Length"] == str(length)


def test_a_stranger_hears_nothing(path: str) -> None:
    for address in (path, f"{path}/download"):
        answer = ask(AsyncClient(), address, Range="bytes=0-1")
        assert (answer.status, answer.headers["Location"]) == (302, f"/sign-in?next={address}")


def test_a_recording_is_not_changed_by_a_post(meera: AsyncClient, path: str) -> None:
    assert ask(meera, path, "post").status == 405


@pytest.mark.parametrize("status", ["waiting", "fetching", "missing", "refused"])
def test_a_recording_that_is_not_stored_is_not_found(meera: AsyncClient, path: str, status: str) -> None:
    Recording.objects.update(status=status)
    assert ask(meera, path).status == 404


def test_a_call_without_a_recording_and_a_file_that_is_gone_are_not_found(
    meera: AsyncClient, path: str, recording: Recording
) -> None:
    assert ask(meera, "/calls/999999/recording").status == 404
    Path(settings.MEDIA_ROOT, recording.file.name or "").unlink()
    assert ask(meera, path).status == 404


def test_the_folder_of_recordings_is_not_served(client: Client, recording: Recording) -> None:
    for address in (f"/media/{recording.file.name}", f"/{recording.file.name}", f"/static/{recording.file.name}"):
        assert client.get(address).status_code in (302, 404)
