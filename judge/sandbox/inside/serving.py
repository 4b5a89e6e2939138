"""The solution's side of an examination: load it, then answer the examiner's calls until it hangs up.

Everything here shares a process with the solution and may be its puppet; the examiner checks every
frame. Objects of the solution's own classes stay here and travel as numbers (`$ref`), if the
problem's names include a class at all.
"""

import os
from typing import Any

from judge.sandbox.inside.child import MODULE, Refused, describe, find, load, one_line, take_job
from judge.sandbox.inside.frames import CALL_IN, CALL_OUT, Broken, Kind, Reader, send
from judge.sandbox.inside.jobs import Order
from problems.values import Unencodable, decode, encode


def main(order: Order, entry: dict[str, Any]) -> None:
    """Answer calls of the names in the entry. Never returns."""
    job = take_job(order, entry)
    namespace: dict[str, Any] = {}
    try:
        namespace = load(job, MODULE)
        if not callable(namespace.get(job.entry["name"])):  # a method of Solution will do as well
            namespace[job.entry["name"]] = find(namespace, job.entry["name"], "")()
    except Refused as refused:
        send(CALL_OUT, Kind.REFUSED, 0, one_line(str(refused)))
        os._exit(0)
    except BaseException as error:
        send(CALL_OUT, Kind.RAISED, 0, encode([_builtin_name(error), describe(error)]))
        os._exit(0)
    send(CALL_OUT, Kind.LOADED, 0, "")
    _answer(namespace, job.entry["names"])


def _answer(namespace: dict[str, Any], names: list[str]) -> None:
    reader, objects = Reader(CALL_IN), _Objects(namespace, names)
    while True:
        try:
            kind, sequence, body = reader.next()
        except Broken:
            os._exit(0)  # the examiner is done
        send(CALL_OUT, *answer(namespace, objects, kind, sequence, body))


class _Objects:
    """Instances of the solution's classes that the examiner knows by number."""

    def __init__(self, namespace: dict[str, Any], names: list[str]) -> None:
        self.known: list[Any] = []
        has_class = any(isinstance(namespace.get(name), type) for name in names)
        self.refer = self._refer if has_class else None

    def _refer(self, thing: object) -> int:
        self.known.append(thing)
        return len(self.known) - 1


def answer(
    namespace: dict[str, Any], objects: _Objects, kind: int, sequence: int, body: str
) -> tuple[Kind, int, str]:
    """Do what one frame asks; the frame to send back."""
    try:
        request = decode(body, types=True, ref=objects.known.__getitem__)
        if kind == Kind.SET:
            thing, name, value = request
            setattr(thing, name, value)
            return Kind.VALUE, sequence, "null"
        name, arguments, keywords = request
        returned = namespace[name](*arguments, **keywords)
        return Kind.VALUE, sequence, encode(returned, objects.refer)
    except Unencodable as refusal:
        return Kind.BAD_TYPE, sequence, one_line(str(refusal))
    except BaseException as error:
        return Kind.RAISED, sequence, encode([_builtin_name(error), describe(error)])


def _builtin_name(error: BaseException) -> str:
    """The nearest class of the exception that exists in every Python."""
    for base in type(error).__mro__:
        if base.__module__ == "builtins":
            return base.__name__
    return "Exception"


def rehearse() -> None:
    """Warm up the answering of a call, in the server and without a solution."""
    namespace = {"f": lambda numbers, text: [len(numbers), text, (1, 2.5)]}
    for body in ('["f",[[1,2.5],"a"],{}]', '["f",[1],{}]'):
        answer(namespace, _Objects(namespace, []), Kind.CALL, 1, body)
