"""All losses, one module per family. A new module in this folder is found by itself."""

from importlib import import_module
from pkgutil import iter_modules

from ..registry import every_class

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

_classes = {_class.__name__: _class for _class in every_class()}
__all__ = sorted(_classes)
globals().update(_classes)
