//! All channels of a server by their numbers: [`Channels`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use protocol::{GapCause, SourceState, Status};

use crate::channel::{Changes, Channel, lock};

/// What forgotten channels came to, for the summary.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    pub(crate) n_produced: u64,
    pub(crate) n_delivered: u64,
    pub(crate) n_dropped: BTreeMap<GapCause, u64>,
}

impl Totals {
    fn add(&mut self, channel: &Channel) {
        self.n_produced += channel.next_seq();
        self.n_delivered += channel.tally.n_delivered();
        for (cause, n) in channel.tally.n_dropped() {
            *self.n_dropped.entry(cause).or_insert(0) += n;
        }
    }
}

#[derive(Debug)]
struct Registered {
    channels: BTreeMap<u16, Arc<Channel>>,
    /// Numbers are never used again, so that a viewer cannot take one source for another.
    next_id: u16,
    forgotten: Totals,
}

/// The channels, from number 1 on.
#[derive(Debug)]
pub(crate) struct Channels {
    registered: Mutex<Registered>,
    changes: Changes,
}

impl Channels {
    pub(crate) fn new() -> Self {
        Self {
            registered: Mutex::new(Registered {
                channels: BTreeMap::new(),
                next_id: 1,
                forgotten: Totals::default(),
            }),
            changes: Changes::new(),
        }
    }

    /// Says when a channel, a schema or a status changes.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Adds the channel that `make` makes for its number; `None` once there are no more numbers.
    pub(crate) fn add(&self, make: impl FnOnce(u16) -> Arc<Channel>) -> Option<Arc<Channel>> {
        let channel = {
            let mut registered = lock(&self.registered);
            let id = registered.next_id;
            registered.next_id = id.checked_add(1)?;
            let channel = make(id);
            registered.channels.insert(id, Arc::clone(&channel));
            channel
        };
        self.changes.tell();
        Some(channel)
    }

    /// Forgets a channel: its viewers are told that it is gone.
    pub(crate) fn forget(&self, channel: &Channel) {
        {
            let mut registered = lock(&self.registered);
            if registered.channels.remove(&channel.id()).is_some() {
                registered.forgotten.add(channel);
            }
        }
        channel.announce(Status {
            state: SourceState::Gone,
            next_seq: channel.next_seq(),
            ..channel.status()
        });
    }

    pub(crate) fn get(&self, id: u16) -> Option<Arc<Channel>> {
        lock(&self.registered).channels.get(&id).cloned()
    }

    /// All of them, by number.
    pub(crate) fn all(&self) -> Vec<Arc<Channel>> {
        lock(&self.registered).channels.values().cloned().collect()
    }

    /// What all channels came to, the forgotten ones included.
    pub(crate) fn totals(&self) -> Totals {
        let registered = lock(&self.registered);
        let mut totals = registered.forgotten.clone();
        for channel in registered.channels.values() {
            totals.add(channel);
        }
        for cause in [GapCause::SlowViewer, GapCause::HistoryLost, GapCause::Latest] {
            totals.n_dropped.entry(cause).or_insert(0);
        }
        totals
    }
}
