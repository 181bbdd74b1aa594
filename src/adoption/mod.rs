//! Adoption: making a candidate the live store.
//!
//! Pure questions: what to write ([`change_set`]), what one memory is that two sides changed
//! ([`merge`](mod@merge)), what a dream may have read of it ([`reading`]) that agents withdrew since
//! ([`withdrawn`]), what of the live writes made meanwhile to carry over ([`rebase`](mod@rebase)), whether
//! to adopt at all ([`decide`](mod@decide)), what is left to do of a copy into the live store
//! ([`copy`](mod@copy)), what goes along when an adoption is undone ([`carry`](mod@carry)), what a person
//! changes in a candidate ([`edit`]), and how long their yes to it holds ([`approval`]).

pub mod change_set;
pub mod merge;
pub mod reading;
pub mod withdrawn;
pub mod rebase;
pub mod carry;
pub mod copy;
pub mod edit;
pub mod queue;
pub mod approval;
pub mod decide;

pub use approval::{Approval, Approved};
pub use carry::{Carry, carry};
pub use change_set::ChangeSet;
pub use copy::{CopyState, copy, copy_merging};
pub use decide::{Decision, decide};
pub use merge::merge;
pub use reading::Reading;
pub use rebase::{Begun, Conflict, Merged, Rebase, Texts, rebase};
pub use withdrawn::Withdrawn;
