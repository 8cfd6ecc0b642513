"""What the tool list says about types: compiled once, asked while a call is parsed."""

from bisect import bisect_left
from functools import lru_cache, reduce
from operator import or_
from typing import Any

from gemma4_parser._json import tools_json

from .json import Reader, pointed_at

STRING, NUMBER, INTEGER, BOOLEAN, NULL, OBJECT, ARRAY = (1 << bit for bit in range(7))
ALL, _NUMBERS = 127, NUMBER | INTEGER
_MAX_STEPS, _MAX_SIZE = 1 << 18, 1024
_NAMES = {"string": 1, "number": _NUMBERS, "integer": 4, "boolean": 8, "null": 16, "object": 32, "array": 64}
_KINDS = {str: STRING, bool: BOOLEAN, type(None): NULL, dict: OBJECT, list: ARRAY}
_MAY_BE_EMPTY: dict[str, Any] = {"$ref": str, "additionalProperties": dict, "items": dict}
_WORDS = {"allOf": list, "anyOf": list, "oneOf": list, "properties": dict} | _MAY_BE_EMPTY
_ASKED = ("allows_number", "allows_string", "integer_only", "only_strings")


class Schema:
    """What a place may hold: its types, and where keys and items lead."""

    __slots__ = ("additional", "declares", "item", "keep", "properties", "types", *_ASKED)

    def __init__(self, types: int, other: "Schema | None" = None) -> None:
        self.types, self.only_strings, self.allows_string = types, types == STRING, types & STRING > 0
        self.allows_number, self.integer_only = types & _NUMBERS > 0, types & _NUMBERS == INTEGER
        self.declares, self.keep = False, 1
        self.properties: dict[str, Schema] = {}
        self.additional = self.item = other or self

    def child(self, key: str) -> "Schema":
        return self.properties.get(key, self.additional)


ANY = Schema(ALL)
_PLAIN = [ANY, *(Schema(types, ANY) for types in range(1, ALL)), ANY]  # a contradiction restricts nothing


class Tools:
    """The functions of a tool list."""

    def __init__(self, functions: dict[str, Schema]) -> None:
        self._functions, self._names = functions, sorted(functions)

    @classmethod
    def from_json(cls, json: str) -> "Tools":
        """Reads the JSON text of a list; of functions of one name the last counts."""
        reader = Reader(json)
        entries, _end = reader.value(256), reader.pull()
        if type(entries) is not list and entries is not None:
            raise ValueError("tools: expected a list")
        functions: dict[str, Any] = {}
        for number, entry in enumerate(entries or ()):
            if type(entry) is not dict:
                raise ValueError(f"tools[{number}]: expected an object")
            function = entry["function"] if type(entry.get("function")) is dict else entry
            if type(function.get("name", "")) is not str:
                raise ValueError(f"tools[{number}]: expected the function's name to be a string")
            if "name" in function:
                functions[function["name"]] = function.get("parameters")
        compiler = _Compiler()
        return cls({name: compiler.run(functions[name]) for name in sorted(functions)})

    def is_declared(self, name: str) -> bool:
        return name in self._functions

    def has_prefix(self, prefix: str) -> bool:
        at = bisect_left(self._names, prefix)
        return any(name.startswith(prefix) for name in self._names[at : at + 1])

    def parameters(self, name: str) -> Schema:
        return self._functions.get(name, ANY)


_recent = lru_cache(64)(Tools.from_json)


def read_tools(tools: object) -> Tools | None:
    """The tools of a list of dicts or models; raises what `tools_json` and `Tools.from_json` raise."""
    json = "" if tools is None else tools_json(tools)
    return (_recent if len(json) <= 64 * 1024 else Tools.from_json)(json) if json else None


def _types(schema: dict[str, Any]) -> int:
    """What `type`, `const` and `enum` leave. To JSON Schema `2.0` is an integer, so a fraction excludes nothing."""
    names = schema["type"] if type(schema.get("type")) is list else [schema.get("type")]
    named = [type(name) is str and _NAMES.get(name.lower(), 0) for name in names]
    types = reduce(or_, named) if named and all(named) else ALL
    for values in [schema["const"]] if "const" in schema else [], schema.get("enum"):
        if values and type(values) is list:
            kinds = (_KINDS.get(type(it)) or (INTEGER if it.lstrip("-").isdigit() else _NUMBERS) for it in values)
            types &= reduce(or_, kinds)
    return types or ALL


class _Raw:
    """A schema object that says more than types. Its members are parts: up to `ALL` types, above numbers of raws."""

    def __init__(self, types: int, words: dict[str, Any], *groups: list[int]) -> None:
        self.types, self.words, self.any = types, words, [*groups]
        self.all: list[int] = []
        self.properties: list[tuple[str, int]] = []
        self.additional = self.items = self.speaks = 0


