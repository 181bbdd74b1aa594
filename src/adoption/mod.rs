//! Adoption: making a candidate the live store.
//!
//! Pure questions: what to write ([`change_set`]), what of the live writes made meanwhile to carry over
//! ([`rebase`](mod@rebase)), whether to adopt at all ([`decide`](mod@decide)), what is left to do of a
//! copy into the live store ([`copy`](mod@copy)), and what a person changes in a candidate ([`edit`]).

pub mod change_set;
pub mod rebase;
pub mod copy;
pub mod edit;
pub mod queue;
pub mod decide;

pub use change_set::ChangeSet;
pub use copy::{Copy, copy};
pub use decide::{Approval, Decision, decide};
pub use rebase::{Conflict, Rebase, rebase};
