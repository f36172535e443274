"""The effective settings of a run: what was given, what the installation keeps, what the simulator brings."""

from pathlib import Path

from dialer import env, installation

SECRETS = ("SECRET_KEY", "TOKEN_KEYS", "ENCRYPTION_KEYS")
# What an operator may give to `make run`, and a second terminal must know as well. A test compares with .env.example.
PASSED_ON = (
    "ADMIN", "BEHIND_PROXY", "DEBUG", "DISPLAY_TIME_ZONE", "DRAIN_SECONDS", "EMAIL_URL", "EXOTEL_ACCOUNT_SID",
    "EXOTEL_API_KEY", "EXOTEL_API_TOKEN", "EXOTEL_API_URL", "EXOTEL_CALLER_ID", "EXOTEL_CALLS_PER_MINUTE",
    "EXOTEL_MAX_CONCURRENT", "EXOTEL_REGION", "LOG_LEVEL", "MAX_STREAMS", "PUBLIC_STREAM_URL", "RECORDING_HOSTS",
    "SIMULATOR_SPEED", "UPLOAD_MAX_BYTES",
)  # fmt: skip
SIMULATED_CALLER_ID = "08047491899"
REQUESTS_PER_MINUTE = 200  # Exotel's default limit, which the simulator keeps
SIMULATED_TALKS = 3  # seconds that live talks may go on when we stop: nobody minds that a simulated one is cut off


def effective(state_dir: Path) -> dict[str, str]:
    """All settings but DATABASE_URL and REDIS_URL. Raises ImproperlyConfigured with the name of a bad one."""
    port = str(env.integer("PORT", 8000, minimum=1, maximum=65_535))
    values = {
        "STATE_DIR": str(state_dir),
        "PORT": port,
        "PUBLIC_URL": env.url("PUBLIC_URL", f"http://127.0.0.1:{port}"),
    }
    values |= {name: given for name in PASSED_ON if (given := env.text(name, ""))}
    talks = SIMULATED_TALKS if _wants_simulator(values) else env.DRAIN_SECONDS
    values["DRAIN_SECONDS"] = str(env.integer("DRAIN_SECONDS", talks, minimum=0))
    values |= installation.kept_secrets(state_dir)
    values |= {name: given for name in SECRETS if (given := env.secret(name, ""))}
    return values | (_simulated(state_dir, values) if _wants_simulator(values) else {})


def _wants_simulator(values: dict[str, str]) -> bool:
    """A simulator is started unless it is switched off or a far side is named."""
    named = values.get("EXOTEL_API_URL") or values.get("EXOTEL_ACCOUNT_SID")
    return env.boolean("SIMULATOR", default=True) and not named


def _simulated(state_dir: Path, values: dict[str, str]) -> dict[str, str]:
    port = str(installation.stable_port(state_dir, "simulator"))
    return {
        "SIMULATOR_PORT": port,
        "EXOTEL_API_URL": f"http://127.0.0.1:{port}",
        "EXOTEL_ACCOUNT_SID": "simulated",
        "EXOTEL_API_KEY": "simulator",
        "EXOTEL_API_TOKEN": "simulator",
        "EXOTEL_CALLER_ID": values.get("EXOTEL_CALLER_ID", SIMULATED_CALLER_ID),
        "EXOTEL_CALLS_PER_MINUTE": values.get("EXOTEL_CALLS_PER_MINUTE") or _accelerated(),
    }


def _accelerated() -> str:
    """The simulator's limit: its speed factor makes its minutes shorter."""
    try:
        speed = float(env.text("SIMULATOR_SPEED", "1"))
    except ValueError:
        raise env.bad("SIMULATOR_SPEED", "is not a number") from None
    if not 0 < speed <= 1000:
        raise env.bad("SIMULATOR_SPEED", "must be above 0 and at most 1000")
    return str(max(1, round(REQUESTS_PER_MINUTE * speed)))
