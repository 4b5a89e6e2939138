"""A compile bomb: a sum of a million terms is a tree a million deep."""


def source() -> str:
    """What the case is judged by."""
    return "x = " + "1 + " * 1_000_000 + "1\n"
