use super::options::{ActionVerdict, SkbeditOptions};
use crate::sched::skb::Skb;

pub(super) fn run(options: &SkbeditOptions, skb: &mut Skb<'_>) -> ActionVerdict {
    if let Some(mark) = options.mark {
        skb.mark = skb.mark & !mark.mask | mark.value & mark.mask;
    }
    if let Some(class) = options.priority {
        skb.priority = class.0;
    }
    options.verdict
}
