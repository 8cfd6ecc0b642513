//! How the bytes of an input are read: a few choices, a byte each, then text.

use std::sync::Arc;

use gemma4_parser::{Finish, Options, Start, Tools};

/// Lists of tools, so that schemas matter also where the input spells none.
const TOOLS: [&str; 4] = [
    r#"[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{
        "a":{"type":"string"},"b":{"type":"integer"},"c":{"type":"array","items":{"type":"string"}}}}}}]"#,
    r#"[{"name":"f"},{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]"#,
    r##"[{"name":"f","parameters":{"properties":{"a":{"$ref":"#/$defs/t"},"b":{"anyOf":[{"type":"number"},
        {"type":"null"}]},"c":{"type":"string","nullable":true}},"$defs":{"t":{"type":"object","properties":{
        "a":{"$ref":"#/$defs/t"},"b":{"enum":["x","y"]}}}},"additionalProperties":{"type":"boolean"}}}]"##,
    r#"[{"name":"f","parameters":{"properties":{"a":{"type":"object"},"b":{"type":["array","integer"]},
        "c":{"type":"number"}}}},{"name":"call"},{"name":"f g"}]"#,
];

/// The bytes that have not been read.
pub struct Input<'a>(pub &'a [u8]);

/// An output and how it is read.
pub struct Case {
    pub options: Options,
    pub finish: Finish,
    /// Where it is cut.
    pub seed: u64,
    /// Of 256 parts: how much of it a cut-off output has.
    pub part: usize,
    pub text: String,
}

impl<'a> Input<'a> {
    /// The next choice; zero at the end.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// The bytes before the next zero byte, or all.
    pub fn until_zero(&mut self) -> &'a [u8] {
        let at = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let (head, rest) = self.0.split_at(at);
        self.0 = rest.get(1..).unwrap_or_default();
        head
    }

    /// All that is left, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.0).into_owned()
    }

    /// Four choices (see `fuzz/seeds.py`), perhaps a list of tools up to a zero byte, then the output.
    pub fn case(&mut self) -> Case {
        let (flags, tools, seed, part) = (self.byte(), self.byte(), self.byte(), self.byte());
        let on = |bit: u8| flags & (1 << bit) != 0;
        let parse_reasoning = !on(5);
        let tools = match tools {
            0 => None,
            1 => Some(String::from_utf8_lossy(self.until_zero())),
            index => Some(TOOLS[usize::from(index) % TOOLS.len()].into()),
        };
        let options = Options {
            start: if on(6) && parse_reasoning { Start::Reasoning } else { Start::Content },
            parse_reasoning,
            lenient: !on(2),
            coerce: on(3),
            spaced: on(4),
            tools: tools.and_then(|json| Tools::from_json(&json).ok()).map(Arc::new),
        };
        let finish = Finish::ALL[usize::from(flags & 3) % Finish::ALL.len()];
        Case { options, finish, seed: u64::from(seed), part: usize::from(part), text: self.text() }
    }
}
