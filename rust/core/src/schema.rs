//! What the tool list says about types: compiled once, asked while a call is parsed.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Error, ErrorKind};
use crate::json::{self, Value};
use crate::order;

mod compile;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod hostile_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

/// How deep the JSON text of a tool list may nest.
const MAX_DEPTH: usize = 256;

/// A set of JSON types.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Types(u8);

impl Types {
    pub(crate) const STRING: Self = Self(1);
    /// Any number; a set that has it has `INTEGER` too.
    pub(crate) const NUMBER: Self = Self(2);
    pub(crate) const INTEGER: Self = Self(4);
    pub(crate) const BOOLEAN: Self = Self(8);
    pub(crate) const NULL: Self = Self(16);
    pub(crate) const OBJECT: Self = Self(32);
    pub(crate) const ARRAY: Self = Self(64);
    const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self(127);

    /// Whether `bit` is in the set (one of several: any of them).
    pub(crate) const fn allows(self, bit: Self) -> bool {
        self.0 & bit.0 != 0
    }

    pub(crate) const fn allows_string(self) -> bool {
        self.allows(Self::STRING)
    }

    /// Whether a number is allowed, be it integers only.
    pub(crate) const fn allows_number(self) -> bool {
        self.allows(Self(Self::NUMBER.0 | Self::INTEGER.0))
    }

    /// Whether integers are the only numbers allowed.
    pub(crate) const fn integer_only(self) -> bool {
        self.allows(Self::INTEGER) && !self.allows(Self::NUMBER)
    }

    pub(crate) const fn only_strings(self) -> bool {
        self.0 == Self::STRING.0
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// A set that allows nothing is a contradiction, which restricts nothing.
    const fn or_all(self) -> Self {
        if self.0 == 0 { Self::ALL } else { self }
    }

    /// The value of `type`. An unknown name makes it restrict nothing.
    fn named(value: &Value) -> Self {
        let names = value.as_array().unwrap_or(core::slice::from_ref(value));
        let mut types = Self::NONE;
        for name in names {
            match name.as_str().map_or(Self::NONE, Self::from_name) {
                Self::NONE => return Self::ALL,
                known => types = types.or(known),
            }
        }
        types.or_all()
    }

    /// Gemini's schemas write the names in capitals.
    fn from_name(name: &str) -> Self {
        const NAMES: [(&str, Types); 7] = [
            ("string", Types::STRING),
            ("integer", Types::INTEGER),
            ("number", Types::NUMBER.or(Types::INTEGER)),
            ("boolean", Types::BOOLEAN),
            ("object", Types::OBJECT),
            ("array", Types::ARRAY),
            ("null", Types::NULL),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or(Self::NONE, |&(_, types)| types)
    }

    /// The type of a value of `const` or `enum`. `2.0` is an integer to JSON Schema, so a fraction excludes nothing.
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(digits) if digits.contains(['.', 'e', 'E']) => Self::NUMBER.or(Self::INTEGER),
            Value::Number(_) => Self::INTEGER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }
}

/// A compiled schema of a [`Tools`]. Below 128 it is the complement of its types and says nothing else; the others
/// number the nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SchemaId(u32);

impl SchemaId {
    /// Restricts nothing.
    pub(crate) const ANY: Self = Self(0);
    const FIRST_NODE: u32 = 128;

    const fn of_types(types: Types) -> Self {
        Self((Types::ALL.0 ^ types.0) as u32)
    }

    fn of_node(number: usize) -> Option<Self> {
        u32::try_from(number).ok()?.checked_add(Self::FIRST_NODE).map(Self)
    }
}

/// A compiled view.
#[derive(Clone, Debug)]
struct Node {
    types: Types,
    /// All alternatives that can be an object have `properties`.
    declares: bool,
    /// Bytes of the longest declared key.
    longest: usize,
    /// The declared keys: a range of [`Tools::properties`].
    properties: Range<usize>,
    /// What every other key leads to.
    additional: SchemaId,
    item: SchemaId,
}

/// A declared key, a range of [`Tools::keys`], and what it leads to.
#[derive(Clone, Debug)]
struct Property {
    key: Range<usize>,
    schema: SchemaId,
}

/// The functions of an `OpenAI` tool list, with what their schemas say about types.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// Sorted by name.
    functions: Vec<(Box<str>, SchemaId)>,
    nodes: Vec<Node>,
    /// Sorted by key within each node.
    properties: Vec<Property>,
    keys: String,
}

