"""Declarations as the official template prints them."""

from typing import Any

from gemma4_parser.errors import RenderError

from ..format import dictsort
from .jinja import UNDEFINED, contains, item, items, string, truth
from .writer import DELIMITER, TOOL_CLOSE, TOOL_OPEN, Place, Work, Writer, run

_STANDARD = ("description", "type", "properties", "required", "nullable")


class Declaration:
    """Prints one declaration. `place` is that of the tool."""

    def __init__(self, out: Writer, place: Place) -> None:
        self.out, self.place = out, place

    def print(self, tool: Any) -> None:
        """All of it, with its control tokens."""
        function, out = item(tool, "function"), self.out
        if function is UNDEFINED:
            raise self._refused("the tool has no function")
        out.add(TOOL_OPEN, f"declaration:{string(item(function, 'name'))}{{description:")
        out.add(DELIMITER, string(item(function, "description")), DELIMITER)
        parameters = item(function, "parameters")
        if truth(parameters):
            self._top(parameters)
        has_response = contains(function, "response")
        if has_response is None or (has_response and not isinstance(function, dict)):
            raise self._refused("the function must be a mapping")
        if has_response:
            self._response(function["response"])
        out.add("}", TOOL_CLOSE)

    def _refused(self, reason: str) -> RenderError:
        return RenderError(str(self.place), reason)

    def _top(self, parameters: Any) -> None:
        """The parameters of the function. Their brace is closed behind a type only."""
        out = self.out
        out.add(",parameters:{")
        if truth(properties := item(parameters, "properties")):
            out.add("properties:{")
            run(self._properties(properties))
            out.add("},")
        if truth(required := item(parameters, "required")):
            self._required(required)
            out.add(",")
        if truth(kind := item(parameters, "type")):
            self._type(kind)
            out.add("}")

    def _response(self, response: Any) -> None:
        """What the function returns: a description, and its type where that is `object`."""
        out = self.out
        out.add(",response:{")
        if truth(description := item(response, "description")):
            out.add("description:", DELIMITER, string(description), DELIMITER, ",")
        if string(kind := item(response, "type")).upper() == "OBJECT":
            self._type(kind)
            out.add("}")

    def _properties(self, properties: Any, *, filtered: bool = False) -> Work:
        """Schemas by name; `filtered` passes over the keywords that an object itself is printed with."""
        if not isinstance(properties, dict):
            raise self._refused("properties must be a mapping")
        comma = ""
        for name, schema in dictsort(properties):
            if filtered and name in _STANDARD:
                continue
            self.out.add(f"{comma}{name}:{{")
            comma = ","
            yield self._schema(schema)

    def _schema(self, schema: Any) -> Work:
        out, comma, kind = self.out, "", string(item(schema, "type")).upper()
        if truth(description := item(schema, "description")):
            out.add("description:", DELIMITER, string(description), DELIMITER)
            comma = ","
        if kind == "STRING":
            if truth(values := item(schema, "enum")):
                out.add(f"{comma}enum:")
                out.value(values, quoted=True)
                comma = ","
        elif kind == "ARRAY":
            within = item(schema, "items")
            if isinstance(within, dict) and within:
                out.add(f"{comma}items:{{")
                yield self._items(within)
                out.add("}")
                comma = ","
        if truth(item(schema, "nullable")):
            out.add(f"{comma}nullable:true")
            comma = ","
        if kind == "OBJECT":
            properties = item(schema, "properties")
            has_properties = isinstance(properties, dict)
            out.add(f"{comma}properties:{{")
            yield self._properties(properties if has_properties else schema, filtered=not has_properties)
            out.add("}")
            comma = ","
            if truth(required := item(schema, "required")):
                out.add(",")
                self._required(required)
        out.add(comma)
        self._type(kind)
        out.add("}")

    def _items(self, schema: dict[str, Any]) -> Work:
        """The schema of an array's items: keywords that are not known here are printed as values."""
        out, comma = self.out, ""
        for key, value in dictsort(schema):
            if value is None:
                continue
            out.add(comma)
            comma = ","
            if key == "properties":
                out.add("properties:{")
                if isinstance(value, dict):
                    yield self._properties(value)
                out.add("}")
            elif key == "required":
                self._required(value)
            elif key == "type":
                out.add("type:")
                out.value(self._types(value), quoted=True)
            else:
                out.add(f"{key}:")
                out.value(value, quoted=True)

    def _types(self, value: Any) -> str | list[str]:
        if type(value) is str:
            return value.upper()
        if not truth(value):
            return []
        names = items(value)
        if names is None:
            raise self._refused("type must be a string or a list")
        return [string(name).upper() for name in names]

    def _required(self, value: Any) -> None:
        names = items(value)
        if names is None:
            raise self._refused("required must be a list")
        out = self.out
        out.add("required:[")
        for number, name in enumerate(names):
            out.add("," if number else "", DELIMITER, string(name), DELIMITER)
        out.add("]")

    def _type(self, value: Any) -> None:
        self.out.add("type:", DELIMITER, string(value).upper(), DELIMITER)
