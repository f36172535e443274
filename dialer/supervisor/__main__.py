"""``python -m dialer.supervisor``, what ``make run`` executes."""

import importlib.util
import sys

NEEDED = ("celery", "channels", "daphne", "django", "environ", "psycopg", "redis")


def main() -> int:
    """The exit status: 0 after a stop that was asked for, 1 after a refusal."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        sys.stderr.write(f"{sys.executable} lacks {', '.join(missing)}: start with `make run`, which installs them.\n")
        return 1
    from dialer.supervisor.running import run

    return run()


if __name__ == "__main__":
    sys.exit(main())
