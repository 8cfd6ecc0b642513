//! The target `oracle`: see `src/oracle.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gemma4_parser_fuzz::oracle::run(data));
