"""What a measurement says, and the table of them all."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured thing: a figure per run, in `unit`. `of` names the row of the same part that it is divided by."""

    what: str
    unit: str
    runs: Sequence[float]
    of: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.runs)


def lines(part: str, rows: Sequence[Row]) -> list[str]:
    """The part's table: median, spread of the runs, and the ratio to its reference."""
    medians = {row.what: row.median for row in rows}
    width = max(len(row.what) for row in rows)
    found = [f"{part:<{width}}  {'median':>10}  {'min … max':>21}  ratio"]
    for row in rows:
        spread = f"{min(row.runs):,.4g} … {max(row.runs):,.4g}"
        ratio = f"{row.median / medians[row.of]:.2f} x {row.of}" if row.of else ""
        found.append(f"{row.what:<{width}}  {row.median:>10,.4g}  {spread:>21}  {ratio}  [{row.unit}]")
    return found
