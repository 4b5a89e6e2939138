"""What can be wrong with a problem set; each message names file, line and field.

ProblemError
├── MalformedProblem   a row that is not a problem
├── ImportFailed       a file that cannot be read as what it claims to be
└── UnknownProblem     a slug or id that the set does not have
"""


class ProblemError(ValueError):
    """A fault in problem data; the text is meant for the person who brought the data."""


class MalformedProblem(ProblemError):
    """A row or field breaks the form of a problem."""


class ImportFailed(ProblemError):
    """A file could not be read, or is not in any format judge knows."""


class UnknownProblem(ProblemError):
    """A name that the problem set does not hold."""
