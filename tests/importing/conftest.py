"""Uploads made of text, and a media folder of the test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.test import override_settings

from campaigns.audit import COMMAND_LINE
from campaigns.importing import mapping, uploads
from campaigns.models import ContactImport, ContactList

Upload = Callable[..., ContactImport]


@pytest.fixture(autouse=True)
def state(tmp_path: Path) -> Iterator[Path]:
    """STATE_DIR as a process started by a test would get it; files are stored below its media folder."""
    with override_settings(MEDIA_ROOT=tmp_path / "media"):
        yield tmp_path


@pytest.fixture
def upload(db: None) -> Upload:
    """Store a file as an import with guessed columns, queued: upload(content, "List", region="IN")."""

    def uploaded(content: str | bytes, name: str = "People", region: str = "IN") -> ContactImport:
        existing = ContactList.objects.filter(name=name).first()
        raw = content.encode() if isinstance(content, str) else content
        target = uploads.Target(name, region, existing)
        contact_import = uploads.receive(ContentFile(raw, name="people.csv"), target, by=COMMAND_LINE)
        guess = mapping.guess(contact_import)
        assert uploads.queue(contact_import, guess.phone, guess.name, by=COMMAND_LINE)
        return contact_import

    return uploaded
