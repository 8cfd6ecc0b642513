//! The declarations of the official style: the part of a schema that the template knows.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::{self, Vec};

use super::jinja::{Element, Elements, dictsort, is_text, shown, true_item, truthy, upper};
use super::writer::{Place, Writer};
use crate::error::RenderError;
use crate::format::{Keys, write_value};
use crate::json::Value;
use crate::token::ControlToken as C;

/// What is no property where an object without `properties` stands for them.
const STANDARD_KEYS: [&str; 5] = ["description", "type", "properties", "required", "nullable"];

/// Prints one tool.
pub(super) fn write(tool: &Value<'_>, number: usize, out: &mut Writer) -> Result<(), RenderError> {
    let place = Place::Tool(number, 0);
    out.at(place);
    let fail = |reason| Err(RenderError::new(place, reason));
    let Some(function) = tool.get("function") else { return fail("the tool has no function") };
    let response = match function {
        Value::Object(_) => function.get("response"),
        Value::String(text) if !text.contains("response") => None,
        Value::Array(items) if !items.iter().any(|item| is_text(Some(item), "response")) => None,
        _ => return fail("the function must be a mapping"),
    };
    out.control(C::ToolOpen);
    out.text("declaration:");
    out.text(&shown(function.get("name")));
    out.text("{description:");
    out.quoted(&shown(function.get("description")));
    if let Some(parameters) = true_item(function, "parameters") {
        write_parameters(parameters, place, out)?;
    }
    if let Some(response) = response {
        out.text(",response:{");
        if let Some(description) = true_item(response, "description") {
            out.text("description:");
            out.quoted(&shown(Some(description)));
            out.text(",");
        }
        // The brace is closed only here.
        if upper(response.get("type")) == "OBJECT" {
            out.text("type:");
            out.quoted("OBJECT");
            out.text("}");
        }
    }
    out.text("}");
    out.control(C::ToolClose);
    Ok(())
}

fn write_parameters(parameters: &Value<'_>, place: Place, out: &mut Writer) -> Result<(), RenderError> {
    out.text(",parameters:{");
    if let Some(properties) = true_item(parameters, "properties") {
        out.text("properties:{");
        write_properties(properties, place, out)?;
        out.text("},");
    }
    if let Some(required) = true_item(parameters, "required") {
        write_required(required, place, out)?;
        out.text(",");
    }
    if let Some(kind) = true_item(parameters, "type") {
        out.text("type:");
        out.quoted(&upper(Some(kind)));
        // The brace is closed only here.
        out.text("}");
    }
    Ok(())
}

/// What is still to be printed, the innermost last.
enum Task<'a> {
    /// Properties, but for the standard keys where they are `filtered`.
    Properties { rest: Pairs<'a>, started: bool, filtered: bool },
    /// The keywords of `items`.
    Items { rest: Pairs<'a>, started: bool },
    /// What follows `items` in a property.
    Nullable { property: &'a Value<'a>, kind: String, comma: bool },
    /// What follows the `properties` of a property.
    Required { property: &'a Value<'a>, kind: String },
    /// A closing brace.
    Close,
}

type Pairs<'a> = vec::IntoIter<(&'a str, &'a Value<'a>)>;

struct Printer<'a, 'w> {
    tasks: Vec<Task<'a>>,
    place: Place,
    out: &'w mut Writer,
}

fn write_properties(properties: &Value<'_>, place: Place, out: &mut Writer) -> Result<(), RenderError> {
    let mut printer = Printer { tasks: Vec::new(), place, out };
    printer.open_properties(properties, false)?;
    while let Some(task) = printer.tasks.pop() {
        match task {
            Task::Properties { rest, started, filtered } => printer.properties(rest, started, filtered)?,
            Task::Items { rest, started } => printer.items(rest, started)?,
            Task::Nullable { property, kind, comma } => printer.nullable(property, kind, comma)?,
            Task::Required { property, kind } => printer.required(property, &kind)?,
            Task::Close => printer.out.text("}"),
        }
    }
    Ok(())
}

