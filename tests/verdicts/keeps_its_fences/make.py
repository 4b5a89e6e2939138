"""Two code blocks with the fences around them: taking them out is the extraction's part."""


def source() -> str:
    """What the case is judged by."""
    block = "```python\ndef double(x):\n    return 2 * x\n```\n"
    return f"First:\n{block}Better:\n{block}"
