"""`python -m bench [PART …] [--runs N]`: run parts, print medians and ratios."""

import argparse
import os
import sys
import time

from bench import place
from bench.parts import PARTS
from bench.table import lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--runs", type=int, default=3, help="repeats, of which the median counts")
    parser.add_argument("--people", type=int, default=1_000_000, help="size of the crowd of the part `pages`")
    parser.add_argument("--rows", type=int, default=1_000_000, help="length of the file of the part `imports`")
    options = parser.parse_args()
    os.environ |= {"BENCH_PEOPLE": str(options.people), "BENCH_ROWS": str(options.rows)}
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    where = place.describe()
    with place.servers():
        for name in options.parts or PARTS:
            began = time.monotonic()
            print("\n".join(lines(name, PARTS[name](options.runs))))
            print(f"({time.monotonic() - began:.0f} s)\n", flush=True)
    print("\n".join(where))
    return 0


if __name__ == "__main__":
    sys.exit(main())
