"""Whether the service lives, and whether it can do its work."""

from fastapi import APIRouter

from api.wiring import House, Shown, problem_answers

router = APIRouter(tags=["health"])


class Health(Shown):
    """`ok`."""

    status: str = "ok"


@router.get("/healthz", operation_id="read_health")
def read_health() -> Health:
    """The process answers."""
    return Health()


@router.get("/readyz", operation_id="read_readiness", responses=problem_answers(503))
def read_readiness(house: House) -> Health:
    """The database answers and, where this process judges, the sandbox stands; otherwise 503 says
    what does not."""
    with house.database.reading():
        pass
    if house.settings.embedded:
        _ = house.sandbox
    return Health()
