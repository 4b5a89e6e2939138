"""`judge models`: who can be asked. Keys stay in the environment and are never stored or shown."""

from contextlib import closing
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from judge.bootstrap import Judge, open_judge
from judge.cli import console
from judge.errors import ModelError, UsageError
from judge.models import BACKENDS, WEIGHTS, open_model, openai_body
from judge.models.availability import shutdown_date
from judge.models.base import ModelSpec
from judge.store import models

group = typer.Typer(help="Models: add, list, show, check.", no_args_is_help=True)

LOCAL = ("recorded", "llama_local", "transformers_local")
ModelName = Annotated[str, typer.Argument(metavar="NAME", help="The model's name here.")]


class SpokenStyle(StrEnum):
    """How a model is addressed."""

    CHAT = "chat"
    COMPLETION = "completion"


@group.command()
def add(
    name: ModelName,
    *,
    backend: Annotated[str, typer.Option(help=f"One of {', '.join(BACKENDS)}.")],
    model_id: Annotated[
        str,
        typer.Option(
            "--id", help="The model's name at the backend; a file or folder for local ones."
        ),
    ],
    base_url: Annotated[str, typer.Option(help="Another endpoint that speaks the dialect.")] = "",
    style: Annotated[SpokenStyle, typer.Option(help="How it is addressed.")] = SpokenStyle.CHAT,
    base_model: Annotated[str, typer.Option(help="What it was fine-tuned from.")] = "",
    quantisation: Annotated[str, typer.Option(help="Such as Q4_1; part of its identity.")] = "",
    revision: Annotated[
        str, typer.Option(help="The commit of a hub's repository (transformers_local).")
    ] = "",
    adapter: Annotated[
        str, typer.Option(help="LoRA over its weights: a PEFT folder, or a .gguf for llama_local.")
    ] = "",
    cutoff: Annotated[str, typer.Option(help="Date of its newest training data.")] = "",
    input_price: Annotated[
        float | None, typer.Option(help="US dollars per million tokens in.", min=0)
    ] = None,
    output_price: Annotated[
        float | None, typer.Option(help="US dollars per million tokens out.", min=0)
    ] = None,
    hour_price: Annotated[
        float | None, typer.Option(help="US dollars per hour of the machine it runs on.", min=0)
    ] = None,
    key_env: Annotated[
        str, typer.Option(help="The variable that holds its key; OPENAI_API_KEY if left out.")
    ] = "",
    as_json: console.AsJson = False,
) -> None:
    """Register a model under a name."""
    if backend not in BACKENDS:
        raise UsageError(f"no backend is called {backend!r}; there is: {', '.join(BACKENDS)}")
    if (revision or adapter) and backend not in WEIGHTS:
        raise UsageError(f"--revision and --adapter are for {' and '.join(WEIGHTS)}")
    parts = urlsplit(base_url)
    if "@" in parts.netloc or parts.query:
        raise UsageError("--base-url holds more than an address; keys belong in the environment")
    spec = ModelSpec(
        name=name,
        backend=backend,
        id=_placed(backend, model_id, revision),
        base_url=base_url,
        base_model=base_model,
        quantisation=quantisation,
        revision=revision,
        adapter=str(Path(adapter).absolute()) if adapter else "",
        style="chat" if style is SpokenStyle.CHAT else "completion",
        cutoff=cutoff,
        input_price=input_price,
        output_price=output_price,
        hour_price=hour_price,
        key_env=key_env,
    )
    if backend in LOCAL:
        open_model(spec).close()  # its file or weights are there, or this says what is missing
    with closing(open_judge()) as judge, judge.database.transaction() as tx:
        models.keep(tx, spec)
    if as_json:
        console.result_json(spec)
    else:
        console.result(f"{name}: {backend} {spec.id}")


@group.command("list")
def list_models(*, as_json: console.AsJson = False) -> None:
    """Every model that was added."""
    with closing(open_judge()) as judge, judge.database.reading() as tx:
        specs = models.listed(tx)
    if as_json:
        console.result_json(specs)
    elif specs:
        console.table(
            ("model", "backend", "id", "endpoint", "$ in", "$ out"),
            [
                (s.name, s.backend, s.id, s.base_url, _price(s.input_price), _price(s.output_price))
                for s in specs
            ],
            right=("$ in", "$ out"),
        )
    else:
        console.note("no models yet; `judge models add --help` shows how to add one")


@group.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(help="All that have an endpoint.")] = None,
    *,
    as_json: console.AsJson = False,
) -> None:
    """Ask endpoints whether they have these models and until when, and note the date."""
    with closing(open_judge()) as judge:
        with judge.database.reading() as tx:
            found = models.listed(tx) if not names else [models.read(tx, name) for name in names]
        said = {}
        for spec in found:
            if spec.backend in openai_body.BACKENDS:
                said[spec.name] = _checked(judge, spec)
    if as_json:
        console.result_json(said)
    for name, text in said.items() if not as_json else ():
        console.result(f"{name}: {text}")
    if not said:
        console.note("no model has an endpoint to ask")


def _checked(judge: Judge, spec: ModelSpec) -> str:
    try:
        date = shutdown_date(spec)
    except ModelError as error:
        return str(error)
    if date != spec.shutdown:
        with judge.database.transaction() as tx:
            models.keep(tx, replace(spec, shutdown=date))
    return f"there; shut down on {date}" if date else "there; no end is announced"


@group.command()
def show(name: ModelName, *, as_json: console.AsJson = False) -> None:
    """One model."""
    with closing(open_judge()) as judge, judge.database.reading() as tx:
        spec = models.read(tx, name)
    if as_json:
        console.result_json(spec)
        return
    for field in ModelSpec.__dataclass_fields__:
        value = getattr(spec, field)
        if value not in ("", None):
            console.result(f"{field:13} {value}")


def _placed(backend: str, model_id: str, revision: str) -> str:
    """The id, where it is a path as an absolute one: who asks later may stand elsewhere."""
    path = Path(model_id)
    is_path = (
        backend == "recorded"
        or (backend == "llama_local" and path.suffix == ".gguf")
        or (backend == "transformers_local" and not revision and path.is_dir())
    )
    return str(path.absolute()) if is_path else model_id


def _price(usd: float | None) -> str:
    return "-" if usd is None else f"{usd:g}"
