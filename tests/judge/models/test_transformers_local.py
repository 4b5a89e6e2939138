"""Weights through transformers, on a tiny model: batches, seeds, adapters, and what is not loaded."""

import gc
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import replace

import pytest

from judge.errors import ModelRefused, ModelUnavailable, UsageError
from judge.models import open_model, transformers_local
from judge.models.base import Message, ModelSpec, Prompt, Sampling
from judge.models.rows import Call, Row, chosen
from tests import services, small_models
from tests.conftest import ROOT, missing

pytestmark = pytest.mark.local
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=12)
WARM = Sampling(temperature=1.0, top_p=0.9, max_tokens=8, seed=3)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A tiny model, and a LoRA adapter for it."""
    try:
        small_models.need_transformers()
    except services.Missing as error:
        missing(str(error))
    place = tmp_path_factory.mktemp("tiny")
    base = small_models.tiny_llama(place / "base")
    return base, small_models.lora(base, place / "adapter")


@pytest.fixture
def opened(folders):
    """Open a backend of the tiny model; closed at the test's end."""
    with_exit = []

    def make(place=None, **fields):
        fields = {"style": "completion"} | fields
        spec = ModelSpec("tiny", "transformers_local", str(place or folders[0]), **fields)
        with_exit.append(open_model(spec))
        return with_exit[-1]

    yield make
    for backend in with_exit:
        backend.close()


@pytest.fixture
def copy(folders, tmp_path):
    """A copy of the base that a test may spoil."""
    return shutil.copytree(folders[0], tmp_path / "copy")


def asking(text="def add(a, b):", stop=()):
    return Prompt("add", (Message("user", text),), "completion@1", stop=stop)


def said(backend, text="def add(a, b):", sampling=GREEDY, n=1, **more):
    drawn = backend.complete(asking(text, **more), sampling, n)
    return [each.text for each in sorted(drawn, key=lambda each: each.index)]


def model_of(backend):
    return backend._engine._work._model


