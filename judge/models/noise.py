"""How a row draws its tokens, by itself.

Theory of operation. Each row draws by itself: temperature, then top_p, then Gumbel noise from a
generator with the row's own seed, and the largest score wins, which is a draw from the softmax. So
the noise of a row does not depend on its neighbours. Its scores do in their last bits, since sums
run in another order in another batch: answers repeat in float32 except at a near tie, and less
often in 16 bits.
"""

from collections.abc import Sequence
from typing import Any

import torch

from judge.models.rows import Row


class Noise:
    """A logits processor: temperature, top_p and each row's own noise; greedy rows stay as they
    are. The largest of what it returns is the row's draw."""

    def __init__(self, rows: Sequence[Row], device: Any) -> None:
        samplings = [row.call.sampling for row in rows]
        self._warm = [number for number, each in enumerate(samplings) if each.temperature > 0]
        warm = [samplings[number] for number in self._warm]
        self._heat = torch.tensor([[each.temperature] for each in warm], device=device)
        self._mass = torch.tensor([[each.top_p] for each in warm], device=device)
        self._sources = [_source(rows[number], device) for number in self._warm]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores of shape (rows, vocabulary), noised."""
        del input_ids
        if not self._warm:
            return scores
        warm = scores[self._warm] / self._heat
        largest, order = warm.softmax(-1).sort(-1, descending=True)
        beyond = largest.cumsum(-1) - largest >= self._mass
        beyond[:, 0] = False
        warm = warm.masked_fill(torch.zeros_like(beyond).scatter(-1, order, beyond), -torch.inf)
        even = torch.stack(
            [
                torch.rand(warm.shape[-1], generator=source, device=warm.device)
                for source in self._sources
            ]
        )
        scores[self._warm] = warm - (-even.log()).log()
        return scores


def _source(row: Row, device: Any) -> torch.Generator:
    """The row's own randomness: of its seed and index, or fresh."""
    source = torch.Generator(device)
    seed = row.call.sampling.seed
    if seed is None:
        source.seed()
    else:
        source.manual_seed((seed + row.index) % (1 << 63))
    return source
