"""All losses, one module per family. A new module in this folder is found by itself."""

from importlib import import_module
from pkgutil import iter_modules

from ..base import _REGISTRY

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = sorted(cls.__name__ for cls in _REGISTRY.values())
globals().update({cls.__name__: cls for cls in _REGISTRY.values()})
