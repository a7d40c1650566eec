"""The formats that portbook has itself, by name; a module is imported when its format is needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from portbook.errors import InvalidArgument, shown
from portbook.formats.base import FlowFormat, SocketFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

F = TypeVar("F", SocketFormat, FlowFormat)


class FormatTable(Mapping[str, F], Generic[F]):
    """Formats in the order in which they are preferred.

    Each stands in the tuple ``FORMATS`` of its module in *package*, which *modules* names.
    """

    def __init__(self, package: str, modules: Mapping[str, str]) -> None:
        self._package = package
        self._modules = modules

    def __getitem__(self, name: str) -> F:
        module = importlib.import_module(f"{self._package}.{self._modules[name]}")
        formats: tuple[F, ...] = module.FORMATS
        return next(form for form in formats if form.name == name)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


def find_format(
    formats: Mapping[str, F], name: str, more: Callable[[], Mapping[str, F]] = dict
) -> F:
    """The format called *name* of *formats*, or of those that *more* returns.

    :raises InvalidArgument: no format has that name.
    """
    if name in formats:
        return formats[name]
    others: Mapping[str, F] = more()
    if name not in others:
        raise InvalidArgument(
            "format", f"{shown(name)} is none of {', '.join((*formats, *others))}"
        )
    return others[name]
