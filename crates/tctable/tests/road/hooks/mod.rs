//! Functions at hooks: what they see, what their verdicts do, and who waits for a program.

mod edits;
mod order;
mod property;
mod queue;
mod rules;
mod verdicts;

use std::sync::{Arc, Mutex};

use tctable::Gateway;
use tctable::gateway::{HookHandle, Passing};
use tctable::hook::{Families, Hook, Verdict};

/// What functions wrote down.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn write(&self, note: impl Into<String>) {
        self.0.lock().unwrap().push(note.into());
    }

    /// What was written since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// A function that writes its name and gives always the same verdict.
    fn named(&self, name: &str, verdict: Verdict) -> impl FnMut(&mut Passing<'_, '_>) -> Verdict + Send + 'static {
        let (notes, name) = (self.clone(), name.to_owned());
        move |_| {
            notes.write(name.clone());
            verdict
        }
    }
}

/// Lets a function that always gives the same verdict look at packets of both families.
fn always(gateway: &mut Gateway, hook: Hook, priority: i32, verdict: Verdict) -> HookHandle {
    gateway.register_hook(hook, priority, Families::Both, move |_: &mut Passing<'_, '_>| verdict)
}
