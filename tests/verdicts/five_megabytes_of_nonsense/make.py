"""Five megabytes that are no Python."""


def source() -> str:
    """What the case is judged by."""
    return "this is no python at all\n" * 200_000
