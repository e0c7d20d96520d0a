//! Arbitrary bytes as a file of tunables: never a panic, all of it or nothing, and never a value out of range.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tctable::gateway::{SysctlError, Unknown};
use tctable::{Config, Gateway};

fuzz_target!(|text: &[u8]| {
    let mut gateway = Gateway::new(Config::default());
    let before = values(&gateway);
    let strict = gateway.load_sysctls(text, Unknown::Refuse);
    let after = values(&gateway);
    let lines = text.split(|byte| *byte == b'\n').count();
    match &strict {
        Ok(()) => assert!(text.contains(&b'=') || after == before, "changed without a setting"),
        Err(error) => {
            assert_eq!(after, before, "half of it was done: {error}");
            assert!((1..=lines).contains(&error.line), "{error}");
        }
    }

    // Whoever passes over unknown names takes no less, and the same of what both take.
    let mut lenient = Gateway::new(Config::default());
    match (lenient.load_sysctls(text, Unknown::Skip), &strict) {
        (Ok(()), Ok(())) => assert_eq!(values(&lenient), after),
        (Err(error), Ok(())) => panic!("{error}"),
        (Ok(()), Err(_)) => {}
        (Err(_), Err(_)) => assert_eq!(values(&lenient), before),
    }

    // Once more changes nothing, and each value can be set by hand.
    let again = gateway.load_sysctls(text, Unknown::Refuse);
    assert_eq!((&again, &values(&gateway)), (&strict, &after));
    for (name, value) in after {
        let set = gateway.set_sysctl(name, &value.to_string());
        assert!(matches!(set, Ok(()) | Err(SysctlError::ReadOnly(_))), "{name} = {value}: {set:?}");
    }
});

fn values(gateway: &Gateway) -> Vec<(&'static str, u64)> {
    gateway.sysctls().collect()
}