impl<'a> Printer<'a, '_> {
    fn open_properties(&mut self, properties: &'a Value<'a>, filtered: bool) -> Result<(), RenderError> {
        let Some(pairs) = dictsort(properties) else {
            return Err(RenderError::new(self.place, "properties must be a mapping"));
        };
        self.tasks.push(Task::Properties { rest: pairs.into_iter(), started: false, filtered });
        Ok(())
    }

    /// Prints a comma, but for the first time.
    fn comma(&mut self, started: &mut bool) {
        if core::mem::replace(started, true) {
            self.out.text(",");
        }
    }

    /// Prints the next property up to its `items`.
    fn properties(&mut self, mut rest: Pairs<'a>, mut started: bool, filtered: bool) -> Result<(), RenderError> {
        let Some((key, property)) = rest.find(|(key, _)| !filtered || !STANDARD_KEYS.contains(key)) else {
            return Ok(());
        };
        self.comma(&mut started);
        self.tasks.push(Task::Properties { rest, started, filtered });
        self.out.text(key);
        self.out.text(":{");
        let mut comma = false;
        if let Some(description) = true_item(property, "description") {
            self.comma(&mut comma);
            self.out.text("description:");
            self.out.quoted(&shown(Some(description)));
        }
        let kind = upper(property.get("type"));
        match kind.as_str() {
            "STRING" => {
                if let Some(values) = true_item(property, "enum") {
                    self.comma(&mut comma);
                    self.out.text("enum:");
                    write_value(values, Keys::Quoted, self.out);
                }
            }
            "ARRAY" => {
                if let Some(items) = true_item(property, "items").and_then(dictsort) {
                    self.comma(&mut comma);
                    self.out.text("items:{");
                    self.tasks.push(Task::Nullable { property, kind, comma });
                    self.tasks.push(Task::Close);
                    self.tasks.push(Task::Items { rest: items.into_iter(), started: false });
                    return Ok(());
                }
            }
            _ => {}
        }
        self.nullable(property, kind, comma)
    }

    /// Prints the next keywords of `items`.
    fn items(&mut self, mut rest: Pairs<'a>, mut started: bool) -> Result<(), RenderError> {
        while let Some((key, value)) = rest.find(|(_, value)| **value != Value::Null) {
            self.comma(&mut started);
            match key {
                "properties" => {
                    self.out.text("properties:{");
                    self.tasks.push(Task::Items { rest, started });
                    self.tasks.push(Task::Close);
                    return if value.as_object().is_some() { self.open_properties(value, false) } else { Ok(()) };
                }
                "required" => write_required(value, self.place, self.out)?,
                "type" => {
                    self.out.text("type:");
                    write_value(&self.type_of_items(value)?, Keys::Quoted, self.out);
                }
                _ => {
                    self.out.text(key);
                    self.out.text(":");
                    write_value(value, Keys::Quoted, self.out);
                }
            }
        }
        Ok(())
    }

    fn type_of_items(&self, value: &Value<'_>) -> Result<Value<'static>, RenderError> {
        let name = |text: String| Value::String(Cow::Owned(text));
        if value.as_str().is_some() {
            return Ok(name(upper(Some(value))));
        }
        if !truthy(value) {
            return Ok(Value::Array(Vec::new()));
        }
        let Some(elements) = Elements::of(value) else {
            return Err(RenderError::new(self.place, "type must be a string or a list"));
        };
        Ok(Value::Array(elements.map(|element| name(element.shown().to_uppercase())).collect()))
    }

    /// Prints a property of type `kind` from its `nullable` on.
    fn nullable(&mut self, property: &'a Value<'a>, kind: String, mut comma: bool) -> Result<(), RenderError> {
        if true_item(property, "nullable").is_some() {
            self.comma(&mut comma);
            self.out.text("nullable:true");
        }
        if kind == "OBJECT" {
            self.comma(&mut comma);
            self.out.text("properties:{");
            self.tasks.push(Task::Required { property, kind });
            self.tasks.push(Task::Close);
            // Without properties, all that the template does not know is taken for them.
            let properties = property.get("properties").filter(|properties| properties.as_object().is_some());
            return self.open_properties(properties.unwrap_or(property), properties.is_none());
        }
        self.end(&kind, comma);
        Ok(())
    }

    /// Prints a property of type object behind its `properties`.
    fn required(&mut self, property: &'a Value<'a>, kind: &str) -> Result<(), RenderError> {
        if let Some(required) = true_item(property, "required") {
            self.out.text(",");
            write_required(required, self.place, self.out)?;
        }
        self.end(kind, true);
        Ok(())
    }

    fn end(&mut self, kind: &str, mut comma: bool) {
        self.comma(&mut comma);
        self.out.text("type:");
        self.out.quoted(kind);
        self.out.text("}");
    }
}

fn write_required(required: &Value<'_>, place: Place, out: &mut Writer) -> Result<(), RenderError> {
    let Some(elements) = Elements::of(required) else {
        return Err(RenderError::new(place, "required must be a list"));
    };
    out.text("required:[");
    for (number, element) in elements.enumerate() {
        if number > 0 {
            out.text(",");
        }
        if let Element::Item(value) = element {
            out.quoted(&shown(Some(value)));
        } else {
            out.quoted(&element.shown());
        }
    }
    out.text("]");
    Ok(())
}
