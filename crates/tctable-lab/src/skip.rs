use std::fmt::Display;

/// Set where a test that cannot ask the kernel must not pass for one that did.
const REQUIRED: &str = "TCTABLE_TEST_EVERYTHING";

/// Says in one line why something is not tested: a right or a tool is missing.
///
/// # Panics
/// Where the environment has `TCTABLE_TEST_EVERYTHING`.
pub fn not_tested(why: impl Display) {
    assert!(std::env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, but: {why}");
    eprintln!("not tested: {why}");
}
