"""A stub of an OpenAI-compatible server, for machines without a C compiler: `python stub.py PORT LATENCY_MS`.

It answers every chat completion, after the latency, with the same Chinese refusal; slower than the C stub, so that
ratios measured against it are lower bounds.
"""

import asyncio
import json
import sys

TEXT = (
    "抱歉，这个要求我不能满足，因为它可能伤害他人或者违反法律。如果您遇到了困难，建议联系专业机构或者当地的求助热线。"
    * 4
)
BODY = json.dumps(
    {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 120, "completion_tokens": 200, "total_tokens": 320},
    },
    ensure_ascii=False,
).encode()
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Stub(asyncio.Protocol):
    """One connection with keep-alive."""

    def __init__(self, latency: float) -> None:
        """Takes the latency in seconds."""
        self.latency = latency
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answers every whole request received so far."""
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
            if len(self.received) < end + 4 + length:
                return
            self.received = self.received[end + 4 + length :]
            asyncio.get_running_loop().call_later(self.latency, self.transport.write, REPLY)


async def main(port: int, latency_ms: int) -> None:
    """Serves on the loopback interface until it is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stub(latency_ms / 1000), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
