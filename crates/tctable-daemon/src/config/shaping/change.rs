//! From one file of traffic control to another one, while packets wait.

use tctable::packet::DeviceId;
use tctable::sched::text::{Command, Statement};
use tctable::sched::{ClassRequest, EtherType, FilterQuery, Flags, Handle, QdiscRequest, QdiscSpec, Scheduler};
use tctable::time::Instant;

use super::{Shaping, ShapingError};

impl Shaping {
    /// Makes of what `old` set up what this one says, with as little change as can be: queues, classes that are in both and
    /// filters that are the same keep their packets, tokens and counters. Where a device's qdiscs are others, what waits in
    /// them comes back by [`Scheduler::poll_dropped`], to be offered once more. `None` is the one queue that every device has.
    ///
    /// # Errors
    /// [`ShapingError`]: try it on a copy first.
    pub fn change(
        old: Option<&Shaping>,
        new: Option<&Shaping>,
        now: Instant,
        scheduler: &mut Scheduler,
    ) -> Result<(), ShapingError> {
        let of = |shaping: Option<&Shaping>, device: DeviceId| -> Vec<Statement> {
            let statements = shaping.map_or(&[][..], |shaping| &shaping.statements);
            statements.iter().filter(|statement| statement.command.device() == device).cloned().collect()
        };
        let mut devices: Vec<DeviceId> = [old, new]
            .into_iter()
            .flatten()
            .flat_map(|shaping| shaping.statements.iter().map(|statement| statement.command.device()))
            .collect();
        devices.sort_unstable();
        devices.dedup();
        for device in devices {
            let (before, after) = (of(old, device), of(new, device));
            let same = before.iter().map(|one| &one.command).eq(after.iter().map(|one| &one.command));
            let same_qdiscs = qdiscs(&before).eq(qdiscs(&after));
            match (same, new) {
                (true, _) => {}
                (false, Some(new)) if same_qdiscs => new.alter(&before, &after, now, scheduler)?,
                (false, new) => {
                    clear(now, scheduler, device);
                    for statement in &after {
                        if let Some(new) = new {
                            new.command(now, scheduler, statement, &statement.command)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The same for a device whose qdiscs stay.
    fn alter(
        &self,
        before: &[Statement],
        after: &[Statement],
        now: Instant,
        scheduler: &mut Scheduler,
    ) -> Result<(), ShapingError> {
        let other_filters = !filters(before).eq(filters(after));
        if other_filters {
            for command in filters(before) {
                if let Command::SetFilter(request, _) = command {
                    let query = FilterQuery {
                        device: request.device,
                        parent: request.parent,
                        protocol: EtherType::UNSPEC,
                        priority: 0,
                        chain: request.chain,
                        handle: 0,
                        kind: None,
                    };
                    // Where several filters hang, the first deletion took them all.
                    let _ = scheduler.delete_filter(now, &query);
                }
            }
        }
        for statement in after {
            let command = match &statement.command {
                Command::SetClass(request, _) if !has(before, &statement.command) => {
                    Command::SetClass(request.clone(), Flags::REPLACE)
                }
                Command::SetHostClasses(..) if !has(before, &statement.command) => statement.command.clone(),
                _ => continue,
            };
            self.command(now, scheduler, statement, &command)?;
        }
        let stays = |class: &ClassRequest| {
            after.iter().any(|one| matches!(&one.command, Command::SetClass(other, _) if other.class == class.class))
        };
        // Those below first.
        for statement in before.iter().rev() {
            let command = match &statement.command {
                Command::SetClass(request, _) if !stays(request) => Command::DeleteClass(request.clone()),
                Command::SetHostClasses(device, options)
                    if !after.iter().any(|one| matches!(one.command, Command::SetHostClasses(..))) =>
                {
                    Command::DeleteHostClasses(*device, Handle::new(options.parent.major, 0))
                }
                _ => continue,
            };
            self.command(now, scheduler, statement, &command)?;
        }
        if other_filters {
            for statement in after.iter().filter(|one| is_filter(&one.command)) {
                self.command(now, scheduler, statement, &statement.command)?;
            }
        }
        Ok(())
    }
}

fn has(statements: &[Statement], command: &Command) -> bool {
    statements.iter().any(|one| one.command == *command)
}

fn is_filter(command: &Command) -> bool {
    matches!(command, Command::SetFilter(..) | Command::DeleteFilter(_))
}

fn filters(statements: &[Statement]) -> impl Iterator<Item = &Command> {
    statements.iter().map(|one| &one.command).filter(|command| is_filter(command))
}

/// What makes and deletes qdiscs, and what deletes anything else: as those are written they depend on one another's order.
fn qdiscs(statements: &[Statement]) -> impl Iterator<Item = &Command> {
    let stays = |command: &&Command| !matches!(command, Command::SetClass(..) | Command::SetHostClasses(..));
    statements.iter().map(|one| &one.command).filter(stays).filter(|command| !is_filter(command))
}

/// The device as it was before anybody said anything.
fn clear(now: Instant, scheduler: &mut Scheduler, device: DeviceId) {
    for parent in [Handle::ROOT, Handle::INGRESS] {
        let request = QdiscRequest { device, parent, handle: Handle::UNSPEC, spec: QdiscSpec::Any };
        // What is not there need not go.
        let _ = scheduler.delete_qdisc(now, &request);
    }
}
