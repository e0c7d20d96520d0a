//! What changes the tree, and what lists it: operations on qdiscs, classes and filters with the kernel's meaning, as typed
//! requests with typed errors.

mod class;
mod dump;
mod errno;
mod error;
mod filter;
mod hosts;
mod kinds;
mod notify;
mod qdisc;
mod request;
mod view;

pub use dump::{ClassDump, FilterDump, QdiscDump};
pub use errno::Errno;
pub use error::{
    DeleteClassError, DeleteQdiscError, FilterPlaceError, FilterRequestError, GetClassError, GetQdiscError,
    SetClassError, SetQdiscError,
};
pub(super) use notify::Notifications;
pub use notify::{Change, Notification, Object};
pub use request::{ClassRequest, Flags, QdiscRequest, QdiscSpec};
pub use view::{ClassEntry, FilterEntry, QdiscView};
