"""A compile bomb: a chain of attributes a million deep."""


def source() -> str:
    """What the case is judged by."""
    return "x = a" + ".a" * 1_000_000 + "\n"
