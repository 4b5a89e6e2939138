"""The examiner: runs a problem's check in a box of its own and calls the solution in another one.

Theory of operation. Actors: this child (trusted problem code; another user id, another pid
namespace than the solution), the *solution's* child (serving.py; hostile), the host. Channels: two
pipes to the solution, whose frames are checked here, and descriptor 3, to which only this process
holds a handle and on which it writes its one result line

    0 passed CALLS | 0 failed REASON MESSAGE | 0 refused MESSAGE (the check itself is broken)

Passed means: the check ran to its end, made at least one call, and nothing fatal happened. What
the solution does outside the rules (dies, breaks a frame, returns a type that is not carried, exits)
is *fatal*: it is remembered here, where the check's own `except:` cannot swallow it.

Names reach the solution only from the problem's static list, made from trusted code on import;
every other name is the check's own, a module's or a builtin, whatever the solution defines.
Message text may hold expected values: it is private to the host.
"""

import builtins
import os
from collections.abc import Callable
from typing import Any

from judge.sandbox.inside import chance
from judge.sandbox.inside.child import one_line, take_job
from judge.sandbox.inside.frames import CALL_IN, CALL_OUT, Broken, Kind, Reader, send
from judge.sandbox.inside.jobs import JobText, Order
from problems.values import Undecodable, Unencodable, decode, encode

RESULTS = 3
MAX_CALLS = 100_000


class Fatal(BaseException):
    """Unwinds the check when the solution has left the rules."""


class Handle:
    """An object in the solution's process. It can be passed back, and the check can set attributes
    and read the ones it set; anything that would judge by it is fatal, since its word is the
    solution's."""

    __slots__ = ("_examination", "_number", "_set")

    def __init__(self, examination: "Examination", number: int) -> None:
        object.__setattr__(self, "_examination", examination)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_set", {})

    def __setattr__(self, name: str, value: object) -> None:
        object.__getattribute__(self, "_examination").set(self, name, value)
        object.__getattribute__(self, "_set")[name] = value

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return Handle
        known = object.__getattribute__(self, "_set")
        if name in known:
            return known[name]
        raise object.__getattribute__(self, "_examination").fatal("ref")

    def _judged(self, *_: object) -> Any:
        raise object.__getattribute__(self, "_examination").fatal("ref")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __len__ = __iter__ = _judged
    __contains__ = __getitem__ = __call__ = __int__ = __float__ = __index__ = __str__ = _judged
    __repr__ = __format__ = __hash__ = _judged


class Examination:
    """One solution under examination: its pipes, its calls, and the first fatal thing it did."""

    def __init__(self, answers: int = CALL_IN, questions: int = CALL_OUT) -> None:
        self.reader = Reader(answers)
        self.questions = questions
        self.calls = 0
        self.fatal_reason = ""
        self.raised: tuple[BaseException | None, str] = (None, "")

    def fatal(self, reason: str) -> Fatal:
        """Remember the first reason; to be raised by the caller."""
        self.fatal_reason = self.fatal_reason or reason
        return Fatal(reason)

    def wait_loaded(self) -> None:
        """Let the solution load before anything of the check runs. Raises Fatal."""
        try:
            kind, sequence, body = self.reader.next()
        except Broken as broken:
            raise self.fatal(f"{broken} loading") from None
        if sequence == 0 and kind == Kind.REFUSED:
            raise self.fatal(f"refused {one_line(body)}")
        if sequence == 0 and kind == Kind.RAISED:
            _, description = self._exception_parts(body)
            raise self.fatal(f"raised {description}")
        if sequence or kind != Kind.LOADED or body:
            raise self.fatal("protocol loading")

    def call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The solution's answer as builtin values; its exceptions as builtin exceptions."""
        return self._ask(Kind.CALL, [name, list(arguments), keywords])

    def set(self, handle: Handle, name: str, value: object) -> None:
        """Set an attribute of an object of the solution's."""
        self._ask(Kind.SET, [handle, name, value])

    def _ask(self, kind: Kind, request: list[Any]) -> Any:
        if self.fatal_reason:
            raise Fatal(self.fatal_reason)
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise self.fatal("calls")
        try:
            body: str = encode(request, _number_of)
        except Unencodable as refusal:
            # before any answer the check alone is to blame; later it may pass on what it was fed
            word = "unsealable" if self.calls == 1 else "argument"
            raise self.fatal(f"{word} {refusal}") from None
        try:
            send(self.questions, kind, self.calls, body)
            answered, sequence, body = self.reader.next()
            if sequence != self.calls:
                raise Broken("protocol")  # noqa: TRY301 - one way out for every broken frame
            if answered == Kind.VALUE:
                return decode(body, ref=lambda number: Handle(self, number))
        except Broken as broken:
            raise self.fatal(str(broken)) from None
        except Undecodable as wrong:
            raise self.fatal(f"protocol {one_line(str(wrong))}") from None
        if answered == Kind.BAD_TYPE:
            raise self.fatal(f"bad_type {one_line(body)}")
        if answered == Kind.RAISED:
            raise self._rebuilt(body)
        raise self.fatal("protocol")

    def _rebuilt(self, body: str) -> BaseException:
        """The builtin exception a solution claims to have raised; only ordinary ones pass."""
        name, description = self._exception_parts(body)
        found = getattr(builtins, name, None)
        if (
            not isinstance(found, type)
            or not issubclass(found, Exception)
            or issubclass(found, Warning | ExceptionGroup)
        ):
            return self.fatal(f"raised {description}")
        if issubclass(found, StopIteration | StopAsyncIteration):
            found = RuntimeError  # or a bare `all(map(f, ..))` would take it for an end
        try:
            error: BaseException = found(description)
        except TypeError:  # UnicodeDecodeError and its like want more
            error = ValueError(description)
        self.raised = (error, description)
        return error

    def _exception_parts(self, body: str) -> tuple[str, str]:
        try:
            name, description = decode(body)
        except (Undecodable, ValueError, TypeError):
            raise self.fatal("protocol") from None
        if type(name) is not str or type(description) is not str:
            raise self.fatal("protocol")
        return name, one_line(description)


