"""Whether a model can be asked at all, and for how long: what its endpoint says of it."""

import json
import re
import time

import httpx2
import openai

from judge.errors import ModelRefused, ModelUnavailable
from judge.models.base import ModelSpec
from judge.models.openai_client import Connection

SECONDS = 20.0
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def shutdown_date(spec: ModelSpec) -> str:
    """Ask the endpoint about the model, which costs nothing. Returns the ISO date after which it is
    shut down, empty where none is announced. Raises ModelUnavailable, or ModelRefused for a model
    or a key that the endpoint does not know."""
    connection = Connection(spec, SECONDS)
    try:
        begun = time.monotonic()
        ask = connection.client.models.with_streaming_response.retrieve
        with ask(spec.id) as response:
            body = b"".join(connection.bounded(response, begun))
        said = json.loads(body)
    except openai.APIStatusError as error:
        raise connection.fault(error) from None
    except (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError) as error:
        raise ModelUnavailable(f"model {spec.name!r}: {type(error).__name__}") from None
    except (ValueError, RecursionError):
        raise ModelRefused(f"model {spec.name!r}: the endpoint lists no models") from None
    finally:
        connection.close()
    date = said.get("shutdown_date") if isinstance(said, dict) else None
    found = _DATE.match(date) if isinstance(date, str) else None
    return found[0] if found else ""
