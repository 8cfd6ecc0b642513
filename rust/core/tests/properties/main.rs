//! The invariants, each as a property over outputs of every kind.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails should panic, and shares its parts as it likes"
)]

mod canonical;
#[path = "../common/mod.rs"]
mod common;
mod early;
mod events;
mod grammar;
mod round_trip;
mod wire;

use proptest::prelude::ProptestConfig;

/// As many cases as `PROPTEST_CASES` says, else `cases`. Nothing is written beside the sources: a failure worth
/// keeping becomes a vector.
fn cases(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(cases),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    }
}
