//! Declarations of the fixed style: the whole schema (the repairs `tool-shape` and `declaration`).

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::{self, Vec};
use core::fmt::Write as _;
use core::iter::Enumerate;
use core::{fmt, ptr, slice};

use super::jinja::truthy;
use super::results::function_of;
use super::writer::{Place, Topic, Writer};
use crate::error::RenderError;
use crate::format::{Keys, sort, sorted, write_value};
use crate::json::Value;
use crate::json::pointer::Pointers;
use crate::order;
use crate::token::ControlToken as C;

/// How often `$ref` is replaced in one declaration, and how often a warning says that it is not.
const MAX_REPLACED: usize = 256;

static OBJECT: Value<'static> = Value::String(Cow::Borrowed("OBJECT"));
static NO_PROPERTIES: Value<'static> = Value::Object(Vec::new());

/// Prints one tool.
pub(super) fn write(tool: &Value<'_>, number: usize, out: &mut Writer) -> Result<(), RenderError> {
    let place = Place::Tool(number, 0);
    let function = function_of(tool);
    let Some(name) = function.get("name").and_then(Value::as_str) else {
        return Err(RenderError::new(place, "the tool has no function with a name"));
    };
    let get = |key| function.get(key).filter(|value| **value != Value::Null);
    let parameters = get("parameters");
    if parameters.is_some_and(|parameters| parameters.as_object().is_none()) {
        return Err(RenderError::new(format_args!("{place}.parameters"), "parameters must be a mapping"));
    }
    let response = get("response").filter(|response| response.as_object().is_some());
    let read = ["name", "description", "parameters", if response.is_some() { "response" } else { "name" }];
    out.warn_of_wrapped(place, tool, function, &read);
    out.at(place);
    out.control(C::ToolOpen);
    out.text("declaration:");
    out.text(name);
    out.text("{description:");
    write_value(get("description").unwrap_or(&Value::String(Cow::Borrowed(""))), Keys::Bare, out);
    let mut printer = Printer::new(number, out);
    for (name, schema) in [("parameters", parameters), ("response", response)] {
        if let Some(schema) = schema.filter(|schema| truthy(schema)) {
            printer.write(name, schema);
        }
    }
    out.text("}");
    out.control(C::ToolClose);
    Ok(())
}

/// Where a value stands: under a key or in a list.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Parameters,
    Property,
    Other,
}

/// What is being printed.
struct Frame<'a> {
    kind: Kind,
    close: &'static str,
    rest: Rest<'a>,
    /// What of it is being printed; nothing yet.
    step: Option<Step<'a>>,
}

