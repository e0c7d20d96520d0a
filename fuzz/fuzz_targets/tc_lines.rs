//! Arbitrary text as lines of tc: never a panic; and what is read is written so that it is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tctable::packet::DeviceId;
use tctable::sched::text::Reader;

fuzz_target!(|text: &str| {
    let mut reader = Reader::new();
    reader.name_device("eth0", DeviceId(0));
    reader.name_device("lo", DeviceId(1));
    match reader.read(text) {
        Ok(statements) => {
            for statement in statements {
                let name = |device| if device == DeviceId(0) { "eth0" } else { "lo" };
                let written = statement.command.text(name).to_string();
                let again = reader.read(&written);
                let again = again.unwrap_or_else(|error| panic!("{error}\n{written}"));
                assert_eq!(again.len(), 1, "{written}");
                assert_eq!(again[0].command, statement.command, "{written}");
            }
        }
        Err(error) => {
            let line = text.split('\n').nth(error.line as usize - 1).expect("the line is there");
            assert!(error.column as usize <= line.chars().count() + 1, "{error}");
        }
    }
});
