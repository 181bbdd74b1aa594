//! Simulated processes: what one is to the scheduler, and how it hands over at every call.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

use dreamrun::clock::{Clock, Monotonic};
use jiff::Timestamp;

use super::world::{Shared, enter};

/// What a process waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// Its turn, from a moment on.
    Turn(u64),
    /// A timer of the runtime.
    Timer,
}

/// A process as the scheduler sees it.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) machine: usize,
    pub(crate) waits: Waits,
    pub(crate) is_granted: bool,
    /// It stands still until then.
    pub(crate) paused_until: u64,
}

/// The way of one process into the world.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) world: Shared,
    pub(crate) process: usize,
}

impl Port {
    /// Hands over, and comes back when the scheduler says so.
    pub(crate) fn turn(&self) -> Turn<'_> {
        self.turn_in(0)
    }

    /// Hands over for so many milliseconds at least.
    pub(crate) fn turn_in(&self, wait: u64) -> Turn<'_> {
        Turn { port: self, wait, until: None }
    }

    /// Adds a line to the trace.
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        let mut world = enter(&self.world);
        let name = world.slots[self.process].name.clone();
        world.tell(|| format!("{name}: {}", line()));
    }
}

impl Clock for Port {
    fn now(&self) -> Timestamp {
        let world = enter(&self.world);
        world.time() + world.clocks[world.slots[self.process].machine]
    }
}

impl Monotonic for Port {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(enter(&self.world).now)
    }
}

/// A wait for one's turn.
pub(crate) struct Turn<'a> {
    port: &'a Port,
    wait: u64,
    until: Option<u64>,
}

impl Future for Turn<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let mut world = enter(&self.port.world);
        let now = world.now;
        let slot = &mut world.slots[self.port.process];
        let is_due = self.until.is_some_and(|until| until <= now);
        if is_due && std::mem::take(&mut slot.is_granted) {
            return Poll::Ready(());
        }
        let until = self.until.unwrap_or(now + self.wait);
        // A process may wait for several at once: the lease is renewed beside whatever it does.
        slot.waits = match slot.waits {
            Waits::Turn(other) => Waits::Turn(until.min(other)),
            Waits::Timer => Waits::Turn(until),
        };
        drop(world);
        self.until = Some(until);
        Poll::Pending
    }
}

/// Notes that a timer of the runtime has rung.
#[derive(Debug, Default)]
pub(crate) struct Bell(AtomicBool);

impl Bell {
    /// Says whether it has rung since it was asked last.
    pub(crate) fn has_rung(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
