//! Edits that take something away and edits that do not, and what a judge says of them.
//!
//! Shared by the benchmark, which makes thousands from real memories, and by the test that holds the
//! figures on built-in texts. Nothing here knows how the judge works: an edit is made in the text, and
//! the judge is asked about the bytes that it touched.

pub(crate) mod dice;
pub(crate) mod pieces;
pub(crate) mod stores;
pub(crate) mod edit;
pub(crate) mod scope;
pub(crate) mod harm;
pub(crate) mod faith;
pub(crate) mod trial;
