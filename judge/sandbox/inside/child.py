"""What runs in a child as the solution's host: load the source, call it, write down what came.

Theory of operation. This code shares a process with the solution, so nothing it says is believed
beyond "the solution claims": results leave through descriptor 3 as lines

    loaded | refused REASON | raised NAME MESSAGE | bad_type NAME | too_much | value WIRE

each preceded by the microseconds the run took (0 for less than a thousand), and the host counts, parses and compares them.
A solution that writes its own lines can only claim other answers. No expected answer is here.

Leniency, on purpose: a method may come as a plain function and a function as a method of
`Solution`; output types are those of problems/values.py.
"""

import builtins
import os
import sys
import time
import types
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from judge.sandbox.inside.jobs import JobText, Mode, Order, read_all
from judge.sandbox.inside.nodes import GIVE, TAKE, ListNode, TreeNode, node_type
from problems.values import Unencodable, decode, digest, encode
from problems.values.form import TooMany

RESULTS, JOB = 3, 4
FULL = 75
"""Exit code of a child whose results file has no room for its next answer."""
MODULE = "solution"
MAX_ANSWER = 256 * 1024
GATHERED_BYTES, GATHERED_NS = 32_768, 5_000_000
"""How much of answers, and of time, may be lost to a crash and have to be run again."""
WORTH_A_CLOCK_NS = 1_000_000
_CLASS = int(Mode.CLASS)  # a member of an enum costs pages to look at
Write = Callable[[str], object]


class Refused(Exception):
    """The solution cannot be started: `syntax`, `no_entry`."""


def prepare() -> None:
    """Once in the server: what every interpreter run as a script has and `-S` leaves out; and no
    limit on the digits of integers, as time is limited anyway."""
    import _sitebuiltins

    sys.set_int_max_str_digits(0)

    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")


def main(order: Order, entry: dict[str, Any]) -> None:
    """Run the job on descriptor 4. Never returns."""
    job = take_job(order, entry)
    run_calls(order.mode, job, RESULTS, order.output_bytes, exact=order.exact)
    flush()
    os._exit(0)


def take_job(order: Order, entry: dict[str, Any]) -> JobText:
    """Read the job and let go of its descriptor."""
    text = read_all(JOB, order.text_bytes)
    os.close(JOB)
    return JobText.parse(entry, text, order.inputs, order.preamble_bytes, joined=order.joined)


# --- loading -------------------------------------------------------------------------------------


def load(job: JobText, name: str) -> dict[str, Any]:
    """Execute preamble and source as the module `name`; what they raise passes through.
    Raises Refused for source that does not compile."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    namespace = module.__dict__
    namespace["ListNode"], namespace["TreeNode"] = ListNode, TreeNode
    if name == "__main__":
        namespace["__file__"] = "solution.py"
    if job.preamble:
        exec(compile(job.preamble, "<preamble>", "exec", dont_inherit=True, optimize=0), namespace)
    try:
        code = compile(job.source, f"<{MODULE}>", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, OverflowError, MemoryError) as error:
        raise Refused(f"syntax {type(error).__name__}: {str(error)[:200]}") from None
    exec(code, namespace)
    return namespace


def find(namespace: dict[str, Any], name: str, owner: str) -> Callable[[], Callable[..., Any]]:
    """A maker of callables for the entry: a fresh instance's method each time, or the function."""
    for class_name in (owner, "Solution"):
        holder = namespace.get(class_name) if class_name else None
        has_method = isinstance(holder, type) and callable(getattr(holder, name, None))
        if has_method and (class_name == owner or not callable(namespace.get(name))):
            return lambda holder=holder: getattr(holder(), name)  # type: ignore[misc]
    function = namespace.get(name)
    if not callable(function):
        raise Refused(f"no_entry {owner + '.' if owner else ''}{name}")
    return lambda: function


# --- function and class --------------------------------------------------------------------------


