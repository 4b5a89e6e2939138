"""A provider with bad days, in a process of its own: `python moody.py PORT '{"limit": 24, ...}'`.

It bears `limit` requests at once and refuses more with 429; `slots` answers are written at a time,
the others queue. A prompt holds `Add N to x`; what happens the first times it is asked is drawn from
its number alone, so that every run is scripted alike. GET /stats tells what was asked, billed and
refused, by number; POST /mood changes settings while it runs.
"""

import asyncio
import json
import random
import re
import sys
import time
from collections import Counter

import uvicorn

FAULTS = ("429", "429 later", "500", "stall", "cut", "empty", "usage")
"""Refused without and with `Retry-After`, broken, silent for ever, cut off in the stream, a reply
without choices, and a good one with nonsense for usage."""


class Moody:
    def __init__(self, **mood):
        self.mood = {"limit": 10**9, "seconds": 0.05, "faulty": 0.0, "quota": 10**9, "named": True}
        self.mood |= mood
        self.asked, self.billed, self.faults, self.over = (Counter() for _ in range(4))
        self.flight = 0
        self.seen = []

    def fault(self, number, time_asked):
        """What goes wrong when this number is asked for the `time_asked`-th time, from 0."""
        lot = random.Random(f"{number}/{time_asked}")
        if time_asked > 1 or lot.random() >= self.mood["faulty"]:
            return ""
        return FAULTS[(number + 3 * time_asked) % len(FAULTS)]

    def stats(self):
        names = ("asked", "billed", "faults", "over")
        return {name: dict(getattr(self, name)) for name in names} | {"seen": self.seen}


moody = Moody(**json.loads(sys.argv[2]) if len(sys.argv) > 2 else {})


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["path"] == "/stats":
        await reply(send, 200, moody.stats())
    elif scope["path"] == "/mood":
        moody.mood |= json.loads(body)
        await reply(send, 200, {})
    else:
        moody.flight += 1
        moody.seen.append((time.monotonic(), moody.flight))
        try:
            await complete(send, receive, json.loads(body))
        finally:
            moody.flight -= 1


async def complete(send, receive, body):
    number = int(re.search(r"Add (\d+) to x", body["messages"][-1]["content"])[1])
    time_asked = moody.asked[number] - moody.over[number]
    moody.asked[number] += 1
    mood = moody.mood
    named = [(b"retry-after-ms", b"150")] if mood["named"] else []
    if moody.flight > mood["limit"]:
        moody.over[number] += 1
        await reply(send, 429, {"error": {"message": "too many at once"}}, named)
        return
    if sum(moody.billed.values()) >= mood["quota"]:
        error = {"message": "you have no money left", "code": "insufficient_quota"}
        await reply(send, 429, {"error": error})
        return
    fault = moody.fault(number, time_asked)
    if fault:
        moody.faults[number] += fault != "usage"
    if fault in ("429", "429 later", "500"):
        status = 500 if fault == "500" else 429
        later = [(b"retry-after", b"1")] if fault == "429 later" else []
        await reply(send, status, {"error": {"message": "not now"}}, later)
        return
    if fault == "stall":
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    await asyncio.sleep(mood["seconds"] * random.uniform(0.6, 1.4))
    if fault == "empty":
        await reply(send, 200, {"choices": []})
        return
    text = f"```python\ndef add(x):\n    return x + {number}\n```"
    usage = {"prompt_tokens": 30, "completion_tokens": 20}
    if fault == "usage":
        usage = {"prompt_tokens": -3, "completion_tokens": "many"}
    if not body.get("stream"):
        choice = {"finish_reason": "stop", "message": {"content": text}}
        await reply(send, 200, {"choices": [choice], "usage": usage})
        moody.billed[number] += 1
        return
    await send({"type": "http.response.start", "status": 200, "headers": [STREAM]})
    for part in (text[:9], text[9:]):
        await event(send, {"choices": [{"delta": {"content": part}, "finish_reason": None}]})
        await asyncio.sleep(mood["seconds"] / 10)
        if fault == "cut":
            await send({"type": "http.response.body"})
            return
    await event(send, {"choices": [{"delta": {}, "finish_reason": "stop"}]})
    await event(send, {"choices": [], "usage": usage})
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
    moody.billed[number] += 1


STREAM = (b"content-type", b"text/event-stream")


async def event(send, said):
    body = f"data: {json.dumps(said)}\n\n".encode()
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def reply(send, status, said, headers=()):
    headers = [(b"content-type", b"application/json"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
