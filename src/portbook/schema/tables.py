"""A table of fields, and what follows from it: encoder, decoder, JSON Schema, documentation."""

from __future__ import annotations

from _operator import is_

from portbook.schema.codecs import Codec, Mismatch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Schema = dict[str, Any]
    Functions = Callable[[str], Mapping[str, Callable[[Any], Any]]]

_UNSET: Any = object()
# So many objects are written before a function is compiled, which takes as long.
_FEW = 16


def _lacks() -> Any:
    raise Mismatch("not there")


def computed(_: Any) -> Any:
    """Stands for the path of a key for which :class:`Computing` has the function.

    :raises TypeError: always: who encodes by such a table hands the function in.
    """
    raise TypeError("a key of this table is computed: encode by Computing(…)(table)")


class Field:
    """One key of an object.

    ``path`` leads from the value to what the key holds, by attributes (``socket.port``); a function
    of the value computes it, or of what stands at its attribute ``of``, and then it isn't read
    back. That of :func:`computed` is handed in by who encodes. ``about`` is one short sentence for
    the documentation. ``left_out`` says that the key isn't written where its value is null,
    ``required`` that it has to be there to be read, though the class has a default.
    """

    __slots__ = ("about", "codec", "key", "left_out", "of", "path", "required")

    def __init__(
        self,
        key: str,
        codec: Codec,
        about: str = "",
        path: str | Callable[[Any], Any] = "",
        *,
        of: str = "",
        left_out: bool = False,
        required: bool = False,
    ) -> None:
        self.key = key
        self.codec = codec
        self.about = about
        self.path = path or key
        self.of = of
        self.left_out = left_out
        self.required = required

    @property
    def attribute(self) -> str | None:
        """The path by attributes; None where the key is computed."""
        return self.path if isinstance(self.path, str) else None

    def at(self, path: str | Callable[[Any], Any]) -> Field:
        """The same with another path."""
        return self._with(self.codec, path)

    def over(self, bind: Callable[[Any], Any]) -> Field:
        """The same over the table that *bind* returns for that of its objects."""
        codec = self.codec.over(bind)
        return self if codec is self.codec else self._with(codec, self.path)

    def _with(self, codec: Codec, path: str | Callable[[Any], Any]) -> Field:
        return Field(
            self.key,
            codec,
            self.about,
            path,
            of=self.of,
            left_out=self.left_out,
            required=self.required,
        )

    def read(self, value: Any) -> Any:
        """What *value* holds for the key."""
        at = self.attribute or self.of
        for name in at.split(".") if at else ():
            value = getattr(value, name)
        return value if isinstance(self.path, str) else self.path(value)


