use crate::sched::action::ActionOptions;
use crate::sched::handle::Handle;

/// A `matchall` filter: every packet. A priority holds one, which can only be deleted with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchallOptions {
    /// The class that they belong to.
    pub class: Option<Handle>,
    /// What is done to them.
    pub actions: Vec<ActionOptions>,
}
