"""One batch through transformers: weights in memory, prompts to tokens, tokens drawn row by row.

Theory of operation. The rows of a batch are padded on the left to one width; draws of one prompt
read it once. How a token is drawn is noise.py's. What a model ships as its own sampling (penalties,
top_k, a length) is dropped, and so it is asked as every other is.

An adapter's matrices are laid beside the base's own (PEFT), which stay where and as they are; a
question to the base goes around them. Only the engine's thread (batching.py) comes here.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.cache_utils import DynamicLayer

from judge.errors import ModelRefused
from judge.models.base import Prompt, Style
from judge.models.noise import Noise
from judge.models.rows import Row
from judge.models.weights import Weights, check_folder

TAIL = 8  # tokens of the prompt that are decoded with an answer, for the space between the two
FILES = ("*.json", "*.safetensors", "*.jinja", "*.txt", "tokenizer.model", "*.tiktoken")


class Model:
    """One set of base weights in memory, with its tokenizer and the adapters laid over it."""

    def __init__(self, weights: Weights) -> None:
        """Load the weights. Raises ModelRefused, and whatever the libraries do."""
        transformers.logging.disable_progress_bar()
        transformers.logging.set_verbosity_error()
        folder = _folder_of(weights)
        settings: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **settings)
        self.base, report = transformers.AutoModelForCausalLM.from_pretrained(
            folder,
            use_safetensors=True,
            output_loading_info=True,
            **settings,
            **_precision(weights.quantisation),
        )
        lacking = sorted(map(str, {*report["missing_keys"], *report["mismatched_keys"]}))
        if lacking:
            raise ModelRefused(f"{folder} lacks weights: {', '.join(lacking[:3])}")
        if weights.quantisation != "4bit":
            self.base.to("cuda" if torch.cuda.is_available() else "cpu")
        self.base.eval()
        self._ends = _ends(self.base.generation_config.eos_token_id, self._tokenizer.eos_token_id)
        self._pad = next(
            (each for each in (self._tokenizer.pad_token_id, *self._ends) if each is not None), 0
        )
        self._peft: Any = None
        self._adapters: dict[str, str] = {}
        self._worn = ""
        context = getattr(self.base.config.get_text_config(), "max_position_embeddings", None)
        self.context = context or 1 << 20

    def encode(self, prompt: Prompt, style: Style) -> Sequence[int]:
        """The prompt's tokens. Raises ModelRefused without a chat template or room to answer."""
        turns = [
            {"role": turn.role, "content": turn.content.encode("utf-8", "replace").decode()}
            for turn in prompt.messages
        ]
        if style == "chat":
            if not self._tokenizer.chat_template:
                raise ModelRefused("it has no chat template; add it with style completion")
            text = self._tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, tokenize=False
            )
            ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]  # the template's own
        else:
            ids = self._tokenizer("".join(turn["content"] for turn in turns))["input_ids"]
            if ids[:2] == [self._tokenizer.bos_token_id] * 2:
                ids = ids[1:]  # the text brought one
        if not ids:
            raise ModelRefused("the prompt has no token")
        if len(ids) >= self.context:
            raise ModelRefused(
                f"the prompt has {len(ids)} tokens and the context {self.context}; "
                "there is no room for an answer"
            )
        return tuple(ids)

    def wear(self, adapter: str) -> None:
        """Draw under this adapter from now on, or under none. Raises ModelRefused for one that does
        not fit, and what PEFT does; the base is then spoilt and must be loaded anew."""
        if adapter and adapter not in self._adapters:
            self._adapters[adapter] = self._laid_over(adapter)
        self._worn = adapter

    def draw(self, rows: Sequence[Row]) -> None:
        """Draw these in one batch; each is handed over as it ends."""
        for row in rows:
            row.begin()
        width = max(len(row.ids) for row in rows)
        padded = [[self._pad] * (width - len(row.ids)) + list(row.ids) for row in rows]
        masks = [[0] * (width - len(row.ids)) + [1] * len(row.ids) for row in rows]
        limits = [min(row.call.sampling.max_tokens, self.context - len(row.ids)) for row in rows]
        device = self.base.device
        ids, mask = torch.tensor(padded, device=device), torch.tensor(masks, device=device)
        neutral = transformers.GenerationConfig(
            do_sample=False,
            max_new_tokens=max(limits),
            eos_token_id=list(self._ends) or None,
            pad_token_id=self._pad,
            bos_token_id=self._tokenizer.bos_token_id,
        )
        self.base.generation_config = neutral  # or what the model ships is mixed in
        with torch.inference_mode(), self._dressed():
            self.base.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=neutral,
                logits_processor=[Noise(rows, device)],
                stopping_criteria=[_Watch(self, rows, limits)],
                **self._read_once(rows, ids, mask),
            )

    def _read_once(self, rows: Sequence[Row], ids: Any, mask: Any) -> dict[str, Any]:
        """What the model remembers of the prompts but their last tokens, as generate() takes it,
        where several rows have the same: it is read once and copied. Nothing where there is nothing
        to share, or where a model keeps more than keys and values."""
        where: dict[Sequence[int], int] = {}
        for number, row in enumerate(rows):
            where.setdefault(row.ids, number)
        known = signature(self.base.forward).parameters
        memory = transformers.DynamicCache(config=self.base.config)
        plain = "cache" in known and all(isinstance(each, DynamicLayer) for each in memory.layers)
        if len(where) == len(rows) or ids.shape[1] < 2 or not plain:
            return {}
        once = list(where.values())
        masks = mask[once, :-1]
        fields = {"attention_mask": masks, "position_ids": (masks.cumsum(-1) - 1).clamp(min=0)}
        fields |= {"logits_to_keep": 1, "use_cache": True, "cache": memory}
        self.base(ids[once, :-1], **{name: each for name, each in fields.items() if name in known})
        order = {number: at for at, number in enumerate(once)}
        copies = [order[where[row.ids]] for row in rows]
        memory.batch_select_indices(torch.tensor(copies, device=ids.device))
        return {"cache": memory}

    def text_of(self, row: Row, last: int | None = None) -> str:
        """The text of a row's tokens, or of its `last`, with the space that only shows beside what
        stands before."""
        tokens = [token for token in row.tokens if token not in self._ends]
        cut = max(len(tokens) - last, 0) if last else 0
        before = [*row.ids[-TAIL:], *tokens[:cut]][-TAIL:]
        head, whole = self._decode(before), self._decode([*before, *tokens[cut:]])
        return whole[len(head) :]

    def ends(self, token: int) -> bool:
        """Whether the model says with this token that it is done."""
        return token in self._ends

    def _decode(self, tokens: Sequence[int]) -> str:
        return str(
            self._tokenizer.decode(
                tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    @contextmanager
    def _dressed(self) -> Iterator[None]:
        if self._worn:
            self._peft.set_adapter(self._adapters[self._worn])
            yield
        elif self._peft is not None:
            with self._peft.disable_adapter():
                yield
        else:
            yield

    def _laid_over(self, adapter: str) -> str:
        """The name under which PEFT has the adapter."""
        import peft  # noqa: PLC0415 - takes seconds, and most models have no adapter
        from safetensors.torch import load_file  # noqa: PLC0415 - needed here alone

        name = f"adapter{len(self._adapters)}"
        config = peft.PeftConfig.from_pretrained(adapter)
        config.inference_mode, config.init_lora_weights = True, True  # nothing is made of the base
        if self._peft is None:
            self._peft = peft.PeftModel(self.base, config, adapter_name=name)
        else:
            self._peft.add_adapter(name, config)
        there = load_file(Path(adapter) / "adapter_model.safetensors")
        wanted = peft.get_peft_model_state_dict(self._peft, adapter_name=name)
        for key in sorted({*there, *wanted}):
            if key not in there or key not in wanted or there[key].shape != wanted[key].shape:
                raise ModelRefused(f"adapter {adapter}: not of this model, by {key}")
        peft.set_peft_model_state_dict(self._peft, there, adapter_name=name)
        self._peft.eval()
        return name


class _Watch:
    """A stopping criterion that follows the rows: what each drew, its time, and when it is done."""

    def __init__(self, model: Model, rows: Sequence[Row], limits: Sequence[int]) -> None:
        self._model, self._rows, self._limits = model, rows, limits
        self._begun = self._last = time.monotonic()

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """Which rows are done, as booleans of shape (rows,)."""
        del scores
        now = time.monotonic()
        running = [number for number, row in enumerate(self._rows) if not row.done]
        share, self._last = (now - self._last) / max(len(running), 1), now
        drawn = input_ids[:, -1].tolist()
        for number in running:
            row = self._rows[number]
            row.seconds, row.share = now - self._begun, row.share + share
            row.first = row.seconds if row.first is None else row.first
            row.tokens.append(drawn[number])
            self._look(row, self._limits[number])
        return torch.tensor([row.done for row in self._rows], device=input_ids.device)

    def _look(self, row: Row, limit: int) -> None:
        stop = row.call.prompt.stop
        if row.call.unwanted or self._model.ends(row.tokens[-1]):
            row.end(self._model.text_of(row), "stop")
        elif stop and _first(self._model.text_of(row, _reach(stop)), stop) >= 0:
            text = self._model.text_of(row)
            cut = _first(text, stop)
            if cut >= 0:
                row.end(text[:cut], "stop")
        if not row.done and len(row.tokens) >= limit:
            row.end(self._model.text_of(row), "length")


def _reach(stop: tuple[str, ...]) -> int:
    """Tokens that a stop string and a token on either side may take: one a byte."""
    return max(len(each.encode("utf-8", "replace")) for each in stop) + 2


def _first(text: str, stop: tuple[str, ...]) -> int:
    """Where the first of these strings begins, -1 without any."""
    return min((at for each in stop if each and (at := text.find(each)) >= 0), default=-1)


def _ends(*shipped: int | list[int] | None) -> frozenset[int]:
    """Every token that ends an answer: a model's and its tokenizer's need not be the same."""
    found: set[int] = set()
    for each in shipped:
        found |= {each} if isinstance(each, int) else set(each or ())
    return frozenset(found)


def _folder_of(weights: Weights) -> str:
    """Where the weights lie; a hub's are fetched first, and only what is never run."""
    if not weights.commit:
        return weights.place
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - a folder needs no hub

    folder = snapshot_download(weights.place, revision=weights.commit, allow_patterns=list(FILES))
    check_folder(Path(folder))
    return str(folder)


def _precision(quantisation: str) -> dict[str, Any]:
    if quantisation == "4bit":
        if not torch.cuda.is_available():
            raise ModelRefused("4bit needs a CUDA device, and there is none")
        settings = transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
        return {"quantization_config": settings, "dtype": torch.bfloat16, "device_map": {"": 0}}
    natural = "bfloat16" if torch.cuda.is_available() else "float32"
    return {"dtype": getattr(torch, quantisation or natural)}
