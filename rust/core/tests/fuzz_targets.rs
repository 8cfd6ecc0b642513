//! The fuzz targets without a fuzzer: the inputs that are kept, and every vector with any choices before it.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails should panic, and the targets share their parts"
)]

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

use std::panic::catch_unwind;
use std::path::Path;

use targets::common::Random;
use targets::{TARGETS, Target};

/// Runs the target on each input; the panics say why those that are named fail.
fn replay(target: &str, run: Target, inputs: &[(String, Vec<u8>)]) {
    let failed = inputs.iter().filter(|(_, data)| catch_unwind(|| run(data)).is_err());
    let names: Vec<&str> = failed.map(|(name, _)| name.as_str()).collect();
    assert!(names.is_empty(), "{} inputs of {target} fail: {}", names.len(), names.join(" "));
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Nothing of what is kept in `fuzz/regressions` fails.
#[test]
fn regressions() {
    for (name, run) in TARGETS {
        let files = std::fs::read_dir(root().join("fuzz/regressions").join(name)).unwrap();
        let inputs: Vec<(String, Vec<u8>)> = files
            .map(|file| file.unwrap().path())
            .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
            .collect();
        assert!(!inputs.is_empty(), "{name} has no regressions");
        replay(name, run, &inputs);
    }
}

/// The vectors are inputs that no target fails on, whatever the choices are that they are read with.
#[test]
fn vectors_as_inputs() {
    let mut random = Random(3);
    let mut inputs = Vec::new();
    for file in ["output.jsonl", "own.jsonl"] {
        let lines = std::fs::read_to_string(root().join("tests/vectors").join(file)).unwrap();
        for line in lines.split('\n').filter(|line| !line.is_empty()) {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            for _ in 0..2 {
                let choices: Vec<u8> = (0..5).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
                let data = [choices.as_slice(), case["text"].as_str().unwrap().as_bytes()].concat();
                inputs.push((format!("{} {choices:?}", case["id"]), data));
            }
        }
    }
    assert!(inputs.len() > 1000, "the vectors are all there");
    for (name, run) in TARGETS {
        replay(name, run, &inputs);
    }
}
