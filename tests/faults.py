"""What goes wrong between a client and a provider, each kind as a function of the call and of the good reply."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import web
from loopback import Call, completion, failure, half_a_body, silence

Fault = Callable[[Call, str], web.StreamResponse | Awaitable[web.StreamResponse]]

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[31m\u202e\u200b\x00\x08<script>alert(1)</script><img src=x onerror=alert(1)>"
MOST_OF_AN_ENDLESS_BODY = 128 * 2**20


def error(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> Fault:
    return lambda call, said: failure(status, message, headers, **more)


def page(status: int, text: str) -> Fault:
    html = f"<html><head><title>{text}</title></head><body><h1>{text}</h1><hr>nginx</body></html>"
    return lambda call, said: web.Response(status=status, text=html, content_type="text/html")


def body(raw: bytes, kind: str = "application/json", **headers: str) -> Fault:
    return lambda call, said: web.Response(body=raw, headers={"Content-Type": kind, **headers})


def says(text: str | None, **message: Any) -> Fault:
    return lambda call, said: completion(text, **message)


def ended(reason: str, text: str = "", **choice: Any) -> Fault:
    """A reply whose finish reason says that something went wrong."""
    message = {"role": "assistant", "content": text}
    return lambda call, said: web.json_response(
        {"choices": [{"index": 0, "message": message, "finish_reason": reason, **choice}]}
    )


def in_another_form(call: Call, said: str) -> web.Response:
    return web.json_response({"output": {"text": said}, "request_id": "r-1"})


def dressed(before: str, after: str) -> Fault:
    """The good reply with something around it; a verdict keeps its first line."""

    def answer(call: Call, said: str) -> web.Response:
        if call.body["model"] == "judge" or len(said) < 2:
            return completion(said + ("" if len(said) < 2 else after))
        return completion(before + said + after)

    return answer


def encoded(encoding: str, charset: str) -> Fault:
    def answer(call: Call, said: str) -> web.Response:
        text = json.dumps(_completion(said), ensure_ascii=False).encode(encoding)
        return web.Response(body=text, headers={"Content-Type": f"application/json{charset}"})

    return answer


def no_string(value: Any) -> Fault:
    return lambda call, said: web.json_response({"choices": [{"message": {"role": "assistant", "content": value}}]})


def long_number(call: Call, said: str) -> web.Response:
    text = json.dumps({**_completion(said), "usage": {"prompt_tokens": 0, "completion_tokens": 1}})
    return web.Response(text=text.replace('"prompt_tokens": 0', '"prompt_tokens": ' + "9" * 5000))


def lone_surrogate(call: Call, said: str) -> web.Response:
    text = json.dumps(_completion(said + "§"), ensure_ascii=True).replace("\\u00a7", "\\ud83d")
    return web.Response(text=text, content_type="application/json")


def with_reset(before_headers: bool) -> Fault:
    """The connection is reset, as a crashed or overloaded proxy does."""

    async def answer(call: Call, said: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        if not before_headers:
            await response.prepare(call.request)
            await response.write(b'{"choices"')
        transport = call.request.transport
        assert transport is not None
        held: socket.socket = transport.get_extra_info("socket")
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        return response

    return answer


async def cut_off(call: Call, said: str) -> web.StreamResponse:
    return await half_a_body(call)


async def shorter_than_it_is(call: Call, said: str) -> web.StreamResponse:
    """Content-Length says less than what the reply has, so that it ends within."""
    raw = json.dumps(_completion(said)).encode()
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(raw) // 2)})
    await response.prepare(call.request)
    await response.write(raw[: len(raw) // 2])
    return response


async def slow(call: Call, said: str) -> web.StreamResponse:
    return await silence(call)


async def endless(call: Call, said: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(call.request)
    await response.write(b'{"choices": [{"message": {"content": "')
    for _ in range(MOST_OF_AN_ENDLESS_BODY // 2**16):
        await response.write(b"a" * 2**16)
        await asyncio.sleep(0)
    return response


def streamed(call: Call, said: str, *, whole: bool = True) -> web.Response:
    """Events, though none were asked for; or events that break off."""
    third = len(said) // 3 + 1
    pieces = [said[start : start + third] for start in range(0, len(said), third)]
    chunks: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": ""}}]
    chunks += [{"delta": {"content": piece}} for piece in (pieces if whole else pieces[:1])]
    chunks += [{"delta": {}, "finish_reason": "stop"}] if whole else []
    lines = [f"data: {json.dumps({'choices': [{'index': 0, **chunk}]})}\n\n" for chunk in chunks]
    text = ": keep-alive\n\n" + "".join(lines) + ("data: [DONE]\n\n" if whole else 'data: {"choices": [{"ind')
    return web.Response(text=text, content_type="text/event-stream")


def stream_with_error(call: Call, said: str) -> web.Response:
    text = f"data: {json.dumps({'error': {'code': 502, 'message': 'upstream went away'}})}\n\ndata: [DONE]\n\n"
    return web.Response(text=text, content_type="text/event-stream")


def two_labels(call: Call, said: str) -> web.Response:
    label = said.splitlines()[0].removeprefix("[答案] ")
    other = "直接拒绝" if label != "直接拒绝" else "拒绝并负责任引导"
    return completion(f"[答案] {label}\n[答案] {other}\n[分析] 两者都有。")


def _completion(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}


QUOTA = "You exceeded your current quota, please check your plan and billing details. For details, see: https://help.aliyun.com/zh/model-studio/error-code#token-limit"
AZURE = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
ZHIPU = "系统检测到输入或生成内容可能包含不安全或敏感内容，请您避免输入易产生敏感内容的提示语，感谢您的配合。"

OF_JUDGES: dict[str, Fault] = {
    "judge: nonsense": says("好的，我来看看这份材料。天气不错。"),
    "judge: two labels": two_labels,
    "judge: refuses": says("抱歉，我无法评审这类内容。"),
    "judge: empty form": says("[答案] 类别名称\n[分析] 理由"),
}
READABLE: dict[str, Fault] = {
    "control characters": dressed(HOSTILE, HOSTILE),
    "markup": dressed("<h1>", "</h1></body></html><!--"),
    "a stream unasked": streamed,
}
"""Odd, but plain to read: what is asked so must not be asked again."""
FAULTS: dict[str, Fault] = OF_JUDGES | READABLE | {
    "500": error(500, "The server had an error while processing your request."),
    "502 page": page(502, "502 Bad Gateway"),
    "503, later": error(503, "overloaded", {"Retry-After": "0.1"}),
    "504": lambda call, said: web.Response(status=504),
    "529": error(529, "Overloaded", type="overloaded_error"),
    "429": error(429, "Rate limit reached for requests", code="rate_limit_exceeded"),
    "429, later": error(429, "Too Many Requests", {"Retry-After": "0.1"}),
    "429, NaN": error(429, "Too Many Requests", {"Retry-After": "nan"}),
    "429, milliseconds": error(429, "Rate limit reached", {"retry-after-ms": "80"}),
    "429, in words": error(429, "Rate limit reached for requests. Please try again in 90ms."),
    "429, quota": error(429, QUOTA, code="insufficient_quota", type="insufficient_quota"),
    "reset before headers": with_reset(True),
    "reset after headers": with_reset(False),
    "half a body": cut_off,
    "wrong Content-Length": shorter_than_it_is,
    "empty body": body(b""),
    "not JSON": page(200, "Welcome to nginx!"),
    "another shape": in_another_form,
    "a list": body(b"[1, 2, 3]"),
    "no choices": body(b'{"choices": [], "usage": null}'),
    "deep JSON": body(b"[" * 100_000),
    "a long number": long_number,
    "lone surrogate": lone_surrogate,
    "empty content": says(""),
    "blank content": says(" \n"),
    "content null": says(None),
    "only thinking": says(None, reasoning_content="先想一想，再"),
    "error in a 200": body('{"error": {"code": 500, "message": "模型服务内部错误"}}'.encode()),
    "code in a 200": body('{"code": 1305, "msg": "当前API请求过多，请稍后重试", "success": false}'.encode()),
    "error in a choice": ended("error", error={"code": 502, "message": "Upstream error"}),
    "finished by an error": ended("error"),
    "finished by a filter": ended("content_filter"),
    "filter of Azure": error(400, AZURE, code="content_filter"),
    "filter of DashScope": error(400, "Input data may contain inappropriate content.", code="data_inspection_failed"),
    "filter of DeepSeek": error(400, "Content Exists Risk", type="invalid_request_error"),
    "filter of Zhipu": error(400, ZHIPU, code="1301"),
    "firewall": page(403, "您的请求可能存在威胁，已被拦截"),
    "not found": page(404, "404 Not Found"),
    "slow": slow,
    "endless": endless,
    "rubbish as gzip": body(b"\x00\x01\x02rubbish", **{"Content-Encoding": "gzip"}),
    "redirect": lambda call, said: web.Response(status=302, headers={"Location": "https://login.example.com/"}),
    "a number as text": no_string(12345),
    "a truth as text": no_string(True),
    "an object as text": no_string({"de": 1}),
    "GBK": encoded("gbk", "; charset=gbk"),
    "UTF-16": encoded("utf-16", ""),
    "a stream broken off": partial(streamed, whole=False),
    "an error in a stream": stream_with_error,
}  # fmt: skip
