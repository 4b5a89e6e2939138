"""A provider with a Batch API on a loopback port: files, jobs, replies, and a ledger of what it billed.

A job goes one word of `script` further with each look at it; what it does at the last word is
`spoil`'s business, which is given the lines of replies and may change them. `steps` are statuses
with which the next requests are answered instead (`drop` after the work was done).
"""

import json
import re
import threading
from collections import Counter, deque
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

OVER = ("completed", "expired", "failed", "cancelled")


class Provider:
    """`say(slug, index, body)` gives a text; `billed` counts requests by custom_id."""

    def __init__(self, say):
        self.say = say
        self.script = ["validating", "in_progress", "completed"]
        self.spoil = lambda lines: (lines, [])
        self.errors = []
        self.files, self.jobs = {}, {}
        self.billed, self.calls = Counter(), Counter()
        self.uploads = []
        self.steps = deque()
        self.step_for = ""
        self.page = 100
        self.lock = threading.RLock()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *parts: None  # clients are killed on purpose
        server.provider = self
        self.server = server
        self.url = f"http://127.0.0.1:{server.server_port}/v1"

    def requests(self):
        return [json.loads(line) for file in self.uploads for line in self.files[file].splitlines()]

    def create(self, asked):
        id_ = f"batch_{len(self.jobs)}"
        lines = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        self.jobs[id_] = {
            "id": id_,
            "object": "batch",
            "created_at": 1_700_000_000 + len(self.jobs),
            "completion_window": "24h",
            "status": self.script[0],
            "metadata": asked["metadata"],
            "endpoint": asked["endpoint"],
            "input_file_id": asked["input_file_id"],
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
            "words": deque(self.script[1:]),
            "lines": lines,
        }
        return self.jobs[id_]

    def look(self, job):
        if job["words"]:
            job["status"] = job["words"].popleft()
            if job["status"] in OVER:
                self.finish(job)
        return job

    def finish(self, job):
        if job["status"] == "failed":
            job["errors"] = {"object": "list", "data": self.errors}
            return
        replies = [self.reply(line) for line in job["lines"]]
        good, bad = self.spoil(replies)
        for reply in good:
            if isinstance(reply, dict) and reply.get("response", {}).get("status_code") == 200:
                self.billed[reply["custom_id"]] += 1
        for name, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines:
                self.files[f"{job['id']}-{name}"] = b"\n".join(
                    line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
                )
                job[name] = f"{job['id']}-{name}"
        job["request_counts"]["completed"] = len(good)

    def reply(self, line):
        return reply_to(line, self.say(line))


def reply_to(line, text, **fields):
    """A line of an output file, as OpenAI and `vllm run-batch` write it."""
    said = {"message": {"role": "assistant", "content": text}}
    body = {
        "choices": [{"index": 0, "finish_reason": "stop", **said}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20},
        **fields,
    }
    response = {"status_code": 200, "request_id": "r", "body": body}
    return {"id": "b", "custom_id": line["custom_id"], "response": response, "error": None}


@contextmanager
def running(say):
    provider = Provider(say)
    thread = threading.Thread(
        target=provider.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield provider
    finally:
        provider.server.shutdown()
        thread.join()
        provider.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *parts):
        pass

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        length = self.headers["Content-Length"]
        if length is not None:
            self.answer(self.rfile.read(int(length)))
            return
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        self.answer(body)

    def answer(self, body):
        provider, parts = self.server.provider, urlsplit(self.path)
        name = f"{self.command} {re.sub('[^/]*_[0-9][^/]*', 'ID', parts.path.removeprefix('/v1'))}"
        with provider.lock:
            provider.calls[name] += 1
            mine = provider.step_for in ("", name)
            step = provider.steps.popleft() if provider.steps and mine else None
            if isinstance(step, int):
                error = {"error": {"message": "sk-verysecret0123 says no", "code": None}}
                self.reply(step, json.dumps(error).encode())
                return
            found = self.work(name, body, parse_qs(parts.query))
            if step == "drop":
                self.close_connection = True
            elif isinstance(found, bytes):
                self.reply(200, found)
            elif found is None:
                self.reply(404, b'{"error": {"message": "no such thing"}}')
            else:
                shown = {k: v for k, v in found.items() if k not in ("words", "lines")}
                self.reply(200, json.dumps(shown).encode())

    def work(self, name, body, query):
        provider = self.server.provider
        last = [part for part in urlsplit(self.path).path.split("/") if part]
        if name == "POST /files":
            head = Message()
            head["Content-Type"] = self.headers["Content-Type"]
            parts = body.split(b"--" + head.get_param("boundary").encode())
            content = next(part for part in parts if b'name="file"' in part)
            id_ = f"file_{len(provider.uploads)}"
            provider.files[id_] = content.split(b"\r\n\r\n", 1)[1][:-2]
            provider.uploads.append(id_)
            return {"id": id_, "object": "file", "bytes": 1, "purpose": "batch", "filename": "f"}
        if name == "POST /batches":
            return provider.create(json.loads(body))
        if name == "GET /batches":
            jobs = [
                {k: v for k, v in job.items() if k not in ("words", "lines")}
                for job in reversed(provider.jobs.values())
            ]
            ids = [job["id"] for job in jobs]
            start = ids.index(query["after"][0]) + 1 if "after" in query else 0
            some = jobs[start : start + provider.page]
            more = start + provider.page < len(jobs)
            return {"object": "list", "data": some, "has_more": more}
        if name == "GET /batches/ID":
            job = provider.jobs.get(last[-1])
            return provider.look(job) if job else None
        if name == "POST /batches/ID/cancel":
            job = provider.jobs[last[-2]]
            job["status"], job["words"] = "cancelling", deque(["cancelled"])
            return job
        if last[-1] == "content":
            return provider.files.get(last[-2])
        return None

    def reply(self, status, content):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
