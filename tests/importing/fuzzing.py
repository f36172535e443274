"""Files of the corpus, damaged by a seed: bytes flipped, cut out, doubled, put in; inside of archives, too."""

import io
import random
import zipfile
from collections.abc import Iterator

from tests.importing.corpus import CORPUS
from tests.importing.corpus_refused import REFUSED

LARGEST = 20_000  # bytes; a larger file of the corpus is cut
_SOURCES = [case.content[:LARGEST] if case.content[:2] != b"PK" else case.content for case in CORPUS.values()]
_SOURCES += [content[:LARGEST] if content[:2] != b"PK" else content for content, _ in REFUSED.values()]
_PIECES = (
    b'"', b'""', b"'", b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\0", b"\0\0", b"\xef\xbb\xbf", b"\xff\xfe",
    b"\xfe\xff", b"\xff", b"\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\x1a", b"\\", b"\\N", b"\\.",
    b"sep=;\n", b"9876543210", b"+91 98765 43210", b"9.19E+11", b"Mobile", b"Name", b"=", b"@", b"-", b"\xe2\x80\xae",
    b"\xe2\x80\xa8", b"<", b"&amp;", b"</row>", b'r="A1048577"', b"9" * 400, b" " * 400, b"\n" * 300, b"x" * 11_000,
    "९८७६५४३२१०".encode(), "नाम".encode("utf-16-le"), b'"\n' * 120, b",,,,,,,,,,", b"1e309", b"nan",
)  # fmt: skip
_ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "shift_jis", "gb18030")


def files(seed: int) -> Iterator[bytes]:
    """Without end; the same for the same seed."""
    chance = random.Random(seed)
    while True:
        source = chance.choice(_SOURCES)
        if source[:4] == b"PK\x03\x04" and zipfile.is_zipfile(io.BytesIO(source)) and chance.random() < 0.7:
            yield _inside(source, chance)
        else:
            yield _damaged(source, chance)


def _damaged(content: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        content = chance.choice((_flip, _cut, _double, _put_in, _put_in, _put_in, _splice, _recode))(content, chance)
    return content[: 4 * LARGEST]


def _at(content: bytes, chance: random.Random) -> int:
    return chance.randrange(len(content) + 1)


def _flip(content: bytes, chance: random.Random) -> bytes:
    at = _at(content, chance)
    return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]


def _cut(content: bytes, chance: random.Random) -> bytes:
    at = _at(content, chance)
    return content[:at] + content[at + chance.choice((1, 2, 10, 100, LARGEST)) :]


def _double(content: bytes, chance: random.Random) -> bytes:
    start, end = sorted((_at(content, chance), _at(content, chance)))
    return content[:end] + content[start:end] * chance.choice((1, 1, 3)) + content[end:]


def _put_in(content: bytes, chance: random.Random) -> bytes:
    at = _at(content, chance)
    return content[:at] + chance.choice(_PIECES) + content[at:]


def _splice(content: bytes, chance: random.Random) -> bytes:
    other = chance.choice(_SOURCES)
    return content[: _at(content, chance)] + other[_at(other, chance) :]


def _recode(content: bytes, chance: random.Random) -> bytes:
    text = content.decode(chance.choice(_ENCODINGS), "replace")
    return text.encode(chance.choice(_ENCODINGS), "replace")


def _inside(content: bytes, chance: random.Random) -> bytes:
    """The archive with one of its parts damaged, taken out or named otherwise."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        victim = chance.choice([*names, *(name for name in names if "sheet" in name)])
        fate = chance.random()
        for name in names:
            part = old.read(name)
            if name != victim:
                new.writestr(name, part)
            elif fate > 0.1:
                new.writestr(name if fate > 0.2 else name.upper(), _damaged(part, chance))
    return target.getvalue()
