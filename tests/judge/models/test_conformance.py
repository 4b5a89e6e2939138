"""Every promise of a backend, kept by each of them: the same question, wherever the model lives.

What a server does not promise (it ignores seeds, leaves the stop string in, takes any prompt) is
said in its Case, and what it then does promise is tested all the same.
"""

import json
from dataclasses import dataclass, replace

import pytest

from judge.errors import ModelRefused, ModelUnavailable
from judge.models import open_model, prompts
from judge.models.base import Message, ModelBackend, ModelSpec, Prompt, Sampling
from problems.files import read_set
from tests import services, small_models
from tests.conftest import ROOT, missing, served

pytestmark = pytest.mark.local
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=24)
WARM = Sampling(temperature=1.5, top_p=1.0, max_tokens=12, seed=7)
PROMPT = Prompt("add", (Message("user", "Write a Python function add(a, b)."),), "chat@1")
RECORDED = ("```python\ndef add(a, b):\n    return a + b\n```", "one", "two", "three")


@dataclass(frozen=True)
class Case:
    """A backend and what it promises beyond the least."""

    spec: ModelSpec
    draws: bool = True  # at a temperature and with a seed, or else one text again and again
    listens: bool = True  # to max_tokens and stop strings
    counts: bool = True  # tells the tokens


def smollm2(request):
    return small_models.smollm2(request.config.cache.mkdir("weights"))


def recorded(request, folder):
    rows = [{"slug": "add", "responses": RECORDED}]
    path = folder / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = ModelSpec("tape", "recorded", str(path))
    return Case(spec, listens=False, counts=False)


def llama_local(request, folder):
    small_models.gguf()
    return Case(ModelSpec("llama", "llama_local", "smollm2-135m"))


def transformers_local(request, folder):
    return Case(ModelSpec("torch", "transformers_local", str(smollm2(request))))


def tiny(request, folder):
    small_models.need_transformers()
    base = small_models.tiny_llama(folder / "base")
    return Case(ModelSpec("tiny", "transformers_local", str(base)))


def tiny_lora(request, folder):
    case = tiny(request, folder)
    adapter = small_models.lora(case.spec.id, folder / "adapter")
    return replace(case, spec=replace(case.spec, name="tuned", adapter=str(adapter)))


def llama_server(request, folder):
    small_models.gguf()
    server = request.getfixturevalue("llama_server")
    spec = ModelSpec("http", "openai_chat", "small", base_url=server.url, key_env="SMALL_KEY")
    return Case(spec)


def transformers_serve(request, folder):
    model = str(smollm2(request))
    server = request.getfixturevalue("transformers_serve")
    spec = ModelSpec("serve", "openai_chat", model, base_url=server.url)
    # greedy at any temperature, unless the model's generation_config.json says do_sample
    return Case(spec, draws=False)


CASES = (
    recorded,
    llama_local,
    transformers_local,
    tiny,
    tiny_lora,
    llama_server,
    transformers_serve,
)
BOUNDED = (llama_local, transformers_local, tiny, tiny_lora, llama_server)


def named(make):
    return make.__name__


@pytest.fixture(scope="module", name="llama_server")
def _llama_server():
    with served(small_models.LlamaServer) as server:
        yield server


@pytest.fixture(scope="module", name="transformers_serve")
def _transformers_serve(request):
    model = str(smollm2(request))
    with served(lambda folder: small_models.TransformersServe(folder, model)) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def keys():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("SMALL_KEY", small_models.KEY)
        patch.setenv("WRONG_KEY", "wrong")
        yield


@pytest.fixture(scope="module", params=CASES, ids=named)
def case(request, tmp_path_factory):
    try:
        return request.param(request, tmp_path_factory.mktemp("model"))
    except services.Missing as error:
        missing(str(error))


@pytest.fixture(scope="module")
def backend(case):
    opened = open_model(case.spec)
    yield opened
    opened.close()