def at_once(calls):
    """What each call returned, all called at the same moment."""
    heard = [None] * len(calls)
    gate = threading.Barrier(len(calls))

    def run(number):
        gate.wait()
        heard[number] = calls[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return heard


def test_base_and_adapters_share_one_copy_of_the_weights(opened, folders, tmp_path):
    base = opened()
    before = said(base)
    weights = {name: each.data_ptr() for name, each in model_of(base).base.named_parameters()}
    values = {name: each.clone() for name, each in model_of(base).base.named_parameters()}
    tuned = opened(adapter=str(folders[1]))
    second = opened(adapter=str(small_models.lora(folders[0], tmp_path / "second", seed=2)))
    answers = [said(tuned), said(second), said(base), said(tuned)]
    assert tuned._engine is base._engine is second._engine
    assert before == answers[2]
    assert answers[0] == answers[3]
    assert len({before[0], answers[0][0], answers[1][0]}) == 3
    after = {
        name.replace(".base_layer", ""): each
        for name, each in model_of(base).base.named_parameters()
        if "lora_" not in name
    }
    assert {name: each.data_ptr() for name, each in after.items()} == weights
    assert all(bool((after[name] == values[name]).all()) for name in values)


def test_an_adapter_answers_as_its_merged_model_does(opened, folders, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folders[0])
    merged = PeftModel.from_pretrained(model, folders[1]).merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    AutoTokenizer.from_pretrained(folders[0]).save_pretrained(tmp_path / "merged")
    assert said(opened(adapter=str(folders[1]))) == said(opened(tmp_path / "merged"))


def test_many_askers_are_answered_in_few_batches_as_if_alone(opened, folders, monkeypatch):
    base, tuned = opened(), opened(adapter=str(folders[1]))
    texts = ["def " + "a" * (5 * number) + "(x):" for number in range(8)]
    asked = [
        (backend, text, replace(sampling, max_tokens=4 + number))
        for number, text in enumerate(texts)
        for backend in (base, tuned)
        for sampling in (GREEDY, WARM)
    ]
    alone = [said(*each) for each in asked]
    batches = []
    draw = type(model_of(base)).draw
    monkeypatch.setattr(
        type(model_of(base)),
        "draw",
        lambda self, rows: (batches.append(len(rows)), draw(self, rows)),
    )
    beside = at_once([lambda each=each: said(*each) for each in asked])
    assert beside == alone
    assert sum(batches) == len(asked) == 32
    assert len(batches) <= 8


def test_draws_of_one_prompt_read_it_once_and_answer_as_if_alone(opened, monkeypatch):
    backend = opened()
    texts = ("def add(a, b):", "def much_longer_than_that(first, second):")
    alone = [
        backend.complete(asking(text), WARM, 1, first=index)[0].text
        for text in texts
        for index in range(3)
    ]
    widths = []
    forward = model_of(backend).base.model.forward

    def seen(input_ids, *parts, **fields):
        widths.append(tuple(input_ids.shape))
        return forward(input_ids, *parts, **fields)

    monkeypatch.setattr(model_of(backend).base.model, "forward", seen)
    heard = at_once([lambda text=text: said(backend, text, WARM, 3) for text in texts])
    assert [*heard[0], *heard[1]] == alone
    assert len(set(alone)) == 6
    assert widths[0][0] == 2
    assert set(widths[1:]) == {(6, 1)}


def test_a_batch_without_seeds_draws_afresh(opened):
    free = replace(WARM, seed=None, temperature=2.0)
    assert len({*said(opened(), sampling=free, n=4), *said(opened(), sampling=free, n=4)}) == 8


def test_the_machines_time_is_shared_out(opened):
    backend = opened()
    backend.complete(asking(), GREEDY, 1)
    drawn = backend.complete(asking(), WARM, 6)
    took = max(each.seconds for each in drawn)
    assert sum(each.machine_seconds for each in drawn) == pytest.approx(took, rel=0.01)
    assert all(0 < each.first_token_seconds <= each.seconds for each in drawn)


def test_the_first_of_several_stop_strings_cuts(opened):
    backend = opened()
    [whole] = said(backend)
    early, late = whole[4:7], whole[9:12]
    assert said(backend, stop=(late, early)) == [whole[: whole.index(early)]]
    assert said(backend, stop=("no such text", "")) == [whole]


def test_an_answer_that_would_leave_the_context_is_cut_off(copy, opened):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 24}))
    backend = opened(copy)
    [answer] = backend.complete(asking(), replace(WARM, max_tokens=100, temperature=3.0), 1)
    assert answer.finish == "length"
    assert answer.usage.input_tokens + answer.usage.output_tokens == 24
    with pytest.raises(ModelRefused, match=r"model 'tiny'.*context 24"):
        said(backend, "x = " * 40)


def test_what_a_model_ships_as_its_own_sampling_changes_nothing(copy, opened):
    shipped = {"repetition_penalty": 9.0, "do_sample": True, "top_k": 1, "temperature": 9.0}
    lengths = {"max_length": 14, "min_length": 9, "no_repeat_ngram_size": 1}
    config = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(json.dumps(config | shipped | lengths))
    assert said(opened(copy)) == said(opened())
    assert said(opened(copy), sampling=WARM) == said(opened(), sampling=WARM)


def test_a_template_that_brings_its_bos_gets_no_second(copy, opened):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(copy)
    raw = json.loads((copy / "tokenizer.json").read_text())
    raw["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {
            "<|endoftext|>": {
                "id": "<|endoftext|>",
                "ids": [tokenizer.bos_token_id],
                "tokens": ["<|endoftext|>"],
            }
        },
    }
    (copy / "tokenizer.json").write_text(json.dumps(raw))
    (copy / "chat_template.jinja").write_text("{{ bos_token }}" + small_models.CHATML)
    backend = opened(copy)
    said(backend)
    bos = tokenizer.bos_token_id
    assert list(model_of(backend).encode(asking("x"), "chat")).count(bos) == 1
    assert list(model_of(backend).encode(asking("x"), "completion")).count(bos) == 1
    assert list(model_of(backend).encode(asking("<|endoftext|>x"), "completion")).count(bos) == 1


