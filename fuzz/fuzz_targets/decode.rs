//! Feeds arbitrary bytes to every decoder of `grove-wire`: what comes from outside must never
//! panic, nor allocate more than its own length allows.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| grove_wire::decode_everything(bytes));