impl Tools {
    /// Reads the JSON text of a list of tools; `null` is the empty list.
    ///
    /// An entry is `{"type": "function", "function": {"name", "parameters"}}` or the bare `{"name", "parameters"}`; one
    /// without a name is a hosted tool and is ignored. Of functions of one name the last counts.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        Self::from_value(&json::parse(json, MAX_DEPTH)?)
    }

    /// Reads a list of tools that has been parsed already.
    pub fn from_value(value: &Value) -> Result<Self, Error> {
        let entries = match value {
            Value::Null => &[][..],
            Value::Array(entries) => entries,
            _ => return Err(Error::new(ErrorKind::Tools, 0, "tools: expected a list")),
        };
        let mut functions = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            if entry.as_object().is_none() {
                return Err(Error::new(ErrorKind::Tools, 0, format!("tools[{number}]: expected an object")));
            }
            let function = entry.get("function").filter(|function| function.as_object().is_some()).unwrap_or(entry);
            match function.get("name") {
                None => {}
                Some(Value::String(name)) => {
                    functions.push((&**name, function.get("parameters")));
                }
                Some(_) => {
                    let message = format!("tools[{number}]: expected the function's name to be a string");
                    return Err(Error::new(ErrorKind::Tools, 0, message));
                }
            }
        }
        order::sort_by(&mut functions, |(one, _), (other, _)| one.cmp(other));
        let mut tools = Self::default();
        let mut steps = compile::MAX_STEPS;
        // Of equal names the last one counts.
        for (name, parameters) in functions.chunk_by(|(one, _), (other, _)| one == other).filter_map(<[_]>::last) {
            let schema = parameters.map_or(SchemaId::ANY, |root| compile::run(&mut tools, &mut steps, root));
            tools.functions.push(((*name).into(), schema));
        }
        Ok(tools)
    }

    /// Whether the list has a function of this name.
    pub fn is_declared(&self, name: &str) -> bool {
        self.position(name).is_ok()
    }

    /// The names of the functions, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().map(|(name, _)| &**name)
    }

    /// Whether the list has no function.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.functions.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    /// Whether the name of a function begins with `prefix`, or is `prefix`.
    pub(crate) fn has_prefix(&self, prefix: &str) -> bool {
        let (Ok(at) | Err(at)) = self.position(prefix);
        self.functions.get(at).is_some_and(|(name, _)| name.starts_with(prefix))
    }

    /// The schema of the arguments object of `name`.
    pub(crate) fn parameters(&self, name: &str) -> SchemaId {
        self.position(name).ok().and_then(|at| self.functions.get(at)).map_or(SchemaId::ANY, |&(_, schema)| schema)
    }

    fn node(&self, id: SchemaId) -> Option<&Node> {
        self.nodes.get(id.0.checked_sub(SchemaId::FIRST_NODE)? as usize)
    }

    fn property(&self, node: &Node, key: &str) -> Option<SchemaId> {
        let properties = self.properties.get(node.properties.clone())?;
        let key_of = |property: &Property| self.keys.get(property.key.clone()).unwrap_or_default();
        let at = properties.binary_search_by(|property| key_of(property).cmp(key)).ok()?;
        properties.get(at).map(|property| property.schema)
    }

    /// The types that a value may have.
    pub(crate) fn types(&self, id: SchemaId) -> Types {
        match u8::try_from(id.0) {
            Ok(complement @ ..=127) => Types(Types::ALL.0 ^ complement),
            _ => self.node(id).map_or(Types::ALL, |node| node.types),
        }
    }

    /// Whether the schema declares `properties`, so that only these are possible keys.
    pub(crate) fn declares(&self, id: SchemaId) -> bool {
        self.node(id).is_some_and(|node| node.declares)
    }

    /// Whether `key` is declared in `properties`.
    pub(crate) fn is_property(&self, id: SchemaId, key: &str) -> bool {
        self.node(id).is_some_and(|node| self.property(node, key).is_some())
    }

    /// Whether a declared key begins with `byte`.
    pub(crate) fn begins_property(&self, id: SchemaId, byte: u8) -> bool {
        let Some(properties) = self.node(id).and_then(|node| self.properties.get(node.properties.clone())) else {
            return false;
        };
        let first = |property: &Property| self.keys.as_bytes().get(property.key.clone())?.first().copied();
        let at = properties.partition_point(|property| first(property) < Some(byte));
        properties.get(at).and_then(first) == Some(byte)
    }

    /// Bytes of the longest declared key.
    pub(crate) fn longest_property(&self, id: SchemaId) -> usize {
        self.node(id).map_or(0, |node| node.longest)
    }

    /// The schema of the value of `key`.
    pub(crate) fn child(&self, id: SchemaId, key: &str) -> SchemaId {
        self.node(id).map_or(SchemaId::ANY, |node| self.property(node, key).unwrap_or(node.additional))
    }

    /// The schema of the items of an array.
    pub(crate) fn item(&self, id: SchemaId) -> SchemaId {
        self.node(id).map_or(SchemaId::ANY, |node| node.item)
    }
}
