"""The minimal cost of REST on these libraries: one route of Quart-Trio on Hypercorn, without a store. Argument: the port."""

import sys

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from quart_trio import QuartTrio

app = QuartTrio(__name__)


@app.get("/")
async def root() -> dict[str, str]:
    return {"message": "ok"}


if __name__ == "__main__":
    config = Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.accesslog = config.errorlog = None
    trio.run(serve, app, config)
