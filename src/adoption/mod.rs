//! Adoption: making a candidate the live store.
//!
//! Three pure questions: what to write ([`change_set`]), what of the live writes made meanwhile to
//! carry over ([`rebase`](mod@rebase)), and whether to adopt at all ([`decide`](mod@decide)).

pub mod change_set;
pub mod rebase;
pub mod decide;

pub use change_set::ChangeSet;
pub use decide::{Approval, Decision, decide};
pub use rebase::{Conflict, Rebase, rebase};