def run_calls(mode: int, job: JobText, results: int, room: int, *, exact: bool) -> None:
    """Every input in this one process. `exact` writes each answer as soon as it is there; otherwise
    a few are gathered, and a crash may lose them: the host then asks again, exactly. When an answer
    no longer fits into `room` bytes beside others, the rest is left to the next process."""
    answers = Answers(results, room)
    try:
        namespace, entry = load(job, MODULE), job.entry
        run = (_class_call if mode == _CLASS else _function_call)(namespace, entry)
    except Refused as refused:
        answers.write([f"0 refused {one_line(str(refused))}\n"])
        return
    except BaseException as error:
        answers.write([f"0 raised {describe(error)}\n"])
        return
    lines, size, clock, joined = ["0 loaded\n"], 0, time.perf_counter_ns, job.joined
    cpu_before, written_at = time.process_time_ns(), clock()
    for given in job.inputs:
        if exact or size > GATHERED_BYTES or clock() - written_at > GATHERED_NS:
            answers.write(lines)
            lines, size, written_at = [], 0, clock()
        started = clock()
        try:
            arguments = given if joined else decode(given.decode("ascii"), types=True)
            line = f"value {run(arguments)}\n"
        except TooMany:
            line = "too_much\n"
        except Unencodable as refusal:
            line = f"bad_type {one_line(str(refusal))}\n"
        except BaseException as error:
            line = f"raised {describe(error)}\n"
        spent = clock() - started
        if spent > WORTH_A_CLOCK_NS:  # asking for CPU time costs a system call
            cpu_now = time.process_time_ns()
            spent, cpu_before = min(spent, cpu_now - cpu_before), cpu_now
            lines.append(f"{spent // 1000} {line}")
        else:  # which also makes the lines of equal answers equal, and quick to read
            lines.append(f"0 {line}")
        size += len(line)
    answers.write(lines)


class Answers:
    """The results file and the room left in it."""

    def __init__(self, results: int, room: int) -> None:
        self._results, self._room, self._written = results, room, 0

    def write(self, lines: list[str]) -> None:
        """Write these lines, or those that fit; the rest is then for another process."""
        text = "".join(lines).encode("ascii", "backslashreplace")
        if len(text) > self._room and len(lines) > 1:
            for line in lines:
                self.write([line])
            return
        if len(text) > self._room and self._written > 1:
            os._exit(FULL)
        self._room -= len(text)
        self._written += len(lines)
        while text:
            text = text[os.write(self._results, text) :]


def _function_call(namespace: dict[str, Any], entry: dict[str, Any]) -> Callable[[list[Any]], str]:
    take = answer_text if entry["digests"] else encode
    function = namespace.get(entry["name"])
    if entry["plain"] and callable(function):  # as nearly all are
        return lambda arguments: take(function(*arguments))
    make = find(namespace, entry["name"], entry["owner"])
    givers = [GIVE.get(node_type(kind)) for kind in entry["types"]]
    in_place = entry["in_place"]
    answer = entry["returns"] if in_place is None else (*entry["types"], "")[in_place]
    take_nodes = TAKE.get(node_type(answer), take)

    def run(arguments: list[Any]) -> str:
        arguments = [
            give(argument, kind) if give else argument
            for argument, give, kind in zip_longest(arguments, givers, entry["types"])
        ][: len(arguments)]
        returned = make()(*arguments)
        return take_nodes(returned if in_place is None else arguments[in_place])

    return run


def answer_text(value: object) -> str:
    """The answer's text, or the digest of one that would be too large."""
    try:
        text = encode(value)
    except TooMany:
        return digest(value)
    return text if len(text) <= MAX_ANSWER else digest(value)


def _class_call(namespace: dict[str, Any], entry: dict[str, Any]) -> Callable[[list[Any]], str]:
    built = namespace.get(entry["name"])
    if not isinstance(built, type):
        raise Refused(f"no_entry class {entry['name']}")

    def run(operations: list[Any]) -> str:
        _, arguments = operations[0]
        thing = built(*arguments)
        answers = ["null"]  # what the construction returned
        answers += [encode(getattr(thing, name)(*given)) for name, given in operations[1:]]
        return f"[{','.join(answers)}]"

    return run


# --- words for the host --------------------------------------------------------------------------


def one_line(text: str) -> str:
    """ASCII on one line, cut."""
    return ascii(text)[1:-1][:300]


def describe(error: BaseException) -> str:
    """`Name message`; the message may be anything, and making it may raise anything."""
    name = type(error).__name__
    try:
        message = str(error)[:300]
    except BaseException:
        message = ""
    return f"{one_line(name) if name.isidentifier() else 'Exception'} {one_line(message)}"


def flush() -> None:
    """Push out what was printed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: S112 - a closed or full stream shows in what the host reads
            continue
