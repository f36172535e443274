"""`python -m bench.echo`: the echo of Exotel's guide on bare `websockets`, the 1.0 of the media. Prints its port."""

import asyncio
import json

from websockets.asyncio.server import ServerConnection, serve


async def echo(socket: ServerConnection) -> None:
    stream_sid = None
    async for frame in socket:
        event = json.loads(frame)
        if event["event"] == "start":
            stream_sid = event["start"]["stream_sid"]
        elif event["event"] == "media":
            media = {"payload": event["media"]["payload"]}
            await socket.send(json.dumps({"event": "media", "stream_sid": stream_sid, "media": media}))
        elif event["event"] == "stop":
            break


async def main() -> None:
    async with serve(echo, "127.0.0.1", 0) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
