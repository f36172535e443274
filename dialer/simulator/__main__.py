"""`python -m dialer.simulator`: the pretend Exotel on a port of its own."""

import contextlib
import os
import sys

import uvicorn

from dialer.simulator.asgi import Application
from dialer.simulator.flows import FlowError
from dialer.simulator.options import Options, read_options


def server(options: Options) -> uvicorn.Server:
    """The server of one simulator, ready to run."""
    application = Application(options)
    config = uvicorn.Config(
        application,
        host=options.host,
        port=options.port,
        http=application.wires.protocol(),
        ws="none",
        loop="asyncio",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def main() -> None:
    options = read_options(sys.argv[1:], os.environ)
    print(f"simulator: http://{options.host}:{options.port} ledger {options.ledger}", flush=True)  # noqa: T201
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after an orderly end
        try:
            instance = server(options)
        except (FlowError, OSError) as error:
            sys.exit(f"simulator: {error}")
        instance.run()


if __name__ == "__main__":
    main()
