"""Declarations of the style `fixed`: the whole schema (the repairs `tool-shape` and `declaration`)."""

from typing import Any

from gemma4_parser.errors import RenderError

from ..format import dictsort, pairs_of
from ..json import pointed_at
from .writer import NO_TYPE, REFERENCE, TOOL_CLOSE, TOOL_OPEN, Place, Work, Writer, run

MAX_REPLACED = 256
"""How often `$ref` is replaced in one declaration; as many of those left have a warning: each names a whole path."""

_LEFT_OUT = ("$schema", "$id", "$anchor", "$comment", "$defs", "definitions")
_EMPTY_LEFT_OUT = ("description", "enum", "required")
_NULL_KEPT = ("const", "default")
_MAPS = ("properties", "patternProperties", "dependentSchemas")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
_SCHEMAS = (
    *("items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties"),
    *("propertyNames", "not", "if", "then", "else"),
)


class Declaration:
    """Prints one declaration. `number` is that of the tool."""

    def __init__(self, out: Writer, number: int) -> None:
        self._out, self._number = out, number
        self._root: dict[str, Any] = {}
        self._open: set[int] = set()
        self._replaced = self._left = self._places = 0

    def print(self, tool: Any) -> None:
        """All of it, with its control tokens."""
        place, out = Place((2, self._number)), self._out
        function = tool
        if isinstance(tool, dict) and tool.get("function") is not None:
            function = tool["function"]
            out.left_out(place, tool, ("function",))
        name = function.get("name") if isinstance(function, dict) else None
        if type(name) is not str:
            raise RenderError(str(place), "the tool has no function with a name")
        description, parameters, response = map(function.get, ("description", "parameters", "response"))
        if parameters is not None and not isinstance(parameters, dict):
            raise RenderError(f"{place}.parameters", "parameters must be a mapping")
        has_response = isinstance(response, dict)
        out.left_out(place, function, ("name", "description", "parameters", *(["response"] if has_response else ())))
        out.at(place)
        out.add(TOOL_OPEN, f"declaration:{name}{{description:")
        out.value("" if description is None else description)
        if parameters:
            self._part("parameters", parameters)
        if has_response and response:
            self._part("response", response)
        out.add("}", TOOL_CLOSE)

    def _part(self, name: str, schema: dict[str, Any]) -> None:
        self._root = schema
        self._out.add(f",{name}:")
        run(self._schema(schema, f"tools[{self._number}].{name}", is_top=name == "parameters"))

    def _schema(self, schema: dict[str, Any], place: str, *, is_top: bool = False, is_property: bool = False) -> Work:
        """A schema; `is_top` is for parameters, `is_property` for a value of `properties`."""
        self._places += 1
        order = Place((2, self._number, self._places))
        pairs, sources = self._resolved(schema, place, order)
        pairs = [pair for pair in pairs if _is_printed(*pair, is_top=is_top)]
        keys = dict(pairs)
        if is_top and "type" not in keys:
            self._out.warn(order, NO_TYPE, at=place)
            pairs.append(("type", "OBJECT"))
        kind = keys.get("type")
        if is_property and type(kind) is str and kind.upper() == "OBJECT" and "properties" not in keys:
            pairs.append(("properties", {}))
        opened = [number for number in map(id, sources) if number not in self._open]
        self._open.update(opened)
        comma = "{"
        for key, value in sorted(pairs, key=lambda pair: pair[0].lower()):
            self._out.add(f"{comma}{key}:")
            comma = ","
            yield from self._keyword(key, value, f"{place}.{key}")
        self._out.add("}" if pairs else "{}")
        self._open.difference_update(opened)

    def _resolved(self, schema: dict[str, Any], place: str, order: Place) -> tuple[list[tuple[str, Any]], list[Any]]:
        """The keywords with those of the targets of `$ref`, and all the mappings that they are of."""
        pairs, sources = list(pairs_of(schema)), [schema]
        while type(reference := dict(pairs).get("$ref")) is str:
            target = pointed_at(self._root, reference)
            is_open = id(target) in self._open or any(target is source for source in sources)
            if not isinstance(target, dict) or is_open or self._replaced == MAX_REPLACED:
                self._left += 1
                if self._left <= MAX_REPLACED:
                    self._out.warn(order, REFERENCE, reference, at=place)
                break
            self._replaced += 1
            sources.append(target)
            own = [pair for pair in pairs if pair[0] != "$ref"]
            names = {key for key, _ in own}
            pairs = own + [pair for pair in pairs_of(target) if pair[0] not in names]
        return pairs, sources

    def _keyword(self, key: str, value: Any, place: str) -> Work:
        out = self._out
        if key == "type":
            out.value(_type(value))
        elif key in _MAPS and isinstance(value, dict):
            comma = "{"
            for name, inner in dictsort(value):
                out.add(f"{comma}{name}:")
                comma = ","
                if isinstance(inner, dict):
                    yield self._schema(inner, f"{place}.{name}", is_property=key == "properties")
                else:
                    out.value(inner)
            out.add("}" if value else "{}")
        elif key in _LISTS and type(value) is list:
            out.add("[")
            for number, inner in enumerate(value):
                out.add("," if number else "")
                if isinstance(inner, dict):
                    yield self._schema(inner, f"{place}[{number}]")
                else:
                    out.value(inner)
            out.add("]")
        elif key in _SCHEMAS and isinstance(value, dict):
            yield self._schema(value, place)
        else:
            out.value(value)


def _is_printed(key: str, value: Any, *, is_top: bool) -> bool:
    if key in _LEFT_OUT or (value is None and key not in _NULL_KEPT):
        return False
    is_empty = value == "" or (isinstance(value, list | dict) and not value)
    if key == "items":
        return not is_empty and not isinstance(value, bool)
    if key == "nullable":
        return value is not False
    return not (is_empty and (key in _EMPTY_LEFT_OUT or (is_top and key == "properties")))


def _type(value: Any) -> Any:
    """Upper case, but for what is neither a string nor a list of strings."""
    if type(value) is str:
        return value.upper()
    if type(value) is list and all(type(name) is str for name in value):
        return [name.upper() for name in value]
    return value
