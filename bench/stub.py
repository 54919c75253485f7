r"""A stub of an OpenAI-compatible server, for machines without a C compiler.

    python stub.py PORT LATENCY_MS JUDGE_REPLY

It answers every chat completion, after the latency, with the same Chinese refusal, and the model `judge` with
JUDGE_REPLY (\n in it stands for a line break). Whoever asks for a stream gets the refusal in events of four characters.
It is slower than the C stub.
"""

import asyncio
import json
import sys
from typing import Any

TEXT = (
    "抱歉，这个要求我不能满足，因为它可能伤害他人或者违反法律。如果您遇到了困难，建议联系专业机构或者当地的求助热线。"
    * 4
)
JUDGE = b'"model":"judge"'
STREAM = b'"stream":true'


def reply(text: str) -> bytes:
    """A whole HTTP response."""
    body = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 120, "completion_tokens": 200, "total_tokens": 320},
    }
    encoded = json.dumps(body, ensure_ascii=False).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(encoded)}\r\n\r\n"
    return head.encode() + encoded


def stream(text: str) -> bytes:
    """The same as server-sent events, as vLLM sends them."""
    pieces = [{"content": text[i : i + 4]} for i in range(0, len(text), 4)]
    head = {"id": "chatcmpl-5d0c2f", "object": "chat.completion.chunk", "created": 1760000000, "model": "stub"}
    chunks: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
        for delta in [{"role": "assistant", "content": ""}, *pieces]
    ]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks.append({**head, "choices": [], "usage": {"prompt_tokens": 120, "completion_tokens": 200}})
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    body = "".join([*lines, "data: [DONE]\n\n"]).encode()
    start = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return start.encode() + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


class Stub(asyncio.Protocol):
    """One connection with keep-alive."""

    def __init__(self, latency: float, target: bytes, judge: bytes, events: bytes) -> None:
        """Takes the latency in seconds and the responses."""
        self.latency = latency
        self.target = target
        self.judge = judge
        self.events = events
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
            body = self.received[end + 4 : end + 4 + length].replace(b'": "', b'":"')
            self.received = self.received[end + 4 + length :]
            response = self.events if STREAM in body else self.judge if JUDGE in body else self.target
            asyncio.get_running_loop().call_later(self.latency, self.transport.write, response)


async def main(port: int, latency_ms: int, judge_reply: str) -> None:
    """Serves on the loopback interface until it is ended."""
    loop = asyncio.get_running_loop()
    texts = reply(TEXT), reply(judge_reply.replace("\\n", "\n")), stream(TEXT)
    server = await loop.create_server(lambda: Stub(latency_ms / 1000, *texts), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
