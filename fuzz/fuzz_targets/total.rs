//! The target `total`: see `src/total.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gemma4_parser_fuzz::total::run(data));