class Table:
    """The fields of one kind of object.

    *of* is the class of the value, if it can be read back; *parts* are the classes of its
    attributes that paths lead through. *finish* completes a value that was read by what no single
    key of its object tells. *kind* with *version* is told in the key ``schema``.
    """

    def __init__(
        self,
        name: str,
        about: str,
        fields: tuple[Field, ...],
        *,
        of: Any = None,
        parts: Mapping[str, Any] | None = None,
        finish: Callable[[Any, Mapping[str, Any]], Any] | None = None,
        version: int | None = None,
    ) -> None:
        self.name = name
        self.about = about
        self.fields = fields
        self.version = version
        self.of = of
        self.parts = dict(parts or {})
        self.finish = finish
        self._few = _FEW
        self._encode: Callable[[Any], dict[str, Any]] | None = None
        self._decode: Callable[[Any], Any] | None = None
        self._load: Functions | None = None

    @property
    def kind(self) -> str | None:
        """``portbook/port/1``; None for what only stands inside of others."""
        return None if self.version is None else f"portbook/{self.name}/{self.version}"

    # -- writing ------------------------------------------------------------------------------

    def encode(self, value: Any) -> dict[str, Any]:
        """*value* as an object that :mod:`json` can write."""
        if self._encode is None:
            self.load()
            if self._few:
                self._few -= 1
                return self._encode_slowly(value)
            self._encode = self._compile()
        return self._encode(value)

    def load(self) -> None:
        """Puts the functions for computed keys in the place of :func:`computed`."""
        if self._load is None:
            return
        functions, self._load = self._load(self.name), None
        self.fields = tuple(
            [
                field.at(functions[field.key]) if field.path is computed else field
                for field in self.fields
            ]
        )

    def _encode_slowly(self, value: Any) -> dict[str, Any]:
        """As the compiled function does; one port's answer has a few objects of each kind."""
        item = {} if self.kind is None else {"schema": self.kind}
        for field in self.fields:
            part = field.read(value)
            if part is None and field.left_out:
                continue
            write = field.codec.write
            item[field.key] = part if write is None else write(part)
        return item

    def _compile(self) -> Callable[[Any], dict[str, Any]]:
        """A function with one dict display: as fast as one that is written by hand."""
        scope: dict[str, Any] = {}
        held: dict[str, str] = {}  # a part -> the local name that holds it
        pairs = [] if self.kind is None else [f"'schema': {self.kind!r}"]
        for number, field in enumerate(self.fields):
            place = place_of(field, "value", held)
            if field.attribute is None:
                scope[f"read{number}"] = field.path
                place = f"read{number}({place})"
            pairs.append(f"{field.key!r}: {_written(field.codec, place, scope)}")
        lines = ["def encode(value):"]
        lines += [f"    {name} = value.{part}" for part, name in held.items()]
        lines.append(f"    item = {{{', '.join(pairs)}}}")
        for field in self.fields:
            if field.left_out:
                lines.append(f"    if item[{field.key!r}] is None: del item[{field.key!r}]")
        lines.append("    return item")
        exec("\n".join(lines), scope)  # noqa: S102 - made of this table alone
        made: Callable[[Any], dict[str, Any]] = scope["encode"]
        return made

    # -- reading ------------------------------------------------------------------------------

    def decode(self, item: Any) -> Any:
        """The value that *item*, read from JSON, stands for.

        Keys that the table doesn't have are passed over: later versions add some. A key that isn't
        there, or is null where that says nothing, takes the class's default: earlier versions
        don't have all.

        :raises Mismatch: where *item* is no such object; it names the key.
        """
        if self._decode is None:
            self._decode = self._compile_decoder()
        return self._decode(item)

    def _compile_decoder(self) -> Callable[[Any], Any]:
        """A function with one call of each class, by position."""
        scope: dict[str, Any] = {"name_of": self.name, "Mismatch": Mismatch, "lacks": _lacks}
        lines = [
            "def decode(item):",
            "    if not isinstance(item, dict): raise Mismatch(f'not an object ({name_of})')",
            "    get, key = item.get, None",
            "    try:",
        ]
        places: dict[str, str] = {}  # an attribute's path -> the local name of its value
        for number, field in enumerate(self.fields):
            if field.attribute is None:
                continue
            scope[f"decode{number}"] = field.codec.decode
            scope[f"absent{number}"] = absent = self._absent(field)
            without = "lacks()" if absent is _UNSET else f"absent{number}"
            place = places[field.attribute] = f"x{number}"
            lines += [
                f"        {place} = get(key := {field.key!r})",
                f"        {place} = {without} if {place} is None else decode{number}({place})",
            ]
        made = self._construct(self.of, "", scope, places)
        if self.finish is not None:
            scope["finish"] = self.finish
            made = f"finish({made}, item)"
        lines += [
            "    except Mismatch as error:",
            "        error.key = error.key or key",
            "        raise",
            f"    return {made}",
        ]
        exec("\n".join(lines), scope)  # noqa: S102 - made of this table alone
        decode: Callable[[Any], Any] = scope["decode"]
        return decode

    def _absent(self, field: Field) -> Any:
        """What stands for a key that isn't there; _UNSET where it has to be."""
        if field.codec.null:
            return field.codec.decode(None)
        *above, last = str(field.attribute).split(".")
        kind = self.parts[".".join(above)] if above else self.of
        return _UNSET if field.required else kind._field_defaults.get(last, _UNSET)

    def _construct(
        self, kind: Any, path: str, scope: dict[str, Any], places: dict[str, str]
    ) -> str:
        """The source of a call that makes a value of *kind*, which stands at *path*."""
        name = f"make{len(scope)}"
        scope[name] = kind
        values = []
        for attribute in kind._fields:
            at = f"{path}.{attribute}".lstrip(".")
            if at in places:
                values.append(places[at])
            elif at in self.parts:
                values.append(self._construct(self.parts[at], at, scope, places))
            else:  # what JSON leaves out
                scope[f"default{len(scope)}"] = kind._field_defaults[attribute]
                values.append(f"default{len(scope) - 1}")
        return f"{name}({', '.join(values)})"

    # -- describing ---------------------------------------------------------------------------

    def codec(self) -> Codec:
        """This table as a codec: the object inside of another."""
        schema = {"$ref": f"#/components/schemas/{self.name}"}
        return Codec(
            self.encode,
            self.decode,
            schema,
            self.name.replace("_", " "),
            table=self,
            again=lambda bind: bind(self).codec(),
        )

    def inline(self) -> Codec:
        """As :meth:`codec`, with the JSON Schema in place: for what has no name of its own."""
        return Codec(
            self.encode,
            self.decode,
            self.json_schema(),
            "object",
            table=self,
            again=lambda bind: bind(self).inline(),
        )

    def alone(self, version: int = 1) -> Table:
        """The same as an object of its own, which tells its kind in the key ``schema``."""
        return self._with(self.fields, version)

    def _with(self, fields: tuple[Field, ...], version: int | None) -> Table:
        return Table(
            self.name,
            self.about,
            fields,
            of=self.of,
            parts=self.parts,
            finish=self.finish,
            version=version,
        )

    def over(self, bind: Callable[[Table], Table], load: Functions) -> Table:
        """The same over the tables that *bind* returns for those of its objects, with the functions
        that *load* returns for its computed keys; itself where that is no other.
        """
        fields = tuple([field.over(bind) for field in self.fields])
        late = any(field.path is computed for field in fields)
        if not late and all(map(is_, fields, self.fields)):
            return self
        table = self._with(fields, self.version)
        if late:
            table._load = load
        return table

    def json_schema(self) -> Schema:
        """This kind of object in JSON Schema 2020-12: every key is there, others may be added."""
        keys: dict[str, Schema] = {}
        if self.kind is not None:
            keys["schema"] = {"type": "string", "const": self.kind}
        keys |= {field.key: field.codec.schema for field in self.fields}
        optional = {field.key for field in self.fields if field.left_out}
        about = {"description": self.about} if self.about else {}
        return {
            **about,
            "type": "object",
            "properties": keys,
            "required": [key for key in keys if key not in optional],
        }

    def __repr__(self) -> str:
        return f"Table({self.name!r})"


