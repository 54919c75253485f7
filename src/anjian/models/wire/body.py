"""What is sent: the JSON body of a chat-completion call."""

from typing import Any

import msgspec

from anjian.models.base import Request


def encode_body(model: str, request: Request, with_schema: bool) -> bytes:
    """Writes the JSON body of a chat-completion call; settings that are None are left to the server."""
    body: dict[str, Any] = {"model": model, "messages": request.messages}
    for name in ("temperature", "top_p", "max_tokens", "seed"):
        value = getattr(request.sampling, name)
        if value is not None:
            body[name] = value + request.epoch if name == "seed" else value
    if request.sampling.budget is not None:
        body.setdefault("max_tokens", request.sampling.budget)
    if request.schema and with_schema:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": request.schema},
        }
    return msgspec.json.encode(body)