class _Compiler:
    """A schema is read as a disjunction of alternatives: raws that apply together. For the whys see compile.rs."""

    def __init__(self) -> None:
        self.steps, self.raws = _MAX_STEPS, [_Raw(types, {}) for types in range(ALL + 1)]
        self.parts: dict[int, int] = {}
        # By view: the types of the alternatives that say nothing else, and the other ones, each its types and raws.
        self.nodes: dict[Any, Schema] = {(types, ()): plain for types, plain in enumerate(_PLAIN)}

    def run(self, root: Any) -> Schema:
        """Compiles the `parameters` of one function."""
        self.root, self.queue = root, list[Any]()
        schema = self.schema({(0, 0): self.part(root)})
        for plain, alternatives in self.queue:
            self.expand(plain, alternatives, self.nodes[plain, alternatives])
        return schema

    def spend(self, cost: int, size: int = 0) -> bool:
        """Takes `cost` from the steps that are left; False where it is too much."""
        enough = cost <= self.steps and size <= _MAX_SIZE
        self.steps -= cost if enough else 0
        return enough

    def part(self, schema: Any) -> int:
        """A schema as a member, without a look into its own. What is no object restricts nothing, not even `false`."""
        if type(schema) is not dict:
            return ALL
        if id(schema) not in self.parts:
            types, null = _types(schema), schema.get("nullable") is True
            words = {k: it for k, it in schema.items() if type(it) is _WORDS.get(k) and (it or k in _MAY_BE_EMPTY)}
            if words:
                self.raws += [_Raw(types, words), _Raw(ALL, {}, [len(self.raws), NULL])][: 1 + null]
            self.parts[id(schema)] = len(self.raws) - 1 if words else types | NULL * null
        return self.parts[id(schema)]

    def read(self, raw: _Raw) -> None:
        """Reads the keywords of a raw when it first comes into an alternative."""
        words, raw.words = raw.words, {}
        raw.all += [self.part(pointed_at(self.root, words["$ref"]))] if "$ref" in words else []
        raw.all += map(self.part, words.get("allOf", ()))
        for branches in words.get("anyOf", ()), words.get("oneOf", ()):
            # Branches with nothing but types are one branch; a group with no other branch splits nothing.
            parts = [self.part(branch) for branch in branches]
            plain = reduce(or_, (part for part in parts if part <= ALL), 0)
            group = [part for part in parts if part > ALL] + [plain] * (plain > 0)
            raw.any += [group] if group != [plain] * (plain > 0) else []
            raw.all += [plain] if group == [plain] else []
        raw.properties = [(key, self.part(it)) for key, it in sorted(words.get("properties", {}).items())]
        leads = ("additionalProperties", "items")
        raw.additional, raw.items = (self.part(words[word]) if word in words else 0 for word in leads)
        raw.speaks = OBJECT * bool(raw.additional or raw.properties) | ARRAY * (raw.items > 0)

    def schema(self, parts: dict[tuple[int, int], int]) -> Schema:
        """The compiled schema of parts, which are told by the alternative and the raw that they come from."""
        # Of each draft the types, raws, parts to be taken up, and groups of each of which one branch is to be taken up.
        starts: dict[int, Any] = {at: (ALL, set(), [], []) for at, _ in sorted(parts)}
        for (at, _), part in parts.items():
            starts[at][2].append(part)
        drafts, begun, plain, alternatives = [*starts.values()], len(starts), 0, set()
        while drafts:
            types, seen, todo, groups = drafts.pop()
            while todo and types:
                part = todo.pop()
                if part <= ALL:
                    types &= part
                elif part not in seen:
                    seen.add(part)
                    raw = self.raws[part]
                    if raw.words:
                        self.read(raw)
                    types &= raw.types
                    todo += raw.all
                    groups += raw.any
                    if not self.spend(1 + len(raw.all) + len(raw.any), len(seen)):
                        return ANY
            if types and groups:
                branches = groups.pop()
                begun += len(branches)
                if not self.spend(len(branches) * (1 + len(seen)), begun):
                    return ANY
                drafts += [(types, {*seen}, [branch], [*groups]) for branch in branches]
            elif speaking := tuple(sorted(number for number in seen if self.raws[number].speaks & types)):
                alternatives.add((types, speaking))
            else:
                plain |= types
        view = plain, tuple(sorted(alternatives))
        if view not in self.nodes:
            self.nodes[view] = Schema(reduce(or_, (types for types, _ in alternatives), plain), ANY)
            self.queue.append(view)
        return self.nodes[view]

    def expand(self, plain: int, alternatives: Any, node: Schema) -> None:
        """Fills in the node of a view: where its keys and items lead."""
        raws = {(at, it): (types, self.raws[it]) for at, (types, seen) in enumerate(alternatives) for it in seen}
        items = {by: raw.items for by, (types, raw) in raws.items() if types & ARRAY and raw.items}
        objects = {by: raw for by, (types, raw) in raws.items() if types & OBJECT}
        others = {by: raw.additional for by, raw in objects.items() if raw.additional}
        if not self.spend(sum(len(raw.properties) for raw in objects.values()) * (1 + len(others))):
            return
        says: dict[str, dict[tuple[int, int], int]] = {}
        for by, raw in objects.items():
            for key, part in raw.properties:
                says.setdefault(key, {})[by] = part
        for key, own in sorted(says.items()):
            # A schema object that does not declare the key says what it says about all others.
            node.properties[key] = self.schema(own | others | own)
        node.additional, node.item = self.schema(others), self.schema(items)
        node.keep = max((len(key.encode()) for key in says), default=0) * 6 + 1
        declaring = {at for (at, _), raw in objects.items() if raw.properties}
        node.declares = bool(says) and not plain & OBJECT and declaring == {at for at, _ in objects}
