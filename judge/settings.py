"""What can be set from outside: the environment, prefix `JUDGE_`. Read once, in bootstrap."""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

RATE = "600/minute"


class BadSetting(ValueError):
    """A variable that cannot be used, in one line. It stands here and not in judge/errors.py
    because settings and errors share the ground floor; bootstrap turns it into a UsageError."""


def is_loopback(host: str) -> bool:
    """Whether this name or address is reached from this host alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Settings(BaseSettings):
    """One process's settings; the defaults are the embedded service of `judge up`."""

    model_config = SettingsConfigDict(env_prefix="JUDGE_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=lambda: Path.home() / ".judge")
    database_url: str = ""
    prompts: Annotated[Path | None, BeforeValidator(lambda given: given or None)] = None
    """The folder of your own prompt templates; empty for `prompts` in `home`."""
    broker_url: str = "memory://"
    sandbox: str = "namespaces"
    sandbox_workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=1024)
    sandbox_image: str = ""
    """A tag; empty for the image that `judge sandbox build` makes."""
    sandbox_recycle: int = Field(default=5000, ge=1)
    """Jobs that a box serves before it is replaced."""
    sandbox_waiting: int = Field(default=4096, ge=1)
    """Callers that may wait for a free slot."""
    sandbox_channels: Annotated[Path | None, BeforeValidator(lambda given: given or None)] = None
    """Where the sockets of containers are; empty for /run/judge or the temporary folder."""
    host: str = "127.0.0.1"
    port: int = Field(default=8710, ge=0, le=65535)
    auth: Literal["auto", "on", "off"] = "auto"
    """Whether requests need an API key; `auto`: where the service listens beyond loopback."""
    api_key: SecretStr = SecretStr("")
    """What the command line shows to a service named by --server."""
    rate_limit: str = Field(
        default="", pattern=r"^(off|[1-9]\d{0,8} ?/ ?(second|minute|hour|day))?$"
    )
    """Requests of one caller, such as 600/minute; empty for none on loopback, RATE elsewhere."""
    model_hosts: str = ""
    """Hosts, with commas, that models added over HTTP may name: they are shown the service's key."""
    ask_threads: int = Field(default=64, ge=1, le=1024)
    """Questions in hand at most; how many an endpoint is sent at once is found out by asking."""
    cache: Literal["on", "off"] = "on"
    """Whether code that was judged before under the same circumstances is not run again."""
    lease_seconds: float = Field(default=90.0, ge=0.5, le=3600)
    poll_seconds: float = Field(default=30.0, ge=0.1, le=3600)
    """How often a worker looks into the database for work that nobody rang for."""
    upkeep_seconds: float = Field(default=30.0, ge=0.1, le=3600)
    """How often `judge upkeep` sets right what a crash left."""
    log: Literal["text", "json"] = "text"
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Where a worker shows its own numbers, on `metrics_host`; 0 for nowhere."""
    metrics_host: str = "127.0.0.1"

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.auth == "off" and not self.loopback:
            raise ValueError(
                f"off is for loopback alone, and {self.host} can be reached from other hosts; "
                "leave JUDGE_AUTH out and make a key with `judge keys add`"
            )
        return self

    @property
    def loopback(self) -> bool:
        """Whether only this host can reach the service."""
        return is_loopback(self.host)

    @property
    def needs_keys(self) -> bool:
        """Whether requests need an API key."""
        return self.auth == "on" or not self.loopback

    @property
    def rate(self) -> str:
        """How many requests one caller may make; empty for any number."""
        given = self.rate_limit or ("off" if self.loopback else RATE)
        return "" if given == "off" else given

    @property
    def listed_hosts(self) -> frozenset[str]:
        """`model_hosts`, apart."""
        return frozenset(
            filter(None, (each.strip() for each in self.model_hosts.lower().split(",")))
        )

    @property
    def store_url(self) -> str:
        """Where the database is: `database_url`, or SQLite in `home`."""
        return self.database_url or f"sqlite:///{self.home / 'judge.db'}"

    @property
    def prompts_folder(self) -> Path:
        """Where prompt templates of yours are looked for; it need not be there."""
        return self.prompts or self.home / "prompts"

    @property
    def embedded(self) -> bool:
        """Whether one process does everything, the queue living in its memory."""
        return self.broker_url.startswith("memory:")

    @property
    def sandbox_options(self) -> dict[str, Any]:
        """What `open_sandbox` takes besides its kind and the workers."""
        return {
            "image": self.sandbox_image,
            "recycle": self.sandbox_recycle,
            "waiting": self.sandbox_waiting,
            "channels": self.sandbox_channels,
        }

    def make_home(self) -> Path:
        """Create `home`, readable by its owner alone. Raises BadSetting where that fails."""
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise BadSetting(
                f"cannot create {self.home} ({reason}); set JUDGE_HOME to a folder of yours"
            ) from None
        return self.home


def read_settings() -> Settings:
    """The settings of this environment. Raises BadSetting naming the first bad variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper() or "AUTH"  # checked as a whole
        raise BadSetting(f"JUDGE_{name}: {first['msg']}") from None
