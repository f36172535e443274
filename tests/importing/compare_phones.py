"""`python -m tests.importing.compare_phones --numbers 5000000 --seed 1`: the fast path beside the library.

What the fast path takes must be what our slow path says in every field, and what `phonenumbers` alone makes of the same
cell. Prints how much was taken, how fast both were, and every difference; exit status 1 if there is one.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field
from itertools import islice

import phonenumbers

from campaigns.importing import fast_phones, phones
from campaigns.importing.phone_results import Phone
from tests.importing import phone_inputs

AT_ONCE = 20_000


@dataclass
class Tally:
    """What a comparison found; times in seconds."""

    numbers: int = 0
    taken: int = 0
    valid: int = 0
    fast_time: float = 0.0
    slow_time: float = 0.0
    different: list[str] = field(default_factory=list)


def compare(region: str, numbers: int, seed: int, tally: Tally, *, alone: bool = True) -> None:
    """Put cells of one region through both; `alone` asks `phonenumbers` itself, too."""
    cells = islice(phone_inputs.cells(region, seed), numbers)
    while chunk := list(islice(cells, AT_ONCE)):
        began = time.perf_counter()
        fast = [fast_phones.read(text, region) for text in chunk]
        middle = time.perf_counter()
        slow = [phones.judge(text, region) for text in chunk]
        tally.fast_time += middle - began
        tally.slow_time += time.perf_counter() - middle
        tally.numbers += len(chunk)
        tally.taken += sum(found is not None for found in fast)
        tally.valid += sum(isinstance(found, Phone) for found in slow)
        for text, ours, theirs in zip(chunk, fast, slow, strict=True):
            if ours is None:
                continue
            if ours != theirs:
                tally.different.append(f"{region} {text!r}: {ours} but {theirs}")
            elif alone and (said := by_library_alone(text, region)) != ours.e164:
                tally.different.append(f"{region} {text!r}: {ours.e164} but phonenumbers says {said!r}")


def by_library_alone(text: str, region: str) -> str:
    """E.164 as `phonenumbers` reads the cell without any code of ours; '' where it is no valid number."""
    # Ours to say and not the library's: 00 means a plus whatever the region dials, and a tab is but a blank.
    bare = "".join(char for char in text if char in "+0123456789")
    given = "+" + bare[2:] if bare.startswith("00") else text.replace("\t", " ")
    try:
        parsed = phonenumbers.parse(given, region)
    except phonenumbers.NumberParseException:
        return ""
    valid = phonenumbers.is_valid_number(parsed)
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)) if valid else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=5_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--regions", default=",".join(phone_inputs.REQUIRED))
    options = parser.parse_args()
    regions = options.regions.split(",")
    total = Tally()
    for region in regions:
        compare(region, -(-options.numbers // len(regions)), options.seed, total)
        sys.stdout.write(f"{region}: {total.numbers:,} compared, {len(total.different)} different\n")
        sys.stdout.flush()
    sys.stdout.write("\n".join([*total.different[:50], ""]))
    sys.stdout.write(
        f"{total.numbers:,} inputs, {total.valid:,} of them numbers, {total.taken:,} taken by the fast path "
        f"({total.fast_time / total.numbers * 1e6:.2f} µs an input; slow path "
        f"{total.slow_time / total.numbers * 1e6:.1f} µs): {len(total.different)} differences\n"
    )
    return 1 if total.different else 0


if __name__ == "__main__":
    sys.exit(main())