def test_a_space_between_prompt_and_answer_is_kept(folders):
    """Tokenizers of Llama 2's kind drop it when an answer is decoded by itself."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from judge.models.drawing import Model
    from judge.models.weights import Weights

    words = ["<unk>", "<s>", "</s>", "▁def", "▁add", "▁▁▁▁", "return", "▁a"]
    raw = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, "<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Metaspace()
    raw.decoder = decoders.Metaspace()
    model = Model(Weights(str(folders[0]), "", "float32"))
    model._tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="</s>")
    row = Row(Call(asking(), "completion", "", GREEDY), 0, ids=(3,), tokens=[4])
    assert model._decode([4]) == "add"
    assert model.text_of(row) == " add"


def test_without_a_chat_template_a_chat_is_refused(copy, opened):
    (copy / "chat_template.jinja").unlink()
    with pytest.raises(ModelRefused, match="style completion"):
        said(opened(copy, style="chat"))
    assert said(opened(copy)) == said(opened())


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "float16"])
def test_the_type_of_the_weights_is_as_asked(opened, kind):
    backend = opened(quantisation=kind)
    said(backend)
    assert str(model_of(backend).base.dtype) == f"torch.{kind}"


def test_weights_are_let_go_of_by_the_last_backend(opened):
    first, second = opened(), opened()
    said(first), said(second)
    held = weakref.ref(model_of(first).base)
    thread = next(each for each in threading.enumerate() if each.name == "drawing")
    first.close()
    assert said(second)
    second.close()
    thread.join(10)
    gc.collect()
    assert held() is None
    assert len(transformers_local._ENGINES) == 0


def test_a_fault_of_keep_calls_off_what_is_being_drawn(opened, monkeypatch):
    backend = opened()
    said(backend)
    free = Sampling(2.0, 1.0, 400, 1)
    first, *others = said(backend, sampling=free, n=6)
    stop = first[8:14]
    assert not any(stop in each for each in others)
    rows = []
    kind = type(model_of(backend))
    draw = kind.draw
    monkeypatch.setattr(kind, "draw", lambda self, batch: (rows.extend(batch), draw(self, batch)))

    def full(completion):
        raise ModelUnavailable("no room")

    with pytest.raises(ModelUnavailable, match="no room"):
        backend.complete(asking(stop=(stop,)), free, 6, keep=full)
    assert said(backend)
    assert all(row.done and len(row.tokens) < 200 for row in rows)


def test_too_little_memory_makes_smaller_batches_then_a_passing_fault(opened, monkeypatch):
    backend = opened()
    wanted = said(backend, sampling=WARM, n=7)
    kind = type(model_of(backend))
    draw, most, sizes = kind.draw, 2, []

    def scarce(self, rows):
        sizes.append(len(rows))
        if len(rows) > most:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        draw(self, rows)

    monkeypatch.setattr(kind, "draw", scarce)
    assert said(backend, sampling=WARM, n=7) == wanted
    tried = len(sizes)
    assert said(backend, sampling=WARM, n=7) == wanted
    assert max(sizes[tried:]) <= 3, "it forgot what fits"
    most = 0
    with pytest.raises(ModelUnavailable, match="not enough memory"):
        said(backend)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"id": "org/name"}, "give the commit as revision"),
        ({"id": "org/name", "revision": "main"}, "give the commit as revision"),
        ({"id": "../name"}, "neither an absolute path nor a hub's id"),
        ({"id": "/nowhere/model"}, "no such folder"),
        ({"revision": COMMIT}, "a folder has no revision"),
        ({"quantisation": "Q4_1"}, "no quantisation 'Q4_1'"),
        ({"quantisation": "4bit"}, "4bit needs a CUDA device"),
        ({"adapter": "/nowhere"}, "no adapter_model.safetensors"),
        ({"adapter": "there"}, "not an absolute path"),
    ],
)
def test_a_spec_that_cannot_be_loaded_is_refused_by_name(folders, fields, says):
    spec = ModelSpec("odd", "transformers_local", str(folders[0]))
    with pytest.raises(UsageError, match=f"model 'odd': .*{says}"):
        open_model(replace(spec, **fields))


def test_pickled_weights_are_refused(copy, folders):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(UsageError, match="could run code"):
        open_model(ModelSpec("odd", "transformers_local", str(copy)))
    with pytest.raises(UsageError, match="is an adapter; give its base as id"):
        open_model(ModelSpec("odd", "transformers_local", str(folders[1])))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"peft_type": "PROMPT_TUNING"}, "only plain LORA"),
        ({"megatron_config": {"a": 1}, "megatron_core": "antigravity"}, "only plain LORA"),
        ({"bias": "all"}, "biases change its base"),
        ({"init_lora_weights": "pissa"}, "rewrites its base"),
        ({"layer_replication": [[0, 2], [0, 2]]}, "repeats layers"),
        (None, "no readable adapter_config.json"),
    ],
)
def test_an_adapter_that_would_change_its_base_is_refused(folders, tmp_path, change, says):
    adapter = shutil.copytree(folders[1], tmp_path / "adapter")
    config = json.loads((adapter / "adapter_config.json").read_text())
    text = "[1]" if change is None else json.dumps(config | change)
    (adapter / "adapter_config.json").write_text(text)
    with pytest.raises(UsageError, match=says):
        open_model(ModelSpec("odd", "transformers_local", str(folders[0]), adapter=str(adapter)))


def test_code_beside_the_weights_is_not_run(copy, opened, tmp_path):
    (copy / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    config = json.loads((copy / "config.json").read_text())
    auto = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    (copy / "config.json").write_text(json.dumps(config | {"model_type": "evil", "auto_map": auto}))
    with pytest.raises(ModelRefused, match="model 'tiny'"):
        said(opened(copy))
    assert not (tmp_path / "ran").exists()


def test_weights_with_a_hole_are_refused_not_filled_at_random(copy, opened):
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    hole = next(name for name in weights if "q_proj" in name)
    del weights[hole]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelRefused, match=r"lacks weights: .*q_proj"):
        said(opened(copy))


def test_an_adapter_of_another_model_is_refused_and_leaves_the_base_alone(
    opened, folders, tmp_path
):
    from safetensors.torch import load_file, save_file

    base = opened()
    before = said(base)
    holed = shutil.copytree(folders[1], tmp_path / "holed")
    weights = load_file(holed / "adapter_model.safetensors")
    weights.pop(min(weights))
    save_file(weights, holed / "adapter_model.safetensors", {"format": "pt"})
    wide = shutil.copytree(folders[1], tmp_path / "wide")
    config = json.loads((wide / "adapter_config.json").read_text())
    (wide / "adapter_config.json").write_text(json.dumps(config | {"r": 5}))
    for odd in (holed, wide):
        for _ in range(2):
            with pytest.raises(ModelRefused, match="model 'tiny': "):
                said(opened(adapter=str(odd)))
        assert said(base) == before
    assert said(opened(adapter=str(folders[1]))) != before


def in_a_process(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
        timeout=120,
    )


ASK = (
    "from judge.models import open_model\n"
    "from judge.models.base import *\n"
    "b = open_model(ModelSpec('s', 'transformers_local', {id!r}, style='completion', {more}))\n"
    "p = Prompt('x', (Message('user', 'def add(a, b):'),), 't')\n"
    "said = b.complete(p, Sampling(0.0, 1.0, 12), 1)[0].text\n"
)


def test_a_pinned_hub_model_is_read_from_the_cache_offline(folders, opened, tmp_path):
    cached = tmp_path / "hub/models--org--tiny/snapshots" / COMMIT
    shutil.copytree(folders[0], cached)
    offline = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    code = ASK + "print(repr(said))"
    done = in_a_process(code.format(id="org/tiny", more=f"revision={COMMIT!r}"), **offline)
    assert (done.stdout.strip(), done.stderr) == (repr(said(opened())[0]), "")
    lost = in_a_process(code.format(id="org/lost", more=f"revision={COMMIT!r}"), **offline)
    assert "ModelRefused: model 's': " in lost.stderr
    assert "HF_HUB_OFFLINE" in lost.stderr


def test_nothing_heavy_is_imported_before_the_first_question(folders):
    heavy = ("torch", "transformers", "peft", "huggingface_hub")
    look = f"import sys; print([name for name in {heavy} if name in sys.modules])"
    code = [*ASK.splitlines()[:3], look]
    done = in_a_process("\n".join(code).format(id=str(folders[0]), more=""))
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_forked_child_has_weights_of_its_own_and_an_open_backend_ends_with_it(folders, opened):
    code = ASK + (
        "import os\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os._exit(0 if b.complete(p, Sampling(0.0, 1.0, 12), 1)[0].text == said else 1)\n"
        "print(os.waitpid(child, 0)[1])\n"
    )
    done = in_a_process(code.format(id=str(folders[0]), more=""))
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_process_may_end_in_the_middle_of_a_batch(folders):
    code = ASK + (
        "import threading, time\n"
        "long = lambda: b.complete(p, Sampling(2.0, 1.0, 400, 1), 24)\n"
        "threading.Thread(target=long, daemon=True).start()\n"
        "time.sleep(0.2)\n"
    )
    done = in_a_process(code.format(id=str(folders[0]), more=""))
    assert (done.returncode, done.stderr) == (0, "")


def drawn(scores, sampling, count):
    """How often each of the scored tokens is drawn."""
    import torch

    from judge.models.noise import Noise

    rows = [Row(Call(asking(), "chat", "", sampling), index) for index in range(count)]
    noisy = Noise(rows, "cpu")(None, torch.tensor([scores]).repeat(count, 1))
    return torch.bincount(noisy.argmax(-1), minlength=len(scores)).tolist()


def test_noise_draws_what_the_temperature_says(folders):
    import torch

    scores, count = [2.0, 1.0, 0.0, -1.0], 4000
    for heat in (0.5, 1.0, 2.0):
        wanted = (torch.tensor(scores) / heat).softmax(-1).tolist()
        found = drawn(scores, Sampling(heat, 1.0, 8, seed=1), count)
        for share, times in zip(wanted, found, strict=True):
            spread = (share * (1 - share) / count) ** 0.5
            assert abs(times / count - share) < 5 * spread
    assert drawn(scores, Sampling(0.0, 1.0, 8), 5) == [5, 0, 0, 0]


def test_top_p_keeps_the_fewest_tokens_that_hold_it(folders):
    scores = [0.0, 3.0, 2.0, 1.0]  # shares of 3, 64, 24 and 9 in a hundred
    for mass, kept in (
        (0.0, {1}),
        (0.5, {1}),
        (0.8, {1, 2}),
        (0.9, {1, 2, 3}),
        (1.0, {0, 1, 2, 3}),
    ):
        found = drawn(scores, Sampling(1.0, mass, 8, seed=1), 2000)
        assert {token for token, times in enumerate(found) if times} == kept


def waiting(*lengths, adapter="", answer=10):
    call = Call(asking(), "chat", adapter, Sampling(max_tokens=answer))
    return [Row(call, index, ids=(0,) * length) for index, length in enumerate(lengths)]


def test_a_batch_holds_the_oldest_and_its_neighbours_in_length():
    rows = waiting(50, 10, 55, 500, 45, 12)
    assert [len(row.ids) for row in chosen(rows, tokens=200)] == [45, 50, 55]
    assert [len(row.ids) for row in chosen(rows, tokens=200, rows=2)] == [50, 55]
    assert [len(row.ids) for row in chosen(waiting(900, 1), tokens=200)] == [900]
    mixed = [*waiting(5, adapter="a"), *waiting(5), *waiting(6, adapter="a")]
    assert [row.call.adapter for row in chosen(mixed)] == ["a", "a"]
    assert len(chosen(waiting(*[5] * 100))) == 32


def test_an_asker_does_not_wait_for_a_batch_to_end_when_its_own_rows_have(opened):
    backend = opened()
    times = []
    short, long = replace(WARM, max_tokens=1), replace(WARM, max_tokens=200, temperature=3.0)
    begun = time.monotonic()
    at_once(
        [
            lambda sampling=sampling: (
                said(backend, sampling=sampling),
                times.append((sampling.max_tokens, time.monotonic() - begun)),
            )
            for sampling in (long, short)
        ]
    )
    assert [most for most, _ in times] == [1, 200]
