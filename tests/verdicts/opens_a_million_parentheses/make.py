"""A compile bomb: parentheses that never close."""


def source() -> str:
    """What the case is judged by."""
    return "(" * 1_000_000
