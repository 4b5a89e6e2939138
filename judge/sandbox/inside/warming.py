"""Makes the fork server's interpreter ready, so that no child pays for what all of them need.

What candidates use is imported, and a trusted snippet is compiled, called and encoded often enough
that children inherit the specialised state: without it every child redoes first-use work and, worse,
copies the pages it dirties. Nothing of a job is here.
"""

import sys
from collections.abc import Iterable

from judge.sandbox.inside import chance, child, examiner, serving
from judge.sandbox.inside.jobs import JobText, Mode, compose

WARM_UP = """
from typing import List, Optional
import collections
class Solution:
    def solve(self, numbers: List[int], text: str) -> List[str]:
        seen = collections.defaultdict(list)
        for index, number in enumerate(sorted(numbers, key=lambda n: (-n, n))):
            seen[number % 3].append(str(number) + text[index % len(text)])
        best, words = 0.5, {word: len(word) for part in seen.values() for word in part}
        while best < 9 and words:
            best += max(words.values()) / 2
        try:
            return [f"{k}:{v:.2f}" for k, v in sorted(words.items())] + [str(best), text[::-1]]
        except KeyError as error:
            raise ValueError("never") from error
def solve(numbers, text): return Solution().solve(numbers, text)
"""
PRELOADED = (
    "bisect cmath collections copy dataclasses datetime decimal enum fractions functools hashlib "
    "heapq itertools json math operator random re statistics string struct typing"
)


def preload(packages: Iterable[str]) -> None:
    """Import what candidates use, and the packages that the problem set promises them."""
    for name in (*PRELOADED.split(), *packages):
        __import__(name)
    child.prepare()
    chance.draw_alike()


def warm_up(nowhere: int) -> None:
    """Walk the paths a child will walk, on a trusted snippet; results go to the descriptor given."""
    entry = {
        "name": "solve",
        "owner": "Solution",
        "types": ["list[int]", "str"],
        "returns": "",
        "in_place": None,
        "digests": True,
        "plain": False,
    }
    plain, tagged = '[[3,1,2,9,7,12],"abc"]', '[[5,{"$tuple":[1,2]}],"xy"]'
    for inputs in ([plain, tagged], [plain, plain]) * 20:
        entry["plain"] = not entry["plain"]
        text = compose(b"", inputs, "import math", WARM_UP)
        job = JobText.parse(
            entry, text.content, text.inputs, text.preamble_bytes, joined=text.joined
        )
        child.run_calls(Mode.FUNCTION, job, nowhere, 1 << 20, exact=False)
        child.flush()
        serving.rehearse()
        examiner.rehearse()
    sys.modules.pop(child.MODULE, None)
