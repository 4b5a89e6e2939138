"""`judge compare`: two models, or two prompts, on the problems both were asked."""

from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from judge.bootstrap import open_judge
from judge.cli import console, remote
from judge.standings import comparison

SHOWN = 20
"""Problems on which the two differ, at most; all of them are in --json."""

_SIDE = "A model, or MODEL/PROMPT where it was asked in several ways."


def compare(
    baseline: Annotated[str, typer.Argument(help=_SIDE)],
    candidate: Annotated[str, typer.Argument(help=_SIDE)],
    *,
    problems: Annotated[str, typer.Option(help="The problem set.")],
    digest: Annotated[str, typer.Option(help="A version of it; the newest if left out.")] = "",
    server: console.Server = "",
    as_json: console.AsJson = False,
) -> None:
    """Say how much better the candidate is than the baseline, and how sure that is."""
    if server:
        asked = {"set": problems, "baseline": baseline, "candidate": candidate, "digest": digest}
        found = remote.get(server, f"/v1/comparisons?{urlencode(asked)}")
    else:
        with closing(open_judge()) as judge:
            given = (judge.database, problems, baseline, candidate, digest)
            found = asdict(comparison.compare(*given))
    if as_json:
        console.result_json(found)
    else:
        _say(found)


def _say(found: dict[str, Any]) -> None:
    difference, table = found["difference"], found["table"]
    one, other = found["baseline"], found["candidate"]
    console.result(f"{_named(other)} against {_named(one)} on {found['problem_set']}:")
    console.result(
        f"  {found['verdict']}: {_points(difference['value'])} points "
        f"({_points(difference['low'])} to {_points(difference['high'])}, 95 %) "
        f"on {difference['problems']} problems"
    )
    console.result(
        f"  pass@1 {console.percent(one['pass_at_1'])} to {console.percent(other['pass_at_1'])}; "
        f"{difference['up']} problems up, {difference['down']} down, sign test p = "
        f"{found['sign_p']:.2g}"
    )
    console.result(
        f"  solved by both {table['both']}, by the baseline alone {table['only_baseline']}, "
        f"by the candidate alone {table['only_candidate']}, by neither {table['neither']}"
    )
    if found["detectable"] is not None:
        console.result(
            f"  so many problems, differing as these do, show a difference of "
            f"{100 * found['detectable']:.1f} points"
        )
    if found["cost_ratio"] is not None:
        console.result(f"  a draw of it costs {found['cost_ratio']:.2f} of the baseline's")
    for each in (each for each in found["slices"] if each["alert"]):
        step = each["difference"]
        console.result(f"  alert: {each['name']}: {_points(step['value'])} points")
    differing = found["discordant"]
    if differing:
        console.table(
            ("problem", "baseline", "candidate"),
            [
                (d["slug"], console.percent(d["baseline"]), console.percent(d["candidate"]))
                for d in differing[:SHOWN]
            ],
            right=("baseline", "candidate"),
        )
    if len(differing) > SHOWN:
        console.note(f"{len(differing) - SHOWN} more differ; --json has them all")


def _named(side: dict[str, Any]) -> str:
    return f"{side['model']} ({side['recipe'].partition('@')[0]})"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
