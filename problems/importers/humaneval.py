"""HumanEval: `task_id, prompt, entry_point, canonical_solution, test`; `test` defines `check`.

The prompt runs in the examiner before the check, because some checks (38, 50, 32) call helpers that
only the prompt defines; the solution's own version of them is out of the check's reach.
"""

from typing import Any

from problems.importers.base import field, parsed
from problems.importers.literal_checks import as_examples
from problems.names import imports_for, parse
from problems.problem import Examined, Limits, Problem, slug_of

DATE = "2021-07-07"


class HumanEval:
    """openai/human-eval's rows."""

    name = "humaneval"

    def recognises(self, row: dict[str, Any]) -> bool:
        """Rows of HumanEval and of files that embed them; not HumanEval+, which has inputs."""
        wanted = {"task_id", "prompt", "entry_point", "canonical_solution", "test"}
        return wanted <= row.keys() and "plus_input" not in row

    def problem(self, row: dict[str, Any], where: str) -> Problem:
        """An examined problem, named by its entry point."""
        task_id = field(row, "task_id", str, where)
        prompt = field(row, "prompt", str, where)
        name = field(row, "entry_point", str, where)
        check = field(row, "test", str, where)
        runnable = runnable_prompt(prompt)
        trees = [parsed(runnable, where, "prompt"), parsed(check, where, "test")]
        return Problem(
            slug=slug_of(task_id),
            title=name,
            statement=prompt,
            starter=prompt,
            entry=Examined(
                name=name,
                check=check,
                names=(name,),
                prompt=imports_for(trees) + runnable,
                calls_check=True,
            ),
            examples=as_examples(check, name, calls_check=True),
            limits=Limits(cpu_seconds=3.0),
            reference=prompt + field(row, "canonical_solution", str, where),
            date=DATE,
            original_id=task_id,
        )


def runnable_prompt(prompt: str) -> str:
    """The prompt as a module of its own: a body for a signature without a docstring."""
    try:
        parse(prompt)
    except SyntaxError:
        return prompt + "\n    pass\n"
    return prompt
