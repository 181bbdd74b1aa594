//! The client against peers that do not do what the API promises.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod creates;
mod deployments;
mod dreams;
mod peer;
mod reads;
mod requests;
mod secrecy;
mod stores;
mod streams;
