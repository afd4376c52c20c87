"""All losses, one module per family. A new module in this folder is found by itself."""

from importlib import import_module
from pkgutil import iter_modules

from ..registry import list_losses, loss_class

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

_classes = {loss_class(_name).__name__: loss_class(_name) for _name in list_losses()}
__all__ = sorted(_classes)
globals().update(_classes)
