use std::fmt;

use crate::conntrack::Conntrack;

/// The first line of `net/stat/nf_conntrack`: the names of the groups of numbers below it.
pub(super) const HEAD: &str = "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop \
                               early_drop icmp_error  expect_new expect_create expect_delete search_restart";

/// The line of the one processor that there is.
///
/// What the kernel no longer counts is 0 (`new`, `ignore`, `delete`), and so is `insert`, which counts what programs put in
/// the table, and `search_restart`, as nobody moves the table during a search. [`crate::conntrack::Statistics`] tells more.
pub(super) fn line(conntrack: &Conntrack) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let counted = conntrack.statistics();
        let expected = conntrack.expectations().statistics();
        write!(f, "{:08x} ", conntrack.count())?;
        let packets = [counted.clash_resolve, counted.found, 0, counted.invalid, 0, 0, counted.chaintoolong, 0];
        numbers(f, &packets)?;
        numbers(f, &[counted.insert_failed, counted.drop, counted.early_drop, counted.error])?;
        f.write_str(" ")?;
        numbers(f, &[expected.new, expected.create, expected.delete, 0])
    })
}

/// The kernel's are 32 bits wide, and wrap.
fn numbers(f: &mut fmt::Formatter<'_>, numbers: &[u64]) -> fmt::Result {
    numbers.iter().try_for_each(|number| write!(f, " {:08x}", *number as u32))
}
