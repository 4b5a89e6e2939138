"""A real OpenAI-compatible server on a loopback port, which can be told to misbehave."""

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from weakref import WeakValueDictionary

import pytest

from judge.models import pacing

CODE = "```python\ndef add(a, b):\n    return a + b\n```"


class Endpoint:
    """What the server was asked, and what it shall do next (a step a request, then `usual`)."""

    def __init__(self, server):
        self.url = f"http://127.0.0.1:{server.server_port}/v1"
        self.asked = []
        self.keys = []
        self.steps = deque()
        self.usual = {}
        self.lock = threading.Lock()
        self.release = threading.Event()
        self.gate = None


def answer(text=CODE, finish="stop", usage=(10, 5), **extra):
    reply = {
        "id": "1",
        "object": "chat.completion",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
        ],
        **extra,
    }
    if usage:
        reply["usage"] = {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[1],
            "total_tokens": sum(usage),
        }
    return reply


def sse(event):
    if isinstance(event, bytes):
        return event
    token = {"choices": [{"delta": {"content": event}, "finish_reason": None}]}
    return f"data: {json.dumps(token if isinstance(event, str) else event)}\n\n".encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *parts):
        pass

    def do_GET(self):
        endpoint = self.server.endpoint
        with endpoint.lock:
            endpoint.asked.append((self.path, None))
            step = endpoint.steps.popleft() if endpoint.steps else endpoint.usual
        content = step.get("raw", json.dumps(step.get("reply", {})).encode())
        self._head(step.get("status", 200), len(content), step)
        self.wfile.write(content)

    def do_POST(self):
        endpoint = self.server.endpoint
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with endpoint.lock:
            endpoint.asked.append((self.path, body))
            endpoint.keys.append(self.headers["Authorization"])
            step = endpoint.steps.popleft() if endpoint.steps else endpoint.usual
        if endpoint.gate is not None:
            endpoint.gate.wait()
        if step.get("stall"):
            endpoint.release.wait(30)
        if step.get("drop"):
            self.close_connection = True
            return
        if step.get("drip"):
            self._head(200, 1_000_000)
            while not endpoint.release.wait(0.05):
                try:
                    self.wfile.write(b" ")
                    self.wfile.flush()
                except OSError:
                    break
            self.close_connection = True
            return
        if "stream" in step:
            self._stream(step, step["stream"])
            return
        content = step.get("raw")
        if content is None:
            content = json.dumps(step.get("reply", answer())).encode()
        self._head(step.get("status", 200), len(content) + step.get("short", 0), step)
        self.wfile.write(content)
        self.close_connection = bool(step.get("short"))

    def _stream(self, step, events):
        """Each event as one chunk: text for a token, a dict as it is, bytes raw, a number to wait."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        for event in events:
            if isinstance(event, float):
                self.server.endpoint.release.wait(event)
                continue
            self.wfile.write(sse(event))
            self.wfile.flush()
        self.close_connection = True

    def _head(self, status, length, step=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        for name, value in (step or {}).get("headers", {}).items():
            self.send_header(name, value)
        self.end_headers()


@pytest.fixture
def endpoint(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pacing, "_PACES", WeakValueDictionary())  # a port may be used again
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *parts: None  # clients hang up on purpose
    server.endpoint = Endpoint(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.endpoint
    server.endpoint.release.set()
    server.shutdown()
    thread.join()
    server.server_close()