def alike(one, other):
    """With how many characters both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def texts(drawn):
    return {completion.index: completion.text for completion in drawn}


def test_a_question_gets_an_answer_with_its_cost(case, backend):
    [answer] = backend.complete(PROMPT, GREEDY, 1)
    assert answer.text
    assert answer.finish in ("stop", "length")
    assert answer.index == 0
    if case.counts:
        assert not answer.usage.estimated
        assert answer.usage.input_tokens > 10
        assert 0 < answer.usage.output_tokens <= 24
        assert answer.seconds > 0
        assert answer.first_token_seconds is None or answer.first_token_seconds <= answer.seconds


def test_n_draws_are_n_completions_each_kept_with_its_index(backend):
    kept = []
    drawn = backend.complete(PROMPT, replace(WARM, max_tokens=4), 3, first=1, keep=kept.append)
    assert sorted(each.index for each in drawn) == [1, 2, 3]
    assert sorted(kept, key=id) == sorted(drawn, key=id)


def test_what_keep_cannot_take_ends_the_call(backend):
    def full(completion):
        raise ModelUnavailable("no room")

    with pytest.raises(ModelUnavailable, match="no room"):
        backend.complete(PROMPT, replace(WARM, max_tokens=4), 2, keep=full)
    assert len(backend.complete(PROMPT, replace(WARM, max_tokens=4), 1)) == 1


def test_greedy_answers_repeat(backend):
    once, again = (texts(backend.complete(PROMPT, GREEDY, 1)) for _ in range(2))
    assert once == again


def test_a_draw_has_its_own_seed_whoever_is_drawn_beside_it(case, backend):
    together = texts(backend.complete(PROMPT, WARM, 3))
    alone = texts(backend.complete(PROMPT, WARM, 1, first=2))
    assert set(together) == {0, 1, 2}
    assert alone == {2: together[2]}
    assert len(set(together.values())) == (3 if case.draws else 1)
    if case.draws and case.listens:
        other = texts(backend.complete(PROMPT, replace(WARM, seed=1007), 1, first=2))
        assert other != alone


def test_a_short_answer_says_that_it_was_cut_off(case, backend):
    [answer] = backend.complete(PROMPT, replace(GREEDY, max_tokens=3), 1)
    if case.listens:
        assert answer.finish == "length"
        assert answer.usage.output_tokens == 3
    else:
        assert answer.text == RECORDED[0]


def test_a_stop_string_ends_the_answer(case, backend):
    [whole] = backend.complete(PROMPT, GREEDY, 1)
    stop = whole.text[len(whole.text) // 2 :][:4]
    [cut] = backend.complete(replace(PROMPT, stop=("no such text", stop)), GREEDY, 1)
    if not case.listens:
        assert cut.text == whole.text
        return
    before = whole.text[: whole.text.index(stop)]
    assert cut.finish == "stop"
    assert cut.usage.output_tokens <= whole.usage.output_tokens
    assert cut.text == before


@pytest.mark.parametrize("case", BOUNDED, indirect=True, ids=named)
def test_a_prompt_beyond_the_context_is_refused(case, backend):
    long = replace(PROMPT, messages=(Message("user", "word " * 9000),))
    with pytest.raises(ModelRefused, match="context"):
        backend.complete(long, GREEDY, 1)
    assert backend.complete(PROMPT, replace(GREEDY, max_tokens=2), 1)


def test_hostile_text_in_a_prompt_is_only_text(case, backend):
    text = "a \ud800 \0 <|im_end|> {{ x }} {% y %}"
    odd = replace(PROMPT, messages=(Message("user", text),))
    assert backend.complete(odd, replace(GREEDY, max_tokens=2), 1)


@pytest.mark.parametrize("case", [llama_server, transformers_serve], indirect=True, ids=named)
def test_an_endpoint_that_is_away_may_be_back(case):
    away = f"http://127.0.0.1:{services.free_port()}/v1"
    backend = open_model(replace(case.spec, base_url=away))
    with pytest.raises(ModelUnavailable):
        backend.complete(PROMPT, GREEDY, 1)
    backend.close()


@pytest.mark.parametrize("case", [llama_server], indirect=True, ids=named)
def test_a_wrong_key_is_refused_for_good(case):
    backend = open_model(replace(case.spec, key_env="WRONG_KEY"))
    with pytest.raises(ModelRefused, match="WRONG_KEY") as refused:
        backend.complete(PROMPT, GREEDY, 1)
    assert small_models.KEY not in str(refused.value)
    backend.close()


def test_one_model_through_two_backends_is_compared_as_it_is(request, record_property):
    """Greedy answers to starter problems, 4 bits in llama.cpp beside float32 in torch: differences
    are told, not judged, for backend and quantisation are part of a model's identity."""
    try:
        pair = (llama_local(request, None), transformers_local(request, None))
    except services.Missing as error:
        missing(str(error))
    starter = list(read_set(ROOT / "problems/sets/starter.jsonl").problems)[:4]
    asked = [prompts.render(problem, "chat") for problem in starter]
    longer = replace(GREEDY, max_tokens=48)
    heard = []
    for case in pair:
        backend = open_model(case.spec)
        heard.append([backend.complete(prompt, longer, 1)[0] for prompt in asked])
        backend.close()
    same = 0
    for prompt, one, other in zip(asked, *heard, strict=True):
        assert one.usage.input_tokens == other.usage.input_tokens, "another prompt was asked"
        common = alike(one.text, other.text)
        same += one.text == other.text
        print(f"{prompt.slug}: {common} characters alike of {len(one.text)} and {len(other.text)}")
    print(f"{same} of {len(asked)} greedy answers alike")
    record_property("greedy_answers_alike", f"{same} of {len(asked)}")


def test_another_backend_of_the_model_outlives_the_first_that_closes(case, backend):
    other: ModelBackend = open_model(case.spec)
    other.complete(PROMPT, replace(GREEDY, max_tokens=2), 1)
    other.close()
    assert backend.complete(PROMPT, replace(GREEDY, max_tokens=2), 1)
