"""Settings to a Judge: database, models and sandbox of one process, each opened when first needed.

The one place that reads settings and puts things together; open it after a fork, never before.
"""

from threading import Lock

from judge.errors import UsageError
from judge.models import open_model
from judge.models.base import ModelBackend, ModelSpec
from judge.sandbox import open_sandbox
from judge.sandbox.base import Sandbox
from judge.settings import BadSetting, Settings, read_settings
from judge.store import models
from judge.store.database import Database


class Judge:
    """What one process works with. Thread-safe; `close` ends what was opened."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self._lock = Lock()
        self._opening: dict[ModelSpec, Lock] = {}
        self._backends: dict[ModelSpec, ModelBackend] = {}
        self._sandbox: Sandbox | None = None

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox, opened on first use. Raises SandboxUnavailable or UsageError."""
        with self._lock:
            if self._sandbox is None:
                self._sandbox = open_sandbox(self.settings.sandbox, self.settings.sandbox_workers)
            return self._sandbox

    def model(self, name: str) -> tuple[ModelSpec, ModelBackend]:
        """A model as it stands in the database now, and its backend, opened once.

        Raises UnknownName, and what `open_model` raises.
        """
        with self.database.reading() as tx:
            spec = models.read(tx, name)
        with self._lock:
            opening = self._opening.setdefault(spec, Lock())
        with opening:  # a slow start of one model keeps no other one waiting
            if spec not in self._backends:
                self._backends[spec] = open_model(spec)
            return spec, self._backends[spec]

    def close(self) -> None:
        """End the sandbox's processes, let go of models and connections."""
        with self._lock:
            backends, self._backends = list(self._backends.values()), {}
            sandbox, self._sandbox = self._sandbox, None
        for backend in backends:
            backend.close()
        if sandbox is not None:
            sandbox.close()
        self.database.close()


def open_judge(settings: Settings | None = None) -> Judge:
    """The Judge of these settings, or of the environment's, with its database migrated."""
    try:
        settings = settings or read_settings()
        if not settings.database_url:
            settings.make_home()
    except BadSetting as error:
        raise UsageError(str(error)) from None
    database = Database(settings.store_url, lease_seconds=settings.lease_seconds)
    try:
        database.migrate()
    except BaseException:
        database.close()
        raise
    return Judge(settings, database)
