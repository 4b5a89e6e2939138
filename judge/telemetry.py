"""How judge logs: structlog events through the standard library, always to stderr.

`logger` works without any set-up (warnings and worse reach stderr); `set_up` is called once by a
process's entry point. Events carry ids, never sources, prompts, replies or keys.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import structlog
from structlog.typing import Processor

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module, to be called with an event and its ids."""
    bound = structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
    )
    return cast("structlog.stdlib.BoundLogger", bound)


@contextmanager
def bound(**ids: str) -> Iterator[None]:
    """Every event of this thread or task names these ids as well, until the block ends."""
    with structlog.contextvars.bound_contextvars(**ids):
        yield


def set_up(*, as_json: bool = False, level: int = logging.INFO) -> None:
    """Send this process's log to stderr, one line an event; as JSON where a machine reads it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.processors.format_exc_info],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer()
                if as_json
                else structlog.dev.ConsoleRenderer(
                    colors=sys.stderr.isatty(),
                    exception_formatter=structlog.dev.plain_traceback,  # others print variables
                ),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
