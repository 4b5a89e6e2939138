"""A compile bomb: more nested blocks than Python allows."""


def source() -> str:
    """What the case is judged by."""
    return "".join(" " * depth + "if 1:\n" for depth in range(5_000)) + " " * 5_000 + "pass\n"
