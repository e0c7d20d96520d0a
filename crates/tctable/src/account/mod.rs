//! What every inside host sent and received: the tc_counter table; groups of hosts, and what both may.

mod config;
mod connections;
mod group;
mod host;
mod inside;
mod limit;
mod links;
mod mac;
mod metering;
mod owner;
mod period;
mod quota;
mod rates;
mod roster;
mod snapshot;
mod table;

pub use config::Config;
pub use group::{Group, GroupError, Groups, Member};
pub use host::{Class, ClassCounters, Host, Side};
pub use inside::Inside;
pub(crate) use limit::Herald;
pub use limit::{Limits, Refusal};
pub use mac::MacAddress;
pub(crate) use mac::Station;
pub(crate) use metering::QuotaUsedUp;
pub(crate) use owner::{Ends, Owner};
pub use period::{MonthDay, Period, Span, UtcOffset, Weekday};
pub use quota::{Customer, HardMark, MarkReached, OverQuota, Quota, QuotaMark, Usage};
pub use rates::{Rates, Traffic};
pub use roster::GroupReport;
pub use snapshot::{HostBook, HostPass, SnapshotError};
pub use table::{HostTableFull, Hosts};
