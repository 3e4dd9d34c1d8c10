"""Drivers that open connections in C, where no hook of Python sees it: refused by name."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

from sim.kernel.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Refuse = Callable[[str], None]

KNOWN_DRIVERS: dict[str, tuple[str, ...]] = {
    "MySQLdb.connections": ("Connection.__init__",),
    "confluent_kafka": ("Consumer", "Producer"),
    "curl_cffi.curl": ("Curl.perform",),
    "grpc._channel": ("Channel.__init__",),
    "grpc._server": ("create_server",),
    "grpc.aio._channel": ("Channel.__init__",),
    "grpc.aio._server": ("Server.__init__",),
    "psycopg.generators": ("connect",),
    "psycopg2": ("_connect",),
    "pycurl": ("Curl",),
    "pymssql": ("connect",),
    "pyodbc": ("connect",),
    "zmq.sugar.socket": ("Socket.bind", "Socket.connect"),
}
"""Modules, and what in each opens a connection. Importing them is allowed, also while nothing may be opened."""


@contextmanager
def refused_drivers(refuse: Refuse) -> Iterator[None]:
    """Call `refuse` before a known driver opens a connection, drivers that are imported meanwhile included."""
    present = [sys.modules[name] for name in KNOWN_DRIVERS if name in sys.modules]
    finder = _Finder(refuse)
    sys.meta_path.insert(0, finder)
    try:
        with replaced(*(change for module in present for change in _changes(module, refuse))):
            yield
    finally:
        sys.meta_path.remove(finder)
        for owner, name, plain in finder.guarded:
            setattr(owner, name, plain)


class _Finder:
    """Stands in the way of the import of a known driver, and guards the module once it is there."""

    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse
        self.guarded: list[tuple[Any, str, object]] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a driver as ever, and have a word with its loader; nothing for any other module."""
        spec = PathFinder.find_spec(name, path, target) if name in KNOWN_DRIVERS else None
        if spec is not None and spec.loader is not None:
            load: Callable[[ModuleType], None] = spec.loader.exec_module

            def load_and_guard(module: ModuleType) -> None:
                load(module)
                self._guard(module)

            spec.loader.exec_module = load_and_guard  # type: ignore[method-assign]
        return spec

    def _guard(self, module: ModuleType) -> None:
        for owner, name, guarded in _changes(module, self._refuse):
            self.guarded.append((owner, name, vars(owner)[name]))
            setattr(owner, name, guarded)


def _changes(module: ModuleType, refuse: Refuse) -> Iterator[tuple[Any, str, object]]:
    """What to replace in a driver; parts that this version of it does not have are left out."""
    for path in KNOWN_DRIVERS[module.__name__]:
        holder, _, name = path.rpartition(".")
        owner = getattr(module, holder, None) if holder else module
        if owner is not None and name in vars(owner):
            yield owner, name, _guarded(vars(owner)[name], f"{module.__name__}.{path}", refuse)


def _guarded(plain: Any, name: str, refuse: Refuse) -> Callable[..., Any]:
    def guarded(*args: Any, **options: Any) -> Any:
        refuse(f"{name.removesuffix('.__init__')}()")
        return plain(*args, **options)

    return guarded
