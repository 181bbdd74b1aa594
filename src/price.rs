//! The dated price table; tokens to dollars, as ranges.
//!
//! A cost is a range wherever something is not known: which cache price applies, how often a dream
//! reads its input again. Prices come from a table with a date and a source on every row
//! ([`table`]); assumptions are named constants ([`estimate`]).

pub mod table;
pub mod estimate;

use std::fmt;

pub use estimate::{TextKind, estimate_tokens};
pub use table::{Generation, ModelPrice, PriceTable, Rates, undated};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount of US dollars, in millionths, so that sums are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Usd(u64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

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
            micros @ 1..10_000 => format!("$0.{:04}", micros.div_ceil(100)),
            micros => {
                let cents = micros.saturating_add(5_000) / 10_000;
                format!("${}.{:02}", cents / 100, cents % 100)
            }
        };
        f.pad(&text)
    }
}

impl std::ops::AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), |sum, amount| sum + amount)
    }
}

/// A cost that lies between two amounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsdRange {
    /// The least it can be.
    pub low: Usd,
    /// The most it can be.
    pub high: Usd,
}

impl UsdRange {
    /// Makes a range of two amounts, whichever is larger.
    pub fn new(one: Usd, other: Usd) -> Self {
        Self { low: one.min(other), high: one.max(other) }
    }

    /// Says whether it may cost more than an amount: what a budget is held against.
    pub fn may_exceed(&self, limit: Usd) -> bool {
        self.high > limit
    }
}

impl From<Usd> for UsdRange {
    fn from(amount: Usd) -> Self {
        Self { low: amount, high: amount }
    }
}

impl std::ops::Add for UsdRange {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high }
    }
}

impl std::ops::AddAssign for UsdRange {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for UsdRange {
    fn sum<I: Iterator<Item = Self>>(ranges: I) -> Self {
        ranges.fold(Self::default(), |sum, range| sum + range)
    }
}

impl fmt::Display for UsdRange {
    /// Writes `$0.80–$2.40`, or one amount where both ends read the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = (self.low.to_string(), self.high.to_string());
        f.pad(&if low == high { low } else { format!("{low}–{high}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_ranges_read_as_dollars() {
        let usd = Usd::from_micros;
        assert_eq!(UsdRange::new(usd(2_400_000), usd(800_000)).to_string(), "$0.80–$2.40");
        assert_eq!(UsdRange::default().to_string(), "$0");
        assert_eq!(UsdRange::from(usd(1_250_000)).to_string(), "$1.25");
        assert_eq!(UsdRange::new(usd(1_251_000), usd(1_252_000)).to_string(), "$1.25");
        assert_eq!(UsdRange::new(usd(1), usd(10_000)).to_string(), "$0.0001–$0.01");
        assert_eq!(usd(295_000).to_string(), "$0.30");
        assert_eq!(usd(u64::MAX).to_string(), "$18446744073709.55");
    }

    #[test]
    fn ranges_add_up_end_by_end() {
        let range = |low, high| UsdRange::new(Usd::from_micros(low), Usd::from_micros(high));
        assert_eq!([range(1, 3), range(10, 30)].into_iter().sum::<UsdRange>(), range(11, 33));
        assert!(range(1, 3).may_exceed(Usd::from_micros(2)));
        assert!(!range(1, 3).may_exceed(Usd::from_micros(3)));
    }
}
