"""Which sample holds the reply to a request that was made before."""

from collections.abc import Mapping

from sqlalchemy import select

from judge.models.base import Completion, Usage
from judge.store.database import Tx, insert_or
from judge.store.tables import replies, samples


def find(tx: Tx, requests: Mapping[int, str]) -> dict[int, tuple[Completion, float | None]]:
    """Of these digests, by index of the draw, the replies that are stored, as completions that were
    bought before, and what each did cost in US dollars."""
    rows = tx.execute(
        select(
            replies.c.request,
            *(samples.c[name] for name in ("text", "finish", "input_tokens", "output_tokens")),
            *(samples.c[name] for name in ("estimated", "seconds", "first_token_seconds", "cost")),
        )
        .join(samples, samples.c.id == replies.c.sample_id)
        .where(replies.c.request.in_(requests.values()))
    )
    known = {
        row.request: (
            Completion(
                row.text,
                row.finish,
                Usage(row.input_tokens, row.output_tokens, bool(row.estimated)),
                row.seconds,
                first_token_seconds=row.first_token_seconds,
                reused=True,
            ),
            row.cost,
        )
        for row in rows
    }
    return {index: known[request] for index, request in requests.items() if request in known}


def remember(tx: Tx, request: str, sample: str) -> None:
    """From now on this sample's reply stands for the request; the first one stays."""
    added = insert_or(tx, replies).values(request=request, sample_id=sample)
    tx.execute(added.on_conflict_do_nothing())
