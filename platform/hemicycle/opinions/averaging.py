"""What models that average over sources share: the processor on which they do it."""

from importlib import import_module
from typing import Any, Literal, Self

from hemicycle.core.errors import InputError
from hemicycle.opinions import kernels
from hemicycle.opinions.base import OpinionConfig, OpinionModel
from hemicycle.opinions.people import People


class AveragingConfig(OpinionConfig):
    """Options of a model that averages."""

    device: Literal["cpu", "cuda"] = "cpu"
    """Where sums are taken: ``cpu`` (compiled, all threads) or ``cuda`` (torch); they agree up to rounding."""


class AveragingModel(OpinionModel):
    """An opinion model whose step is a mean over sources."""

    config: AveragingConfig

    def bound(self, people: People) -> Self:
        """Return a copy that knows its users; a missing device is an InputError here, before the first step."""
        known = super().bound(people)
        self.averages()
        return known

    def averages(self) -> Any:
        """Return what holds ``pulled`` and ``confident_mean`` for the configured device.

        Raises:
            InputError: the device is cuda, and there is none.
        """
        if self.config.device == "cpu":
            return kernels
        torch_kernels = import_module("hemicycle.opinions.torch_kernels")  # torch takes seconds to import
        if not torch_kernels.has_cuda():
            what = f"the opinion model {self.config.label!r} is to run on cuda, but torch finds no CUDA device"
            raise InputError(what, "device", "set device: cpu, or run where there is one")
        return torch_kernels.On("cuda")
