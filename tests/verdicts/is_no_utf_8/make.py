"""A source with bytes that are no UTF-8, as lone surrogates."""


def source() -> str:
    """What the case is judged by."""
    return (
        "note = '"
        + b"caf\xe9".decode("utf-8", "surrogateescape")
        + "'\ndef double(x): return 2 * x\n"
    )
