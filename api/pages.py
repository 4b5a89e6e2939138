"""The same answers as HTML: rendered here, complete without a script, every text escaped."""

from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from api.comparisons import (
    ComparisonShown,
    DifferenceShown,
    Digest,
    SetName,
    comparison_of,
)
from api.standings import RankedRow, board_of
from api.wiring import House
from judge import batches
from judge.batches import BatchStatus, Progress
from judge.store import problem_sets

RECENT = 20

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/")
def home(house: House) -> HTMLResponse:
    """The sets and the latest batches."""
    with house.database.reading() as tx:
        sets = problem_sets.listed(tx)
    latest = [_batch(status) for status in batches.list_batches(house.database, limit=RECENT)]
    live = any(batch["open"] for batch in latest)
    return _page("home.html", here="home", sets=sets, batches=latest, live=live)


@router.get("/leaderboards/{name}")
def leaderboard(house: House, name: str) -> HTMLResponse:
    """Who is better on a set, and how sure that is."""
    board = board_of(house, name)
    return _page("leaderboard.html", board=board, rows=[_row(row) for row in board.rows])


@router.get("/compare")
def compare(
    house: House, baseline: str, candidate: str, set_name: SetName, digest: Digest = ""
) -> HTMLResponse:
    """How much better one is than another, and how sure that is."""
    found = comparison_of(house, set_name, baseline, candidate, digest)
    rows = [("all problems", found.difference, False)]
    rows += [(each.name, each.difference, each.alert) for each in found.slices]
    reach = max((max(-each.low, each.high) for _, each, _ in rows), default=1.0)
    forest = [_forked(name, each, reach, alert=alert) for name, each, alert in rows]
    return _page("compare.html", found=found, forest=forest, names=_sides(found), points=_points)


@router.get("/batches/{batch}")
def batch(house: House, batch: str) -> HTMLResponse:
    """How far a batch is."""
    status = batches.read_batch(house.database, batch)
    # Of an open one, which is looked at again and again, they would be sorted every time.
    found = [] if status.open else batches.read_latencies(house.database, batch)
    took = {each.model: f"{each.p50:.1f} s; 95 % within {each.p95:.1f} s" for each in found}
    return _page("batch.html", batch=_batch(status), took=took)


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """The HTTP interface, read out of its OpenAPI document."""
    document = request.app.openapi()
    operations = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return _page(
        "docs.html", here="docs", operations=operations, version=document["info"]["version"]
    )


def _page(template: str, here: str = "", **values: Any) -> HTMLResponse:
    html = _templates.get_template(template).render(here=here, **values)
    return HTMLResponse(html, headers={"Cache-Control": "no-cache"})


def _batch(status: BatchStatus) -> dict[str, Any]:
    request = status.request
    each = {name: getattr(status, name) for name in _SHOWN}
    lost = sum(count for _, count in status.errors)
    share = f"{status.accepted / status.judged:.0%} of those judged" if status.judged else ""
    sampling = request.sampling
    how = (
        f"set          {request.problem_set} {request.digest[:12]}\n"
        f"prompts      {', '.join(request.prompts) or 'the default of each style'}\n"
        f"temperature  {sampling.temperature:g}\ntop_p        {sampling.top_p:g}\n"
        f"max_tokens   {sampling.max_tokens}\nseed         {sampling.seed}\n"
        f"repairs      {request.repairs}"
    )
    return each | {
        "state": status.state.replace("_", " "),
        "set": request.problem_set,
        "models": ", ".join(request.models),
        "samples_each": request.samples,
        "repairs": request.repairs,
        "budget_usd": request.budget_usd,
        "error_count": lost,
        "accepted_share": share,
        "how": how,
        "bar": _bar(status.judged, status.samples, status.wanted),
        "by_model": [_model(row, request.samples) for row in status.by_model],
    }


