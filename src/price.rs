//! The dated price table; tokens to dollars, as ranges.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount of US dollars, in millionths, so that sums are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Usd(u64);

impl Usd {
    /// Makes an amount from millionths of a dollar.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Returns millionths of a dollar.
    pub const fn micros(self) -> u64 {
        self.0
    }
}

impl std::ops::Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Usd {
    /// Writes `$1.25`; amounts under a cent keep four places, so that no cost reads as nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0 => "$0".to_owned(),
            micros @ 1..10_000 => format!("${:.4}", micros as f64 / 1e6),
            micros => format!("${:.2}", micros as f64 / 1e6),
        };
        f.pad(&text)
    }
}
