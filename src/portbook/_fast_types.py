"""``NamedTuple``, ``StrEnum`` and ``lru_cache``, without the imports behind them.

A type checker sees the standard library's own. At run time stand-ins with the same behaviour, as
far as portbook uses it, take their place: ``import typing`` and ``import enum`` cost as much as
everything else that a bare lookup does (``docs/design.md`` has the measurement), and
``import functools`` half of that.

Tools that look at values find what they look for: ``inspect.signature`` and
``typing.get_type_hints`` answer for every value of :mod:`portbook.model`, and closed sets have
``__members__``. What they don't do: ``isinstance(Transport.TCP, enum.Enum)`` is false.

The stand-ins need ``from __future__ import annotations`` in the module that uses them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from enum import StrEnum as StrEnum
    from functools import lru_cache as lru_cache
    from typing import NamedTuple as NamedTuple
else:
    # What collections.namedtuple reads its fields with: half as long as property(itemgetter(…)), 17
    # instead of 38 ns, and one object to make instead of two.
    from _collections import _tuplegetter

    def lru_cache(maxsize):
        """Remember what a function returned for what it was given.

        See :func:`functools.lru_cache`. Once *maxsize* results are there, all of them are
        forgotten, not the one asked for longest ago, and nothing is given by name.
        """

        def decorate(function):
            known = {}

            def remembering(*given):
                try:
                    return known[given]
                except KeyError:
                    pass
                result = function(*given)
                if len(known) >= maxsize:
                    known.clear()
                known[given] = result
                return result

            remembering.__doc__, remembering.__module__ = function.__doc__, function.__module__
            remembering.__name__, remembering.__wrapped__ = function.__name__, function
            return remembering

        return decorate

    _getters = []  # by place, for all classes
    make_type, set_attribute, make_member = type.__new__, type.__setattr__, str.__new__

    class _NamedTupleMeta(type):
        def __new__(mcs, name, bases, namespace):
            if not bases:  # NamedTuple itself
                return super().__new__(mcs, name, (tuple,), namespace)
            fields = tuple(namespace.get("__annotations__", ()))
            defaults = {field: namespace[field] for field in fields if field in namespace}
            while len(_getters) < len(fields):
                _getters.append(_tuplegetter(len(_getters), None))
            namespace.update(zip(fields, _getters, strict=False))
            namespace["__slots__"] = ()
            namespace["_fields"] = namespace["__match_args__"] = fields
            if defaults:
                namespace["_field_defaults"] = defaults
                namespace["_last"] = tuple(defaults.values())
            return make_type(mcs, name, bases, namespace)

        @property
        def __signature__(cls):
            """What ``inspect.signature`` returns; made when asked for."""
            from inspect import Parameter, Signature

            return Signature(
                [
                    Parameter(
                        field,
                        Parameter.POSITIONAL_OR_KEYWORD,
                        default=cls._field_defaults.get(field, Parameter.empty),
                        annotation=cls.__annotations__[field],
                    )
                    for field in cls._fields
                ],
                return_annotation=cls.__name__,
            )

        def _compile(cls):
            """Give the class a constructor of its own, as collections.namedtuple does.

            It takes keywords five times as fast, and 50 µs to make: too much for each class of a
            program that makes one value of it.
            """
            if not cls._fields:  # nothing to name
                return
            names = ", ".join(cls._fields)
            scope = {"make": tuple.__new__, "__builtins__": {}}
            new = eval(f"lambda _cls, {names}: make(_cls, ({names},))", scope)  # noqa: S307 - field names
            new.__defaults__ = cls._last
            new.__name__ = "__new__"
            new.__qualname__ = f"{cls.__qualname__}.__new__"
            cls.__new__ = staticmethod(new)

    class NamedTuple(metaclass=_NamedTupleMeta):
        """A tuple whose items have names; see :class:`typing.NamedTuple`."""

        __slots__ = ()
        _fields = ()
        _field_defaults = {}
        _last = ()

        def __new__(cls, /, *values, **named):
            calls = _calls[cls] = _calls.get(cls, 0) + (_BY_KEYWORD if named else 1)
            if calls > _CALLS:
                cls._compile()
            if named:
                return tuple.__new__(cls, cls._bind(values, named))
            lacking = len(cls._fields) - len(values)
            if lacking:
                if not 0 < lacking <= len(cls._last):
                    cls._bind(values, named)  # raises
                values += cls._last[-lacking:]
            return tuple.__new__(cls, values)

        @classmethod
        def _bind(cls, values, named):
            fields = cls._fields
            if len(values) > len(fields):
                raise TypeError(
                    f"{cls.__name__} takes {len(fields)} values, {len(values)} were given"
                )
            bound = dict(zip(fields, values, strict=False))
            for field, value in named.items():
                if field not in fields or field in bound:
                    raise TypeError(f"{cls.__name__} got an unexpected argument {field!r}")
                bound[field] = value
            bound = {**cls._field_defaults, **bound}
            if missing := [field for field in fields if field not in bound]:
                raise TypeError(f"{cls.__name__} lacks {', '.join(missing)}")
            return [bound[field] for field in fields]

        @classmethod
        def _make(cls, iterable):
            values = tuple(iterable)
            if len(values) != len(cls._fields):
                raise TypeError(f"{cls.__name__} is made of {len(cls._fields)} values")
            return tuple.__new__(cls, values)

        def _replace(self, /, **changes):
            cls = self.__class__
            values, place_of = list(self), cls._fields.index
            for field, value in changes.items():
                try:
                    values[place_of(field)] = value
                except ValueError:
                    raise TypeError(f"{cls.__name__} has no field {field!r}") from None
            return tuple.__new__(cls, values)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            inside = ", ".join(f"{field}={value!r}" for field, value in self._asdict().items())
            return f"{type(self).__name__}({inside})"

    # With so many calls, of which one by keyword is worth several, a class is used often enough to
    # be worth a constructor. An attribute of the class would spoil the interpreter's caches.
    _CALLS, _BY_KEYWORD = 256, 8
    _calls = {}

    class _StrEnumMeta(type):
        def __new__(mcs, name, bases, namespace):
            if not bases:  # StrEnum itself
                return make_type(mcs, name, (str,), namespace)
            words = {
                key: value
                for key, value in namespace.items()
                if key[0] != "_" and isinstance(value, str)
            }
            for key in words:
                del namespace[key]
            namespace["__slots__"] = ()
            cls = make_type(mcs, name, bases, namespace)
            members = {}
            for key, value in words.items():
                members[value] = member = make_member(cls, value)
                member._name_ = key
                set_attribute(cls, key, member)
            set_attribute(cls, "_by_value_", members)
            return cls

        def __call__(cls, value):
            try:
                return cls._by_value_[value]
            except (KeyError, TypeError):
                raise ValueError(f"{value!r} is not a valid {cls.__name__}") from None

        def __getitem__(cls, name):
            for member in cls:
                if member.name == name:
                    return member
            raise KeyError(name)

        def __iter__(cls):
            return iter(cls._by_value_.values())

        def __len__(cls):
            return len(cls._by_value_)

        def __contains__(cls, value):
            return value in cls._by_value_

        @property
        def __members__(cls):
            """Names to members, in order, as :class:`enum.Enum` has them; read-only."""
            members = {member.name: member for member in cls}
            return type(type.__dict__)(members)  # types.MappingProxyType, without the import

        def __setattr__(cls, name, value):
            raise AttributeError(f"cannot reassign {name!r} of {cls.__name__}")

    class StrEnum(metaclass=_StrEnumMeta):
        """A closed set of words, each also a ``str``; see :class:`enum.StrEnum`."""

        __slots__ = ("_name_",)

        @property
        def name(self):
            return self._name_

        @property
        def value(self):
            return str.__str__(self)

        def __reduce__(self):
            return type(self), (self.value,)

        def __str__(self):
            return str.__str__(self)

        __format__ = str.__format__

        def __repr__(self):
            return f"<{type(self).__name__}.{self.name}: {self.value!r}>"
