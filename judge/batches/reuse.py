"""Which samples of a claim need no run of their own: the same code on the same problem, judged
under the same circumstances before or by this very claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from judge.sandbox.base import Sandbox
from judge.store import judgements
from judge.store.database import Tx
from judge.store.samples import Unjudged
from judge.verdicts.judging import key_of
from judge.verdicts.timing import Timing
from judge.verdicts.verdict import Judgement
from problems.problem import Problem

Ended = tuple[Unjudged, Judgement | Exception]


class Same:
    """The samples of one claim, sorted: `known` ones have their judgement, `to_run` are judged,
    and the others wait for one of those."""

    def __init__(self, samples: Sequence[Unjudged]) -> None:
        self.known: list[Ended] = []
        self.to_run = list(samples)
        self._behind: dict[str, list[Unjudged]] = {}

    def sort(self, tx: Tx, posed: Mapping[str, Problem], sandbox: Sandbox, timing: Timing) -> None:
        """Find what is the same; without it every sample is run."""
        keys = {
            sample.id: key_of(posed[sample.problem_digest], sample.source, sandbox, timing)
            for sample in self.to_run
        }
        before = judgements.known(tx, set(keys.values()))
        first: dict[str, Unjudged] = {}
        for sample in self.to_run:
            key = keys[sample.id]
            if key in before:
                of, judgement = before[key]
                self.known.append((sample, _reused(judgement, of)))
            elif key in first:
                self._behind.setdefault(first[key].id, []).append(sample)
            else:
                first[key] = sample
        self.to_run = list(first.values())

    def after(
        self, sample: Unjudged, result: Judgement | Exception
    ) -> tuple[list[Ended], list[Unjudged]]:
        """What its end says of those that waited for it; or, where it says nothing, those
        themselves, to be run."""
        waited = self._behind.pop(sample.id, [])
        if isinstance(result, Judgement) and not result.verdict.ours and not result.unstable:
            return [(each, _reused(result, sample.id)) for each in waited], []
        return [], waited


def _reused(judgement: Judgement, of: str) -> Judgement:
    return replace(judgement, evidence=replace(judgement.evidence, reused=of))
