//! The difference of two snapshots: entries, and the statements inside them.