def _forked(name: str, found: DifferenceShown, reach: float, *, alert: bool) -> dict[str, Any]:
    """One line of a forest plot, whose middle is no difference and whose edges are `reach`."""

    def place(share: float) -> str:
        return f"{50 + 48 * share / reach:.2f}"

    said = f"{_points(found.value)} points, 95 % interval {_points(found.low)} to {_points(found.high)}"
    return {
        "name": name,
        "problems": found.problems,
        "value": place(found.value),
        "low": place(found.low),
        "high": place(found.high),
        "label": said,
        "points": _points(found.value),
        "interval": f"{_points(found.low)} to {_points(found.high)}",
        "alert": alert,
    }


def _sides(found: ComparisonShown) -> dict[str, str]:
    sides = {"baseline": found.baseline, "candidate": found.candidate}
    return {name: f"{side.model}, {_how(side.recipe)}" for name, side in sides.items()}


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


_SHOWN = (
    *("id", "open", "wanted", "samples", "judged", "accepted", "errors", "waiting", "spend_usd"),
    *("unpriced", "tokens_in", "tokens_out", "created_at", "finished_at", "repaired", "mended"),
)


def _model(row: Progress, samples: int) -> dict[str, Any]:
    each = {name: getattr(row, name) for name in Progress.__dataclass_fields__}
    return each | {
        "bar": _bar(row.judged, row.samples, row.questions * samples),
        "errors": row.errors + row.failed,
    }


def _row(row: RankedRow) -> dict[str, Any]:
    low, high = f"{100 * row.low:.1f}", f"{100 * row.high:.1f}"
    return {
        "model": row.model,
        "bound": row.bound,
        "recipe": row.recipe,
        "how": "a recording" if row.bound else _how(row.recipe),
        "rank": str(row.rank_low)
        if row.rank_low == row.rank_high
        else f"{row.rank_low}\u2013{row.rank_high}",
        "score": _percent(row.pass_at_1),
        "interval": f"{low} to {high} %",
        "samples": row.samples,
        "problems": row.problems,
        "coverage": _percent(row.coverage),
        "errors": row.errors,
        "stopped": f"{_count(row.unasked)} samples were not asked for" if row.unasked else "",
        "cost": _usd(row.cost_usd),
        "per_solved": f"{_usd(row.cost_per_solved)} a solved one" if row.cost_per_solved else "",
        "bar": {
            "value": f"{100 * row.pass_at_1:.2f}",
            "low": f"{100 * row.low:.2f}",
            "high": f"{100 * row.high:.2f}",
            "label": f"{_percent(row.pass_at_1)}, 95 % interval {low} to {high} %",
        },
    }


def _bar(judged: int, drawn: int, wanted: int) -> dict[str, Any]:
    """Widths in percent, and the same in words."""
    whole = max(wanted, 1)
    return {
        "done": f"{100 * judged / whole:.2f}",
        "begun": f"{100 * drawn / whole:.2f}",
        "label": f"{judged} of {wanted} samples judged, {drawn} drawn",
    }


def _how(recipe: str) -> str:
    """A recipe in words; its whole text, with the template's hash, stands in the row's title."""
    template, *settings = recipe.split(" ")
    named = dict(setting.split("=", 1) for setting in settings if "=" in setting)
    words = {
        "temperature": "temperature {}",
        "top_p": "top\u2011p {}",
        "max_tokens": "at most {} tokens",
        "repairs": "repaired up to {}\u00d7",
    }
    said = [words.get(name, f"{name} {{}}").format(value) for name, value in named.items()]
    return ", ".join([template.partition("@")[0], *said])


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"


def _count(number: int) -> str:
    """Thousands apart, by a thin space that does not break."""
    return f"{number:,}".replace(",", "\u202f")


def _usd(usd: float | None) -> str:
    if usd is None:
        return "unknown"
    return f"${usd:.2f}" if usd >= 1 or usd == 0 else f"${usd:.4f}"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"usd": _usd, "count": _count, "day": _day}
