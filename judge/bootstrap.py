"""Settings to a Judge: database, models and sandbox of one process, each opened when first needed.

The one place that reads settings and puts things together; open it after a fork, never before.
"""

from pathlib import Path
from threading import Lock

from judge.errors import UsageError
from judge.models import WEIGHTS, open_model
from judge.models.base import ModelBackend, ModelSpec
from judge.sandbox import open_sandbox
from judge.sandbox.base import Counts, Sandbox
from judge.settings import BadSetting, Settings, read_settings
from judge.store import models
from judge.store.database import Database
from judge.verdicts.timing import host_speed


class Judge:
    """What one process works with. Thread-safe; `close` ends what was opened."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self._lock = Lock()
        self._opening: dict[ModelSpec, Lock] = {}
        self._backends: dict[ModelSpec, ModelBackend] = {}
        self._sandbox: Sandbox | None = None
        self._measuring = Lock()
        self._speed = 0.0

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox, opened on first use. Raises SandboxUnavailable or UsageError."""
        with self._lock:
            if self._sandbox is None:
                settings = self.settings
                self._sandbox = open_sandbox(
                    settings.sandbox, settings.sandbox_workers, **settings.sandbox_options
                )
            return self._sandbox

    def counts(self) -> Counts:
        """What the sandbox did so far; opens none."""
        return Counts() if self._sandbox is None else self._sandbox.counts()

    @property
    def speed(self) -> float:
        """How fast this host is in the sandbox, measured once and kept. Raises as `sandbox`."""
        sandbox = self.sandbox
        with self._measuring:
            if not self._speed:
                try:
                    home: Path | None = self.settings.make_home()
                except BadSetting:
                    home = None  # a database elsewhere needs none; then each process measures
                self._speed = host_speed(sandbox, home)
            return self._speed

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

    def keep_warm(self, name: str) -> None:
        """Let go of every other model whose weights are in this process, but for adapters of the
        same weights. For a process that asks one model at a time."""
        with self.database.reading() as tx:
            warm = models.read(tx, name)
        with self._lock:
            cold = [
                spec
                for spec in self._backends
                if spec.backend in WEIGHTS and _weights_of(spec) != _weights_of(warm)
            ]
            closing = [self._backends.pop(spec) for spec in cold]
        for backend in closing:
            backend.close()

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


def _weights_of(spec: ModelSpec) -> tuple[str, ...]:
    return (spec.backend, spec.id, spec.revision, spec.quantisation)


def open_judge(settings: Settings | None = None) -> Judge:
    """The Judge of these settings, or of the environment's, with its database migrated."""
    settings = settings or _read()
    database = open_database(settings)
    try:
        database.migrate()
    except BaseException:
        database.close()
        raise
    return Judge(settings, database)


def open_database(settings: Settings | None = None) -> Database:
    """The database of these settings, or of the environment's, as it is."""
    settings = settings or _read()
    try:
        if not settings.database_url:
            settings.make_home()
    except BadSetting as error:
        raise UsageError(str(error)) from None
    return Database(settings.store_url, lease_seconds=settings.lease_seconds)


def _read() -> Settings:
    try:
        return read_settings()
    except BadSetting as error:
        raise UsageError(str(error)) from None
