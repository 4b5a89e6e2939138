"""The nouns of models: what is said (Prompt, Sampling), what is heard (Completion, Usage)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Style = Literal["chat", "completion"]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Who is asked. Backend, quantisation and endpoint are part of the identity.

    `backend` is a kind known to the door (`openai_chat`, `llama_local`, `recorded`); `id` the
    model's name there, with the `revision` of a hub's repository and the `adapter` (LoRA) laid over
    its weights; `cutoff` an ISO date of its newest training data, `shutdown` one after which nobody
    answers, or empty; prices are US dollars per million tokens, `hour_price` per hour of the
    machine it runs on, None when unknown; `key_env` names the variable that holds its key, empty
    for OPENAI_API_KEY.
    """

    name: str
    backend: str
    id: str
    base_url: str = ""
    base_model: str = ""
    quantisation: str = ""
    style: Style = "chat"
    cutoff: str = ""
    input_price: float | None = None
    output_price: float | None = None
    revision: str = ""
    adapter: str = ""
    key_env: str = ""
    hour_price: float | None = None
    shutdown: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat; a completion prompt is a single user message."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is said, and which template (name@hash) said it. `prefix` is what the answer continues
    (a completion prompt's code), so that extraction can put the two together again; `slug` is the
    problem's, which only the recorded backend looks at."""

    slug: str
    messages: tuple[Message, ...]
    template: str
    prefix: str = ""
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How completions are drawn. Temperature 0 is greedy; `max_tokens` bounds one completion."""

    temperature: float = 0.2
    top_p: float = 0.95
    max_tokens: int = 1024
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, as billed, or counted by us (`estimated`). Of those that went in,
    `cached_tokens` were known to the provider, who takes less for them."""

    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """One raw reply. `finish` is the backend's word: `stop`, `length` (cut off), `filter`; `index`
    says which draw of its question it is, from 0; `seconds` is the time of the whole reply and
    `first_token_seconds` the time to its first token, None where it came in one piece;
    `machine_seconds` its share of the machine's time where others were answered beside it, None for
    all of `seconds`; `reused` that it was bought for an earlier sample."""

    text: str
    finish: str = "stop"
    usage: Usage = Usage()
    seconds: float = 0.0
    index: int = 0
    first_token_seconds: float | None = None
    machine_seconds: float | None = None
    reused: bool = False


@dataclass(frozen=True, slots=True)
class Solution:
    """Source taken from a completion. `rule` says which extraction rule fired (`no_code` when none
    did and source is empty); `cost` is US dollars, None when the price is unknown."""

    source: str
    rule: str
    completion: Completion
    cost: float | None = None


class ModelBackend(Protocol):
    """One way to reach models. Raises ModelUnavailable (try again) or ModelRefused (never)."""

    def complete(
        self,
        prompt: Prompt,
        sampling: Sampling,
        n: int,
        *,
        first: int = 0,
        keep: Callable[[Completion], None] | None = None,
    ) -> Sequence[Completion]:
        """Draw n completions; `keep` is called with each as soon as it is there, so that what was
        paid for can be stored before the rest arrives. `first` is the index of the first one: it
        says which recorded answers these are, and which seeds they are drawn with."""

    def close(self) -> None:
        """Let go of connections and memory."""
