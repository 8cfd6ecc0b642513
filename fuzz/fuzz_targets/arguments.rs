//! The target `arguments`: see `src/arguments.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gemma4_parser_fuzz::arguments::run(data));
