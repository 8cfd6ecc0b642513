//! What each fuzz target does with an input. The tests of the core include this file too, to replay what is kept in
//! `fuzz/regressions`.

#[path = "../../rust/core/tests/common/mod.rs"]
pub mod common;

pub mod arguments;
pub mod input;
pub mod oracle;
pub mod splits;
pub mod total;

/// A target: panics where something is wrong with what the parser makes of these bytes.
pub type Target = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: [(&str, Target); 4] =
    [("splits_agree", splits::run), ("oracle", oracle::run), ("arguments", arguments::run), ("total", total::run)];
