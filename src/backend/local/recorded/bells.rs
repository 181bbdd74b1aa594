//! Bells that wake whoever waits for a session's events, so that nobody has to keep looking.
//!
//! A bell is rung after the commit, and hangs only while somebody listens. It knows of this process alone;
//! whoever waits looks now and then too, for what another process recorded.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::ids::SessionId;

/// The bells of one backend.
#[derive(Debug, Default)]
pub(in crate::backend::local) struct Bells(Mutex<BTreeMap<SessionId, watch::Sender<()>>>);

impl Bells {
    fn hung(&self) -> MutexGuard<'_, BTreeMap<SessionId, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens to what happens to a session from now on.
    pub(in crate::backend::local) fn listen(&self, session: &SessionId) -> watch::Receiver<()> {
        let mut hung = self.hung();
        // Those of sessions that nothing happens to any more are rung by nobody.
        hung.retain(|_, bell| bell.receiver_count() > 0);
        hung.entry(session.clone()).or_default().subscribe()
    }

    /// Wakes whoever waits for a session; to be called when a change to it is committed.
    pub(in crate::backend::local) fn ring(&self, session: &SessionId) {
        let mut hung = self.hung();
        if hung.get(session).is_some_and(|bell| bell.send(()).is_err()) {
            hung.remove(session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_is_heard_by_those_who_listen_and_taken_down_after_them() {
        let bells = Bells::default();
        let (one, other) = (SessionId::parse("sesn_1").unwrap(), SessionId::parse("sesn_2").unwrap());
        let (first, second) = (bells.listen(&one), bells.listen(&one));
        bells.ring(&other);
        assert!(!first.has_changed().unwrap());
        bells.ring(&one);
        assert!(first.has_changed().unwrap() && second.has_changed().unwrap());
        assert_eq!(bells.hung().len(), 1);
        drop((first, second));
        bells.ring(&one);
        assert!(bells.hung().is_empty());
    }

    #[test]
    fn a_bell_that_nobody_hears_is_taken_down_by_the_next_to_listen() {
        let bells = Bells::default();
        for number in 0..100 {
            drop(bells.listen(&SessionId::parse(format!("sesn_{number}")).unwrap()));
        }
        assert_eq!(bells.hung().len(), 1);
    }
}
