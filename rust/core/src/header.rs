//! What stands before a call's arguments: `call:`, the name, the opening bracket (rules `opener` and `name`).

use alloc::string::String;

use crate::event::Repair;
use crate::schema::Tools;
use crate::tail::reuse;
use crate::token::{is_blank, is_word, trim_end, trim_start};

/// Bytes that a name may have.
pub(crate) const NAME_LIMIT: usize = 1024;

pub(crate) const CALL: &str = "call:";

/// Which headers are accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forms {
    /// The drifted forms after an opener, and `(` as a bracket.
    pub(crate) lenient: bool,
    /// `:name`, `name` and `-name` besides `call:name`.
    pub(crate) drifted: bool,
    /// Only names of declared functions.
    pub(crate) declared: bool,
}

/// What a character has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    /// A name and the bracket that opens the arguments; `round` for `(`.
    Call {
        round: bool,
    },
    /// What has come, the character included, begins no accepted header.
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Blanks before anything else.
    Lead,
    /// A prefix of `call:`, and perhaps of a declared name.
    Call,
    /// A prefix of a declared name, the form `bare_opener`.
    Bare,
    /// Behind the colon.
    Name,
}

/// Reads a header character by character.
#[derive(Debug)]
pub(crate) struct Header {
    /// All characters so far.
    text: String,
    stage: Stage,
    /// Where the name (or the prefix of `call:`) starts.
    start: usize,
    /// A blank that is a control character stands at the end: nothing but blanks and the bracket may follow.
    gap: bool,
    repair: Option<Repair>,
}

impl Header {
    pub(crate) const fn new() -> Self {
        Self { text: String::new(), stage: Stage::Lead, start: 0, gap: false, repair: None }
    }

    /// Starts anew; `named` where the colon has been read already.
    pub(crate) fn begin(&mut self, named: bool) {
        reuse(&mut self.text);
        self.stage = if named { Stage::Name } else { Stage::Lead };
        self.start = 0;
        self.gap = false;
        self.repair = None;
    }

    /// All characters so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing but blanks has come.
    pub(crate) fn is_blank(&self) -> bool {
        self.stage == Stage::Lead
    }

    /// The name, once [`Progress::Call`] was given.
    pub(crate) fn name(&self) -> &str {
        let name = self.text.get(self.start..self.text.len().saturating_sub(1)).unwrap_or_default();
        trim_end(trim_start(name))
    }

    /// The repair of the form, once [`Progress::Call`] was given.
    pub(crate) const fn repair(&self) -> Option<Repair> {
        self.repair
    }

