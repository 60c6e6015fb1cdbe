#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| native_submit_fuzz::rest(data));
