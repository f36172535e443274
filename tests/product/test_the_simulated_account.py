"""What we take the simulator to allow is what it allows."""

from campaigns import accounts
from dialer.simulator.options import Options
from dialer.supervisor import values


def test_the_simulated_account_fits_the_simulator() -> None:
    allowed = Options()
    assert min(allowed.channels, allowed.streams) >= accounts.SIMULATED_SLOTS
    assert accounts.SIMULATED_PACE == values.REQUESTS_PER_MINUTE == allowed.calls_per_minute
    assert values.SIMULATED_CALLER_ID in allowed.exophones
