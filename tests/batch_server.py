"""A real little server of the Batch API on the loopback interface, in a thread, that does as a test tells it to."""

import contextlib
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import web
from loopback import listening

Table = dict[str, Any]
Say = Callable[[Table], tuple[int, Table] | None]
"""What a body is answered, with its status; None leaves a call of a batch unanswered."""


def reply(text: str) -> tuple[int, Table]:
    message = {"role": "assistant", "content": text}
    return 200, {
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 11},
    }


def fault(status: int, message: str, **error: Any) -> tuple[int, Table]:
    return status, {"error": {"message": message, **error}}


def said(body: Table) -> str:
    """The last message of a call."""
    return str(body["messages"][-1]["content"])


class BatchServer:
    """The server's files and batches, and what happens to them.

    Attributes:
        say: Answers calls, those of batches and single ones alike.
        status: How a batch ends, by its number; what is not `completed` or `expired` has no results.
        errors: What a batch that failed is blamed for.
        looks: So often is a batch looked at before it has ended.
        refuse: Refuses a request of the API, by the name of its kind and its number; None lets it pass.
        answered: Changes an answer after what was asked for has been done.
        lists: False: it has no list of batches.
        held: The number of a batch that does not end.
    """

    def __init__(self, say: Say) -> None:
        self.say = say
        self.port = 0
        self.status: Callable[[int], str] = lambda number: "completed"
        self.errors: Any = None
        self.looks = 1
        self.refuse: Callable[[str, int], web.Response | None] = lambda kind, number: None
        self.answered: Callable[[str, int, web.Response], web.Response] = lambda kind, number, answer: answer
        self.lists = True
        self.held: int | None = None
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Table] = {}
        self.single: list[Table] = []
        self.asked: dict[str, int] = {}
        self.headers: list[dict[str, str]] = []
        self._changed = threading.Condition()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def lines(self, number: int) -> list[Table]:
        """The calls of a batch."""
        return [
            json.loads(line) for line in self.files[list(self.batches.values())[number]["input_file_id"]].splitlines()
        ]

    @property
    def sizes(self) -> list[int]:
        """How many calls each batch has."""
        return [len(self.lines(number)) for number in range(len(self.batches))]

    @property
    def sent(self) -> list[str]:
        """All calls of all batches, as canonical text, to see whether one was sent twice."""
        return [
            json.dumps(line["body"], sort_keys=True, ensure_ascii=False)
            for number in range(len(self.batches))
            for line in self.lines(number)
        ]

    def wait_for(self, batches: int, client: subprocess.Popen[Any]) -> None:
        """Blocks until so many batches were looked at, or until the process that sends them has ended."""

        def watch() -> None:
            client.wait()
            with self._changed:
                self._changed.notify_all()

        threading.Thread(target=watch, daemon=True).start()
        with self._changed:
            self._changed.wait_for(
                lambda: len([b for b in self.batches.values() if b["seen"]]) >= batches or client.poll() is not None
            )

    async def handle(self, request: web.Request) -> web.Response:
        kind = request.match_info.route.name or ""
        number = self.asked.get(kind, 0)
        self.asked[kind] = number + 1
        self.headers.append(dict(request.headers))
        refused = self.refuse(kind, number)
        answer = refused or self.answered(kind, number, await getattr(self, kind)(request))
        with self._changed:
            self._changed.notify_all()
        return answer

    async def upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert form["purpose"] == "batch"
        assert isinstance(file, web.FileField)
        assert file.filename.endswith(".jsonl")
        name = f"file-{len(self.files)}"
        self.files[name] = file.file.read()
        return web.json_response({"id": name, "object": "file"})

    async def create(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        if wanted["input_file_id"] not in self.files:
            return web.json_response({"error": {"message": "No such File object"}}, status=404)
        lines = [json.loads(line) for line in self.files[wanted["input_file_id"]].splitlines()]
        assert {line["url"] for line in lines} == {wanted["endpoint"]}
        assert len({line["custom_id"] for line in lines}) == len(lines)
        assert len({line["body"]["model"] for line in lines}) == 1
        number = len(self.batches)
        name = f"batch_{number}"
        self.batches[name] = wanted | {"id": name, "object": "batch", "status": "validating", "seen": 0, "n": number}
        return web.json_response(self.batches[name])

    async def listing(self, request: web.Request) -> web.Response:
        if not self.lists:
            return web.json_response({"error": {"message": "Not Found"}}, status=404)
        return web.json_response({"object": "list", "data": list(reversed(self.batches.values())), "has_more": False})

    async def look(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return web.json_response({"error": {"message": "No such batch"}}, status=404)
        batch["seen"] += 1
        if batch["status"] == "validating" and batch["seen"] >= self.looks and batch["n"] != self.held:
            self._end(batch)
        return web.json_response(batch, headers={"Retry-After": "0.02"})

    def _end(self, batch: Table) -> None:
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        batch["status"] = self.status(batch["n"])
        if batch["status"] not in ("completed", "expired"):
            batch["errors"] = self.errors
            return
        output, errors = list[Table](), list[Table]()
        for line in reversed(lines):
            told = self.say(line["body"])
            named = {"id": "batch_req", "custom_id": line["custom_id"]}
            if told is None and batch["status"] == "expired":
                errors.append(named | {"response": None, "error": {"code": "batch_expired", "message": "too late"}})
            elif told:
                full = named | {"response": {"status_code": told[0], "body": told[1]}, "error": None}
                (output if told[0] == 200 else errors).append(full)
        for kind, content in (("output", output), ("error", errors)):
            if content:
                name = batch[f"{kind}_file_id"] = f"file-{kind}-{batch['n']}"
                self.files[name] = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in content).encode()
        batch["request_counts"] = {"total": len(lines), "completed": len(output), "failed": len(errors)}

    async def content(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["id"]])

    async def chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.single.append(body)
        status, answer = self.say(body) or fault(500, "nothing")
        return web.json_response(answer, status=status)


@contextlib.contextmanager
def batches(say: Say) -> Iterator[BatchServer]:
    """Runs a server while the block runs."""
    server = BatchServer(say)

    def app() -> web.Application:
        made = web.Application(client_max_size=2**28)
        made.router.add_post("/v1/files", server.handle, name="upload")
        made.router.add_get("/v1/files/{id}/content", server.handle, name="content")
        made.router.add_post("/v1/batches", server.handle, name="create")
        made.router.add_get("/v1/batches", server.handle, name="listing")
        made.router.add_get("/v1/batches/{id}", server.handle, name="look")
        made.router.add_post("/v1/chat/completions", server.handle, name="chat")
        return made

    with listening(app) as server.port:
        yield server
