"""Ibis's compiler for DuckDB, without those for other databases."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec, module_from_spec
from threading import RLock
from types import ModuleType
from typing import Any

import ibis

_COMPILERS = "ibis.backends.sql.compilers"


class _PutOff(ModuleType):
    """A package that is run when it is first asked for a name which is no module loaded from it.

    Other threads that ask meanwhile wait, as they do for an import.
    """

    def __getattr__(self, name: str) -> Any:
        spec = self.__spec__
        if name.startswith("__") or spec is None or spec.loader is None:
            raise AttributeError(name)
        with _RUN:
            if type(self) is _PutOff:
                self.__class__ = _Running  # what it asks of itself isn't put off again
                try:
                    spec.loader.exec_module(self)
                except BaseException:
                    self.__class__ = _PutOff
                    raise
                self.__class__ = ModuleType  # type: ignore[assignment]  # a subclass, undone
        return getattr(self, name)


class _Running(_PutOff):
    """One that is being run."""

    def __getattr__(self, name: str) -> Any:
        with _RUN:  # held by the thread that runs it
            if type(self) is _Running:
                raise AttributeError(name)
        return getattr(self, name)


_RUN = RLock()


@cache
def duckdb_compiler() -> Any:
    """Ibis's compiler for DuckDB. The package that has it imports those for twenty other databases
    as well, a tenth of an audit of few flows: that is put off until one is asked for.
    """
    spec = None if _COMPILERS in sys.modules else find_spec(_COMPILERS)
    if spec is not None:
        package = module_from_spec(spec)
        package.__class__ = _PutOff
        sys.modules[_COMPILERS] = ibis.backends.sql.compilers = package
    from ibis.backends.sql.compilers.duckdb import DuckDBCompiler

    return DuckDBCompiler()
