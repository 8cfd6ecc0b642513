//! Outputs with the events that must come of them, for counting instructions and measuring time.

pub mod case;
mod hostile;
mod ordinary;
mod quotes;
pub mod run;

use case::Case;

/// A workload: its name, what it shows, its form where not both are of interest, its largest size in tokens, and what
/// writes it.
pub struct Workload {
    pub name: &'static str,
    pub about: &'static str,
    pub forms: &'static [&'static str],
    pub largest: usize,
    pub hostile: bool,
    pub build: fn(usize, &mut Case),
}

const BOTH: &[&str] = &["ids", "text"];
const IDS: &[&str] = &["ids"];
const TEXT: &[&str] = &["text"];
const LARGE: usize = 1 << 16;
/// Tokens of 10 MB.
const HUGE: usize = 4_000_000;
/// 7.3 MiB: 7, 3, 1 and no times the 1 MiB that may be held, so that these steps double too.
const LONG: usize = 1_100_000;

macro_rules! workloads {
    ($($home:ident::$name:ident $forms:ident $largest:ident $about:literal;)*) => {
        &[$(Workload {
            name: stringify!($name),
            about: $about,
            forms: $forms,
            largest: $largest,
            hostile: !matches!(stringify!($home).as_bytes(), b"ordinary"),
            build: $home::$name,
        },)*]
    };
}

/// All workloads.
pub const WORKLOADS: &[Workload] = workloads![
    ordinary::prose BOTH LARGE "an answer of prose";
    ordinary::thought BOTH LARGE "a thought of prose";
    ordinary::string BOTH LARGE "write_file with one long delimited string of prose";
    ordinary::code BOTH LARGE "write_file with one long string of code: quotes, commas, newlines";
    ordinary::code_declared IDS LARGE "the same, the tool declared";
    ordinary::nested BOTH LARGE "the same string in edits:[{new_text,path}]";
    ordinary::numbers BOTH LARGE "one array of numbers";
    ordinary::objects BOTH LARGE "one array of nested objects";
    ordinary::parallel BOTH LARGE "ten parallel calls, again and again";
    ordinary::byte_tokens BOTH LARGE "characters that come byte by byte";
    hostile::string_10mb IDS HUGE "write_file with a string of 10 MB";
    hostile::open_string BOTH LARGE "a string that is never closed";
    hostile::openers BOTH LARGE "nothing but openers";
    hostile::deep BOTH LARGE "objects nested 300 deep, again and again";
    hostile::closing_in_string BOTH LARGE "a string of closing brackets";
    hostile::blanks_in_string BOTH LARGE "a string of blanks";
    hostile::blanks_in_call BOTH LARGE "blanks between the tokens of a call";
    hostile::blanks_in_thought BOTH LARGE "a thought of blanks";
    hostile::blanks_in_header IDS LARGE "blanks behind a declared name without call:";
    hostile::marker_in_string BOTH LONG "close markers in a string, undecided until its end";
    hostile::held_calls IDS LARGE "a string left open whose held text is full of malformed calls";
    hostile::calls_in_block BOTH LARGE "calls in one block";
    hostile::rejected IDS LARGE "malformed calls";
    hostile::less_than BOTH LARGE "nothing but <";
    hostile::prefixes TEXT LARGE "beginnings of control literals";
    hostile::eos TEXT LARGE "nothing but <eos>";
    hostile::eos_text TEXT LARGE "<eos> and a letter, in turn";
    hostile::eos_then_text TEXT LARGE "many <eos>, one letter, many <eos>";
    hostile::quoted_markers BOTH LARGE "control tokens between quote characters";
    hostile::after_end IDS LARGE "text behind the end of the turn";
    quotes::single_quotes IDS LARGE "a value in single quotes full of quotes that may close it";
    quotes::quoted_keys IDS LARGE "a value in single quotes, each quote followed by a comma and another quote";
    quotes::backslashes IDS LARGE "a value in single quotes full of backslashes";
    quotes::json_string IDS LARGE "a value in double quotes full of escapes";
    quotes::bare_commas IDS LARGE "an undelimited text of a string property, full of commas and quotes";
    quotes::undeclared_keys IDS LARGE "keys that the schema does not declare";
    quotes::coerced IDS LARGE "delimited numbers, coerced";
];
