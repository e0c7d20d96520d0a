//! Every tunable does what it is there for, set on a gateway that is running.

mod file;
mod fragments;
mod hosts;
mod names;
mod rules;
mod table;
mod timeouts;

/// One test for each tunable, and a list of what has one.
macro_rules! tunables {
    ($($name:literal => $test:ident: $shows:expr;)+) => {
        $(
            #[test]
            fn $test() {
                for net in crate::support::BOTH {
                    $shows(net, $name);
                }
            }
        )+

        /// The tunables that are tested here.
        pub(super) const TESTED: &[&str] = &[$($name),+];
    };
}
pub(super) use tunables;
