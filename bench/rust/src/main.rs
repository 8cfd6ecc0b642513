//! `workload NAME SIZE [--tokens-per-delta N] [--form ids|text]`: builds a case of about SIZE tokens,
//! runs the parser on it and checks the answer; prints one line of JSON. `--tokens-per-delta 0` gives all in one delta.
//! `workload --list` names the workloads.

use std::io::Write as _;
use std::process::ExitCode;

use gemma4_parser::StreamParser;
use gemma4_parser_bench::WORKLOADS;
use gemma4_parser_bench::case::Case;
use gemma4_parser_bench::run::{self, Form, Outcome};

struct Arguments {
    name: String,
    size: usize,
    per_delta: usize,
    form: Form,
}

fn arguments() -> Result<Arguments, String> {
    let mut read = Arguments { name: String::new(), size: 0, per_delta: 1, form: Form::Ids };
    let mut given = std::env::args().skip(1);
    let number = |text: Option<String>, what: &str| {
        text.as_deref().and_then(|text| text.parse().ok()).ok_or_else(|| format!("{what}: expected a number"))
    };
    read.name = given.next().ok_or("usage: workload NAME SIZE [--tokens-per-delta N] [--form ids|text]")?;
    if read.name == "--list" {
        return Ok(read);
    }
    read.size = number(given.next(), "SIZE")?;
    while let Some(option) = given.next() {
        match option.as_str() {
            "--tokens-per-delta" => read.per_delta = number(given.next(), &option)?,
            "--form" => {
                read.form = match given.next().as_deref() {
                    Some("ids") => Form::Ids,
                    Some("text") => Form::Text,
                    _ => return Err("--form: expected ids or text".to_owned()),
                }
            }
            _ => return Err(format!("unknown option {option}")),
        }
    }
    Ok(read)
}

fn list() -> String {
    let items: Vec<_> = WORKLOADS
        .iter()
        .map(|workload| {
            let forms: Vec<_> = workload.forms.iter().map(|form| format!("\"{form}\"")).collect();
            format!(
                "{{\"name\":\"{}\",\"about\":\"{}\",\"forms\":[{}],\"largest\":{},\"hostile\":{}}}",
                workload.name,
                workload.about,
                forms.join(","),
                workload.largest,
                workload.hostile
            )
        })
        .collect();
    format!("{{\"stream_bytes\":{},\"workloads\":[{}]}}", size_of::<StreamParser>(), items.join(","))
}

fn report(arguments: &Arguments) -> Result<String, String> {
    if arguments.name == "--list" {
        return Ok(list());
    }
    let workload = WORKLOADS
        .iter()
        .find(|workload| workload.name == arguments.name)
        .ok_or_else(|| format!("no workload {:?}; --list names them", arguments.name))?;
    let mut case = Case::new();
    (workload.build)(arguments.size, &mut case);
    let outcome = run::run(&case, arguments.form, arguments.per_delta)?;
    let Outcome { deltas, events } = outcome;
    let (tokens, bytes) = (case.ids.len(), case.text.len());
    Ok(format!("{{\"tokens\":{tokens},\"bytes\":{bytes},\"deltas\":{deltas},\"events\":{events}}}"))
}

fn main() -> ExitCode {
    let reported = arguments().and_then(|arguments| report(&arguments));
    let written = match &reported {
        Ok(line) => writeln!(std::io::stdout(), "{line}"),
        Err(error) => writeln!(std::io::stderr(), "workload: {error}"),
    };
    if reported.is_ok() && written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
