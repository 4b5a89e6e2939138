"""Every folder here is a solution and the verdict it must get: `expect.toml` and `solution.py`.

What a case is, and what is looked at after each, is told in judge/verdicts/corpus.py; the problems
they answer are in judge/verdicts/posed.py. A bug report becomes a folder.
"""

import pytest

from judge.errors import SandboxUnavailable
from judge.sandbox import NAMES, open_sandbox
from judge.verdicts.corpus import find_corpus, read_corpus, run_case, warm
from tests.conftest import missing

CASES = read_corpus(find_corpus())


@pytest.fixture(scope="session", params=NAMES)
def attacked(request):
    """A sandbox with one box, so that whoever comes next meets what the last one left."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OPENAI_API_KEY", "a-key-of-the-host")
        try:
            image = request.getfixturevalue("docker_image") if request.param == "docker" else ""
            opened = open_sandbox(request.param, 1, image=image)
        except SandboxUnavailable as error:
            missing(f"no sandbox on this host: {error}")
            raise
        warm(opened)
        yield opened
        opened.close()


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("case", "kind"),
    [pytest.param(case, kind, id=f"{case.name}-{kind}") for case in CASES for kind in case.kinds],
)
def test_the_verdict_is_the_expected_one(case, kind, attacked):
    finding = run_case(case, kind, attacked)
    assert finding.held, f"wanted {finding.wanted}, got {finding.got}: {finding.why_not}"
