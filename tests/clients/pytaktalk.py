"""pytak as a client that a test drives: tells on stdout what it hears, sends what stdin brings.

An event a line, as XML, both ways. Usage: pytaktalk.py '{"COT_URL": "tls://…", …}', or a data
package: pytaktalk.py PACKAGE.zip '{…}'.
"""

from __future__ import annotations

import asyncio
import json
import sys
from configparser import ConfigParser

import pytak
from pytak.client_functions import read_pref_package


async def main() -> None:
    *packages, config = sys.argv[1:]
    told = {"COT_HOST_ID": "test"}
    for package in packages:
        told |= {name: value for name, value in read_pref_package(package).items() if value}
    tool = pytak.CLITool(ConfigParser(told | json.loads(config))["DEFAULT"])
    await tool.setup()
    await tool.hello_event()
    print(json.dumps({"url": tool.config["COT_URL"]}), flush=True)
    await asyncio.gather(hear(tool), say(tool), *(each.run() for each in tool.tasks))


async def hear(tool: pytak.CLITool) -> None:
    while True:
        heard = await tool.rx_queue.get()
        print(json.dumps({"xml": heard.decode()}), flush=True)


async def say(tool: pytak.CLITool) -> None:
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        await tool.tx_queue.put(line.rstrip(b"\n"))


if __name__ == "__main__":
    asyncio.run(main())
