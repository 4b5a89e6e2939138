"""A local provider of completions in OpenAI's dialect, with a ledger of what it billed.

What it answers hangs on the prompt and the seed alone, so that two runs of one batch can be
compared. `answer(prompt, seed)` gives the name under which a draw is written down, and the text. It can be told to misbehave: `mishaps` are steps (`429`, `500`, `break`, `stall`), one a
request, before it goes on as usual. Nothing of a mishap is billed but of a `bill` one, where the
answer is paid for and never arrives.
"""

import json
import threading
import time
from collections import Counter, deque
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROMPT_TOKENS, COMPLETION_TOKENS = 100, 20


class Provider:
    """The server; `begun` and `billed` count draws by name and seed."""

    def __init__(self, answer, seconds=0.0):
        self.answer, self.seconds = answer, seconds
        self.billed = Counter()
        self.begun = Counter()
        self.mishaps = deque()
        self.lock = threading.Lock()
        self.release = threading.Event()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *parts: None  # clients are killed on purpose
        server.provider = self
        self.server = server
        self.url = f"http://127.0.0.1:{server.server_port}/v1"

    @property
    def tokens(self):
        return self.billed.total() * (PROMPT_TOKENS + COMPLETION_TOKENS)


@contextmanager
def running(answer, seconds=0.0):
    provider = Provider(answer, seconds)
    thread = threading.Thread(
        target=provider.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield provider
    finally:
        provider.release.set()
        provider.server.shutdown()
        thread.join()
        provider.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *parts):
        pass

    def do_POST(self):
        provider = self.server.provider
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, text = provider.answer(body["messages"][-1]["content"], body.get("seed"))
        draw = (name, body.get("seed"))
        with provider.lock:
            provider.begun[draw] += 1
            mishap = provider.mishaps.popleft() if provider.mishaps else ""
        if mishap == "stall":
            provider.release.wait(60)
        if mishap in ("break", "stall"):
            self.close_connection = True
            return
        if mishap.isdecimal():
            self.reply(int(mishap), {"error": {"message": "not now"}}, {"Retry-After": "0"})
            return
        time.sleep(provider.seconds)
        with provider.lock:
            provider.billed[draw] += 1  # the provider has done its work, whoever still listens
        if mishap == "bill":
            self.close_connection = True
            return
        usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS}
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        self.reply(
            200, {"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}
        )

    def reply(self, status, body, headers=None):
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