enum Rest<'a> {
    Pairs(vec::IntoIter<(&'a str, &'a Value<'a>)>),
    Items(Enumerate<slice::Iter<'a, Value<'a>>>),
}

impl<'a> Rest<'a> {
    fn next(&mut self) -> Option<(Step<'a>, &'a Value<'a>)> {
        match self {
            Self::Pairs(pairs) => pairs.next().map(|(key, value)| (Step::Key(key), value)),
            Self::Items(items) => items.next().map(|(index, item)| (Step::Index(index), item)),
        }
    }
}

enum Kind {
    /// The keywords of a schema; and how many mappings were open outside of it.
    Schema(usize),
    /// Schemas, by name or in a list.
    Members(Role),
}

/// Prints the schemas of one declaration.
struct Printer<'a, 'w> {
    number: usize,
    /// What is printed, and what it is called; pointers lead into it.
    root: (&'a str, &'a Value<'a>),
    frames: Vec<Frame<'a>>,
    /// The mappings whose keywords are being printed.
    open: Vec<&'a Value<'a>>,
    pointers: Pointers<'a>,
    replaced: usize,
    /// References that are printed as they are.
    left: usize,
    /// How many schemas have been opened.
    schemas: usize,
    out: &'w mut Writer,
}

impl<'a, 'w> Printer<'a, 'w> {
    fn new(number: usize, out: &'w mut Writer) -> Self {
        Self {
            number,
            root: ("", &NO_PROPERTIES),
            frames: Vec::new(),
            open: Vec::new(),
            pointers: Pointers::default(),
            replaced: 0,
            left: 0,
            schemas: 0,
            out,
        }
    }

    fn write(&mut self, name: &'a str, schema: &'a Value<'a>) {
        self.root = (name, schema);
        self.out.text(",");
        self.out.text(name);
        self.out.text(":");
        self.open_schema(schema, if name == "parameters" { Role::Parameters } else { Role::Other });
        while let Some(frame) = self.frames.last_mut() {
            let Some((step, value)) = frame.rest.next() else {
                self.out.text(frame.close);
                if let Kind::Schema(outside) = frame.kind {
                    self.open.truncate(outside);
                }
                self.frames.pop();
                continue;
            };
            if frame.step.replace(step).is_some() {
                self.out.text(",");
            }
            if let Step::Key(key) = step {
                self.out.text(key);
                self.out.text(":");
            }
            match (&frame.kind, step) {
                (Kind::Members(role), _) if value.as_object().is_some() => {
                    let role = *role;
                    self.open_schema(value, role);
                }
                (Kind::Schema(_), Step::Key(keyword)) => self.write_keyword(keyword, value),
                _ => write_value(value, Keys::Bare, self.out),
            }
        }
    }

    fn write_keyword(&mut self, keyword: &str, value: &'a Value<'a>) {
        match (keyword, value) {
            ("type", _) => write_type(value, self.out),
            ("properties" | "patternProperties" | "dependentSchemas", Value::Object(pairs)) => {
                let role = if keyword == "properties" { Role::Property } else { Role::Other };
                self.out.text("{");
                self.push(Kind::Members(role), "}", Rest::Pairs(sorted(pairs).into_iter()));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems" | "items", Value::Array(items)) => {
                self.out.text("[");
                self.push(Kind::Members(Role::Other), "]", Rest::Items(items.iter().enumerate()));
            }
            (
                "items"
                | "additionalItems"
                | "unevaluatedItems"
                | "contains"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "propertyNames"
                | "not"
                | "if"
                | "then"
                | "else",
                Value::Object(_),
            ) => self.open_schema(value, Role::Other),
            _ => write_value(value, Keys::Bare, self.out),
        }
    }

    fn push(&mut self, kind: Kind, close: &'static str, rest: Rest<'a>) {
        self.frames.push(Frame { kind, close, rest, step: None });
    }

    fn open_schema(&mut self, schema: &'a Value<'a>, role: Role) {
        self.schemas += 1;
        let outside = self.open.len();
        let mut pairs = self.resolved(schema);
        pairs.retain(|(key, value)| is_printed(key, value, role));
        let last = |key| pairs.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| *value);
        let is_object = last("type").and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case("OBJECT"));
        if role == Role::Parameters && last("type").is_none() {
            self.warn(Topic::NoType, "no type; OBJECT is assumed");
            pairs.push(("type", &OBJECT));
        } else if role == Role::Property && is_object && last("properties").is_none() {
            pairs.push(("properties", &NO_PROPERTIES));
        }
        sort(&mut pairs);
        self.out.text("{");
        self.push(Kind::Schema(outside), "}", Rest::Pairs(pairs.into_iter()));
    }

    /// The keywords of a schema with those that a `$ref` leads to.
    fn resolved(&mut self, schema: &'a Value<'a>) -> Vec<(&'a str, &'a Value<'a>)> {
        let pairs_of = |schema: &'a Value<'a>| schema.as_object().unwrap_or_default().iter();
        let mut pairs: Vec<(&str, _)> = pairs_of(schema).map(|(key, value)| (&**key, value)).collect();
        self.open.push(schema);
        while let Some(reference) = pairs.iter().rev().find(|(key, _)| *key == "$ref").and_then(|(_, it)| it.as_str()) {
            let Some(target) = self.target(reference) else {
                self.left += 1;
                if self.left <= MAX_REPLACED {
                    self.warn(Topic::Reference, format_args!("$ref \"{reference}\" is printed as it is"));
                }
                break;
            };
            self.replaced += 1;
            self.open.push(target);
            pairs.retain(|(key, _)| *key != "$ref");
            let mut own: Vec<&str> = pairs.iter().map(|(key, _)| *key).collect();
            order::sort_by(&mut own, Ord::cmp);
            let others = pairs_of(target).map(|(key, value)| (&**key, value));
            pairs.extend(others.filter(|(key, _)| own.binary_search(key).is_err()));
        }
        pairs
    }

    /// The mapping that a `$ref` is replaced by.
    fn target(&mut self, reference: &str) -> Option<&'a Value<'a>> {
        if self.replaced == MAX_REPLACED {
            return None;
        }
        let target = self.pointers.find(self.root.1, reference)?;
        let is_open = self.open.iter().any(|open| ptr::eq(*open, target));
        (target.as_object().is_some() && !is_open).then_some(target)
    }

    /// Warns of the schema that has been opened last.
    fn warn(&mut self, topic: Topic, text: impl fmt::Display) {
        let mut path = format!(".{}", self.root.0);
        for step in self.frames.iter().filter_map(|frame| frame.step) {
            // Writing to a string does not fail.
            let _ = match step {
                Step::Key(key) => write!(path, ".{key}"),
                Step::Index(index) => write!(path, "[{index}]"),
            };
        }
        self.out.warn_within(Place::Tool(self.number, self.schemas), &path, topic, text);
    }
}

/// Whether a keyword says anything.
fn is_printed(keyword: &str, value: &Value<'_>, role: Role) -> bool {
    let is_empty = match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(pairs) => pairs.is_empty(),
        _ => false,
    };
    match keyword {
        "$schema" | "$id" | "$anchor" | "$comment" | "$defs" | "definitions" => false,
        "const" | "default" => true,
        _ if *value == Value::Null => false,
        "description" | "enum" | "required" => !is_empty,
        "properties" => !(is_empty && role == Role::Parameters),
        "items" => !is_empty && value.as_bool().is_none(),
        "nullable" => *value != Value::Bool(false),
        _ => true,
    }
}

/// Prints a type in upper case, unless it is neither a text nor a list of texts.
fn write_type(value: &Value<'_>, out: &mut Writer) {
    let names = match value {
        Value::String(name) => return out.quoted_upper(name),
        Value::Array(items) => items.iter().map(Value::as_str).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    let Some(names) = names else { return write_value(value, Keys::Bare, out) };
    out.text("[");
    for (number, name) in names.into_iter().enumerate() {
        if number > 0 {
            out.text(",");
        }
        out.quoted_upper(name);
    }
    out.text("]");
}
