"""Our own failures. A fault of a *solution* is a Verdict and never an exception.

JudgeError                 anything below; the text is one clear line with the remedy
├── UsageError             what the caller gave cannot be used            (exit 2, HTTP 4xx)
│   ├── UnknownName        no such model, set, batch, sample
│   └── Conflict           the thing exists already with another content
├── SandboxError           the sandbox failed, not the solution           (SE, retried)
│   ├── SandboxUnavailable this host cannot give the promised isolation   (refused by name)
│   └── SandboxBusy        more callers wait than may; try again later
├── DatabaseAway           the database cannot be reached just now         (tried again)
└── ModelError             a backend gave no completion
    ├── ModelUnavailable   worth trying again: 5xx, timeout
    │   └── RateLimited    worth trying again, at a time that is known
    └── ModelRefused       never worth trying again: bad key, bad request
"""

from datetime import datetime


class JudgeError(Exception):
    """Anything that is our fault or the caller's, in one line that names the remedy."""


class UsageError(JudgeError):
    """What the caller gave cannot be used."""


class UnknownName(UsageError):
    """Nothing of that name is known here."""


class Conflict(UsageError):
    """A thing of that name exists with another content."""


class SandboxError(JudgeError):
    """The sandbox failed; the solution is not to blame."""


class SandboxUnavailable(SandboxError):
    """The host cannot give the isolation that was promised."""


class SandboxBusy(SandboxError):
    """More callers wait for a slot than may."""


class DatabaseAway(JudgeError):
    """The database cannot be reached just now."""


class ModelError(JudgeError):
    """A model gave no completion."""


class ModelUnavailable(ModelError):
    """A passing fault: rate limit, server error, time-out."""


class RateLimited(ModelUnavailable):
    """The endpoint wants to be left alone until `until`, aware UTC."""

    def __init__(self, text: str, until: datetime) -> None:
        super().__init__(text)
        self.until = until


class ModelRefused(ModelError):
    """A lasting fault: bad key, unknown model, bad request."""
