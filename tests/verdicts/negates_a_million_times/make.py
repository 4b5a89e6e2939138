"""A compile bomb: the parser recurses once for every sign."""


def source() -> str:
    """What the case is judged by."""
    return "x = " + "-" * 1_000_000 + "1\n"
