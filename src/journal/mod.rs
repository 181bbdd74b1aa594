//! The journal: what a run has done, and the only thing it trusts after a crash.
