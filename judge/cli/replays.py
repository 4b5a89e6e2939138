"""Replays: a recorded verdict beside the one of today."""

from judge.cli import console
from judge.sandbox.base import Sandbox
from judge.settings import Settings
from judge.verdicts.bundles import Bundle, differences, replay
from judge.verdicts.timing import host_speed
from judge.verdicts.verdict import Judgement


def show(bundle: Bundle, sandbox: Sandbox, settings: Settings, *, as_json: bool) -> bool:
    """Judge it again, print both verdicts and what differs; whether they are the same."""
    then = bundle.judgement
    now = replay(bundle, sandbox, host_speed(sandbox, settings.make_home()))
    same = then.verdict is now.verdict
    changed = differences(then.evidence, now.evidence)
    if as_json:
        both = {
            name: {"verdict": one.verdict, "reason": one.reason, "evidence": one.evidence}
            for name, one in (("recorded", then), ("now", now))
        }
        console.result_json({"same": same, **both, "differences": changed})
    else:
        console.result(f"recorded  {_said(then)}\nnow       {_said(now)}")
        for each in changed:
            console.result(f"  {each.what}: {each.then or '-'} then, {each.now or '-'} now")
    return same


def _said(judgement: Judgement) -> str:
    evidence = judgement.evidence
    said = f"{judgement.verdict} {judgement.reason}".strip()
    passed = f"{judgement.passed} of {len(judgement.outcomes)} examples"
    first = f"; a first run said {evidence.first_run}" if judgement.unstable else ""
    return f"{said} ({passed}, {evidence.cpu_seconds:.3f} s CPU{first})"
