//! The target `splits_agree`: see `src/splits.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gemma4_parser_fuzz::splits::run(data));
