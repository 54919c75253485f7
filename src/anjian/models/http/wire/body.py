"""What is sent: the JSON body of a chat-completion call."""

from typing import Any

from anjian.models.base import Request


def body_of(model: str, request: Request) -> dict[str, Any]:
    """The JSON body of a chat-completion call, as plain as it can be; settings that are None are left to the server."""
    body: dict[str, Any] = {"model": model, "messages": request.messages}
    for name in ("temperature", "top_p", "max_tokens", "seed"):
        value = getattr(request.sampling, name)
        if value is not None:
            body[name] = value + request.epoch if name == "seed" else value
    if request.sampling.budget is not None:
        body.setdefault("max_tokens", request.sampling.budget)
    if request.sampling.likeliest:
        body |= {"logprobs": True, "top_logprobs": request.sampling.likeliest}
    if request.schema:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": request.schema},
        }
    return body


def settle(body: dict[str, Any], own: dict[str, Any]) -> None:
    """Puts the user's own keys into a body: they win, and one that is None is taken out."""
    body.update(own)
    for name in [name for name, value in own.items() if value is None]:
        del body[name]
    if "max_completion_tokens" in own:
        # The newer name of the same limit; servers refuse both at once.
        body.pop("max_tokens", None)
