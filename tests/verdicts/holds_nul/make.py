"""A source with a NUL in its middle."""


def source() -> str:
    """What the case is judged by."""
    return "note = 'a\0b'\ndef double(x): return 2 * x\n"
