"""Adam on one tensor."""

from dataclasses import dataclass

import torch
from torch.optim.adam import adam


@dataclass
class Adam:
    """Adam (Kingma and Ba, ICLR 2015), elementwise, so that every worker keeps its own columns'.

    Args:
        table: what is trained.
        mean: first moment, shape of the table.
        square: second moment, shape of the table.
        step: steps made.
    """

    table: torch.Tensor
    mean: torch.Tensor
    square: torch.Tensor
    step: int = 0

    @classmethod
    def start(cls, table: torch.Tensor) -> "Adam":
        """Start on a table."""
        return cls(table, torch.zeros_like(table), torch.zeros_like(table))

    def update(self, gradient: torch.Tensor, lr: float) -> None:
        """Make one step, in a single pass over the four tensors."""
        made = torch.tensor(float(self.step), device=self.table.device)
        with torch.no_grad():
            adam(
                [self.table],
                [gradient],
                [self.mean],
                [self.square],
                [],
                [made],
                fused=True,
                amsgrad=False,
                maximize=False,
                beta1=0.9,
                beta2=0.999,
                lr=lr,
                weight_decay=0.0,
                eps=1e-8,
            )
        self.step += 1
