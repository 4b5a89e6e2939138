"""Answers made elsewhere: sample files of the field's harnesses, and folders of Python files.

Told by their fields: `completion` continues the prompt (human-eval, EvalPlus), `solution` stands
alone (EvalPlus, LDB), `responses` or `response` are raw chat replies (MapCoder) that still need
extraction. A folder holds `HumanEval_0/0.py` (EvalPlus) or `<task>.py`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from problems.errors import ImportFailed
from problems.files import read_rows

MAX_SOURCE = 1024 * 1024


class Form(StrEnum):
    """What the text of an answer is."""

    COMPLETION = "completion"
    SOLUTION = "solution"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: the task it is for (an original id or a slug), its text, and its row."""

    task: str
    form: Form
    text: str
    where: str
    row: dict[str, Any] = field(default_factory=dict, compare=False)


_FIELDS = {
    "completion": Form.COMPLETION,
    "solution": Form.SOLUTION,
    "responses": Form.REPLY,
    "response": Form.REPLY,
    "source_codes": Form.SOLUTION,
}
_TASKS = ("task_id", "slug", "name")


def read_answers(path: Path, column: str = "") -> list[Answer]:
    """Every answer of a sample file or folder, in order. `column` picks another field than the
    first known one, whose texts then stand alone unless it is a known field itself.

    Raises ImportFailed naming file, line and field; nothing is skipped in silence.
    """
    if path.is_dir():
        return _read_folder(path)
    answers = []
    for number, row in read_rows(path):
        where = f"{path}:{number}"
        name = column or next((known for known in _FIELDS if known in row), "")
        if name not in row:
            wanted = repr(column) if column else " or ".join(map(repr, _FIELDS))
            raise ImportFailed(f"{where}: no answer here: field {wanted} is missing")
        task = next((row[key] for key in _TASKS if key in row), None)
        if not isinstance(task, str | int):
            raise ImportFailed(f"{where}: no task here: field 'task_id' is missing")
        texts = row[name] if isinstance(row[name], list) else [row[name]]
        if not all(isinstance(text, str) for text in texts):
            raise ImportFailed(f"{where}: field {name!r}: text or a list of texts wanted")
        form = _FIELDS.get(name, Form.SOLUTION)
        answers += [Answer(str(task), form, text, where, row) for text in texts]
    if not answers:
        raise ImportFailed(f"{path}: there are no answers in the file")
    return answers


def _read_folder(folder: Path) -> list[Answer]:
    answers = []
    for file in sorted(folder.rglob("*.py")):
        inside = file.relative_to(folder)
        name = inside.parts[0] if len(inside.parts) > 1 else inside.stem
        if file.stat().st_size > MAX_SOURCE:
            raise ImportFailed(f"{file}: over {MAX_SOURCE >> 10} KiB; that is no solution")
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError:
            raise ImportFailed(f"{file}: not UTF-8") from None
        except OSError as error:
            raise ImportFailed(f"{file}: {error.strerror}") from None
        answers.append(
            Answer(_task_of(name), Form.SOLUTION, text, str(file), {"file": str(inside)})
        )
    if not answers:
        raise ImportFailed(f"{folder}: there are no .py files in the folder")
    return answers


def _task_of(name: str) -> str:
    """EvalPlus writes `HumanEval/0` as `HumanEval_0` where a slash cannot stand."""
    head, _, number = name.rpartition("_")
    return f"{head}/{number}" if head and number.isdecimal() else name
