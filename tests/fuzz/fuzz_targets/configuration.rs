//! Configuration files of any content.
#![no_main]

#[path = "../inputs/mod.rs"]
#[expect(dead_code, reason = "each target calls one of the functions")]
mod inputs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inputs::configuration(bytes));
