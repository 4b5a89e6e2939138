"""The exact-type codec: Python values as ASCII JSON, without executing anything on the way back.

Theory of operation. The same code serves three readers: problem files (expected values), the
host (what a solution claims to have returned) and the sandbox, where it is shipped beside the
runner; so it imports the standard library only.

`encode` runs in the solution's process when it writes a result. There it is the attacker's: it
may be patched, skipped or lied to. It therefore promises leniency only: which honest types are
carried, which are flattened, which are refused by name. Subclasses are read through the methods
of their *base* (`list.__iter__(o)`, never `o.__iter__()`), so a lying subclass cannot loop us.

`decode` runs on the host or in the examiner and trusts nothing: it builds builtin values only,
bounded in size, depth and count, and refuses whatever `encode` would not have written, hash
floods included. All safety is here.

The form: None, bool, int, finite float, str and list stand for themselves; everything else is an
object with one key, its tag: `$tuple`, `$set`, `$frozenset`, `$dict` (pairs, in order), `$bytes`
(hex), `$bytearray`, `$complex`, `$float` (nan, inf, -inf), `$int` (hex, for huge ones), `$range`,
`$deque`, `$decimal`, `$fraction`, `$match` (of a regular expression: where and what), `$iterator`
(a generator's items), `$type` (a builtin type; in arguments only), `$ref` (a handle to an object in
the solution; examiner only) and `$sha256` (of a value too large to send: two values that are equal
have the same). A dict whose keys are all plain strings without `$` may be written as an object.
"""

from problems.values.digests import digest
from problems.values.form import Undecodable, Unencodable, Wire
from problems.values.reading import decode
from problems.values.writing import encode, settled

__all__ = ["Undecodable", "Unencodable", "Wire", "decode", "digest", "encode", "settled"]