def place_of(field: Field, value: str, held: dict[str, str]) -> str:
    """The source of what *field* holds in *value*, or of what its function is given.

    *held* are the parts of *value* that have a local name, by their path; others are added.
    """
    at = field.attribute or field.of
    if not at:
        return value
    above, _, last = at.rpartition(".")
    return f"{held.setdefault(above, f'part{len(held)}') if above else value}.{last}"


def _written(codec: Codec, place: str, scope: dict[str, Any]) -> str:
    """The source of what *codec* writes of what stands at *place*; its functions go to *scope*."""
    if codec.items is not None and codec.items.write is not None:
        return f"[{_written(codec.items, 'each', scope)} for each in {place}]"
    if codec.write is None:
        return place
    if codec.write is list:
        return f"[*{place}]"
    name = f"write{len(scope)}"
    scope[name] = codec.write
    return f"{name}({place})"


class Computing:
    """Tables with the functions for their computed keys.

    What a key says in words belongs to whoever shows it: it makes one of these of its functions,
    and encodes by the tables that this returns for those of :mod:`portbook.schema`. *load* returns
    the functions of a table, by key; it is called once a value of that table is encoded.
    """

    def __init__(self, load: Functions) -> None:
        self._load = load
        self._tables: dict[Table, Table] = {}

    def __call__(self, table: Table) -> Table:
        """*table*, and all tables in it, with their functions."""
        bound = self._tables.get(table)
        if bound is None:
            bound = self._tables[table] = table.over(self, self._load)
        return bound