def _number_of(thing: object) -> int:
    if type(thing) is Handle:
        return int(object.__getattribute__(thing, "_number"))
    raise Unencodable(type(thing).__name__)


def main(order: Order, entry: dict[str, Any]) -> None:
    """Examine the solution at the other end of the pipes by the job on descriptor 4. No return."""
    job = take_job(order, entry)
    chance.draw_afresh()
    examination = Examination()
    try:
        self_test()
        examination.wait_loaded()
        line = run_check(job, examination)
    except Fatal as fatal:
        line = f"failed {examination.fatal_reason or fatal}"
    os.write(RESULTS, f"0 {line}\n".encode("ascii", "backslashreplace"))
    os._exit(0)


def self_test() -> None:
    """With asserts compiled away every check would pass. Raises Fatal."""
    try:
        _execute(b"assert False", {}, "<self-test>")
    except AssertionError:
        return
    raise Fatal("asserts are switched off")


def run_check(job: JobText, examination: Examination) -> str:
    """Execute prompt and check against a loaded solution; the result line. Raises Fatal."""
    entry = job.entry
    namespace: dict[str, Any] = {"__name__": "check"}
    try:
        _execute(job.preamble, namespace, "<prompt>")
        for name in entry["names"]:
            namespace[name] = _proxy(examination, name)
        _execute(job.source, namespace, "<check>")
        if entry["calls_check"]:
            namespace["check"](namespace[entry["name"]])
    except Exception as error:
        if examination.fatal_reason:
            raise Fatal(examination.fatal_reason) from None
        return _failure(error, examination)
    except SystemExit:
        return "refused the check exits"
    if examination.fatal_reason:
        raise Fatal(examination.fatal_reason)
    if not examination.calls:
        return "refused the check never calls the solution"
    return f"passed {examination.calls}"


def _execute(source: bytes, namespace: dict[str, Any], name: str) -> None:
    exec(compile(source, name, "exec", dont_inherit=True, optimize=0), namespace)


def _failure(error: Exception, examination: Examination) -> str:
    kind, message = type(error).__name__, one_line(str(error))
    if error is examination.raised[0]:
        return f"raised {examination.raised[1]}"
    if isinstance(error, AssertionError):
        return f"failed assertion {message}"
    if not examination.calls:
        return f"refused the check raised {kind} before its first call: {message}"
    return f"failed check:{kind} {message}"


def _proxy(examination: Examination, name: str) -> Callable[..., Any]:
    def proxied(*arguments: Any, **keywords: Any) -> Any:
        return examination.call(name, arguments, keywords)

    proxied.__name__ = proxied.__qualname__ = name
    return proxied


def rehearse() -> None:
    """Warm up the paths of an examination, in the server and without a solution."""
    questions_in, questions_out = os.pipe()
    answers_in, answers_out = os.pipe()
    examination = Examination(answers_in, questions_out)
    send(answers_out, Kind.LOADED, 0, "")
    examination.wait_loaded()
    send(answers_out, Kind.VALUE, 1, "[1,2]")
    entry = {"name": "f", "names": ["f"], "calls_check": True}
    check = b"def check(f):\n    assert f([1, 2.5], 'a') == [1, 2], 'no'\n    assert True\n"
    job = JobText(entry, [], joined=False, preamble=b"import math\n", source=check)
    run_check(job, examination)
    for fd in (questions_in, questions_out, answers_in, answers_out):
        os.close(fd)
