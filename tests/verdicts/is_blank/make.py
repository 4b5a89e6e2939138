"""A source of blanks and line ends."""


def source() -> str:
    """What the case is judged by."""
    return " \t\n\r\n\f\n"