    /// Reads on until something is decided; gives back what was not read.
    pub(crate) fn read<'t>(&mut self, text: &'t str, forms: Forms, tools: Option<&Tools>) -> (Progress, &'t str) {
        let mut rest = self.read_plain(text, forms);
        let mut characters = rest.chars();
        while let Some(character) = characters.next() {
            let progress = self.character(character, forms, tools);
            rest = characters.as_str();
            if progress != Progress::More {
                return (progress, rest);
            }
        }
        (Progress::More, rest)
    }

    /// Reads `call:` and the beginning of a name at once, where nothing but the bracket decides what they are.
    fn read_plain<'t>(&mut self, text: &'t str, forms: Forms) -> &'t str {
        let mut rest = text;
        if let (true, Some(behind)) = (self.text.is_empty() && self.stage == Stage::Lead, text.strip_prefix(CALL)) {
            self.text.push_str(CALL);
            self.colon(None);
            rest = behind;
        }
        let word = rest.bytes().take_while(|byte| is_word(*byte)).count();
        let fits = self.text.len() - self.start + word <= NAME_LIMIT;
        if word > 0 && fits && self.stage == Stage::Name && !self.gap && !forms.declared {
            let (word, behind) = rest.split_at_checked(word).unwrap_or_default();
            self.text.push_str(word);
            rest = behind;
        }
        rest
    }

    pub(crate) fn character(&mut self, character: char, forms: Forms, tools: Option<&Tools>) -> Progress {
        self.text.push(character);
        let blank = character.is_ascii() && is_blank(character as u8);
        match self.stage {
            Stage::Lead if blank => Progress::More,
            Stage::Lead => {
                self.start = self.text.len() - character.len_utf8();
                if character == ':' && forms.drifted && forms.lenient {
                    return self.colon(Some(Repair::ColonOpener));
                }
                self.stage = Stage::Call;
                self.call(forms, tools)
            }
            Stage::Call => self.call(forms, tools),
            Stage::Bare => self.bare(character, tools),
            Stage::Name => self.in_name(character, blank, forms, tools),
        }
    }

    fn colon(&mut self, repair: Option<Repair>) -> Progress {
        self.repair = repair;
        self.stage = Stage::Name;
        self.start = self.text.len();
        Progress::More
    }

    fn call(&mut self, forms: Forms, tools: Option<&Tools>) -> Progress {
        let read = self.text.get(self.start..).unwrap_or_default();
        if read == CALL {
            return self.colon(None);
        }
        if CALL.starts_with(read) {
            return Progress::More;
        }
        if !(forms.drifted && forms.lenient) {
            return Progress::No;
        }
        self.stage = Stage::Bare;
        self.repair = Some(Repair::BareOpener);
        let last = read.chars().next_back().unwrap_or_default();
        self.bare(last, tools)
    }

    /// `name{` or `-name{`: as long as a declared name may come of it.
    fn bare(&mut self, last: char, tools: Option<&Tools>) -> Progress {
        let Some(tools) = tools else { return Progress::No };
        let read = self.text.get(self.start..).unwrap_or_default();
        if last == '{' || last == '(' {
            let name = trim_end(read.get(..read.len() - 1).unwrap_or_default());
            let declared = |name: &str| name.len() <= NAME_LIMIT && tools.is_declared(name);
            if !declared(name) {
                if !name.strip_prefix('-').is_some_and(declared) {
                    return Progress::No;
                }
                self.start += 1;
            }
            return Progress::Call { round: last == '(' };
        }
        let dashless = read.strip_prefix('-');
        if read.len() <= NAME_LIMIT + 1
            && (read == "-" || tools.has_prefix(read) || dashless.is_some_and(|read| tools.has_prefix(read)))
        {
            return Progress::More;
        }
        // Blanks behind a whole name.
        if !(last.is_ascii() && is_blank(last as u8)) {
            return Progress::No;
        }
        self.gap = self.gap || {
            let name = trim_end(read);
            tools.is_declared(name) || name.strip_prefix('-').is_some_and(|name| tools.is_declared(name))
        };
        if self.gap { Progress::More } else { Progress::No }
    }

    fn in_name(&mut self, character: char, blank: bool, forms: Forms, tools: Option<&Tools>) -> Progress {
        let length = character.len_utf8();
        let empty = self.start + length == self.text.len();
        if blank {
            if empty {
                self.start = self.text.len();
            } else {
                self.gap |= character != ' ';
            }
            // The name so far may be followed by blanks, declared or not; a declared one is looked at with the bracket.
            return Progress::More;
        }
        if character == '{' || (character == '(' && forms.lenient) {
            let is_declared = |name: &str| tools.is_some_and(|tools| tools.is_declared(name));
            // `:call:name{`: the colon was one too many, if that is the name that is meant.
            let behind = self.name().strip_prefix(CALL).map(trim_start).filter(|name| !name.is_empty());
            let colon = self.repair == Some(Repair::ColonOpener);
            if colon && behind.is_some_and(|name| is_declared(name) && !is_declared(self.name())) {
                self.start += CALL.len();
            }
            let declared = || is_declared(self.name());
            return if empty || (forms.declared && !declared()) {
                Progress::No
            } else {
                Progress::Call { round: character == '(' }
            };
        }
        let forbidden = matches!(character, '"' | '\'' | '`' | '<') || character < ' ';
        if forbidden || self.gap || self.text.len() - self.start > NAME_LIMIT {
            return Progress::No;
        }
        let name = self.text.get(self.start..).unwrap_or_default();
        if forms.declared && !tools.is_some_and(|tools| tools.has_prefix(name)) {
            return Progress::No;
        }
        Progress::More
    }
}
