"""Damaged files through the real import: no crash, no hang, rows conserved, every rejection named.

200 here; FUZZ=5000 for more, SEED=n for others. The file that fails is written beside the test's media.
"""

import os
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from campaigns.importing.reading import NotACsv
from tests.importing import fuzzing
from tests.importing.test_corpus import conserved, imported

PARTS = 4
FILES = int(os.environ.get("FUZZ", "200")) // PARTS
SEED = int(os.environ.get("SEED", "1"))
LONGEST_WAIT = 60.0  # seconds a file; it takes 20 ms on a machine at rest


@pytest.mark.django_db
@pytest.mark.timeout(240 + FILES)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_damaged_file_is_read_or_refused_and_its_rows_are_conserved(part: int, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for place, content in enumerate(islice(fuzzing.files(SEED * PARTS + part), FILES)):
        (tmp_path / "file").write_bytes(content)
        began = time.monotonic()
        try:
            contact_import, counts = imported(content, name=f"File {place}")
        except NotACsv as refused:
            seen["refused" if refused.reason.endswith(".") else "refused without a sentence"] += 1
        else:
            conserved(contact_import, counts)
            seen.update(files=1, rows=counts.rows, people=counts.imported, rejected=counts.rejected)
        assert time.monotonic() - began < LONGEST_WAIT
    assert seen["files"] > FILES / 4, seen
    assert not seen["refused without a sentence"]
    assert min(seen["people"], seen["rejected"], seen["refused"]) > 0, seen
    print(dict(seen))  # noqa: T201  shown with -s
