//! Bonds: how a word before a noun or a figure ties it to what is said: since, until, within, because of.

use std::ops::BitOrAssign;
use std::sync::LazyLock;

use crate::text::lexicon::Table;

/// What binds an atom to the rest, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ledger::judge) struct Bond(u16);

impl BitOrAssign for Bond {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

const SINCE: u16 = 1;
const UNTIL: u16 = 2;
const WITHIN: u16 = 4;
const AFTER: u16 = 8;
const ABOUT: u16 = 16;
const EXACT: u16 = 32;
const CAUSE: u16 = 64;
const DESPITE: u16 = 128;
const BEFORE: u16 = 256;

const WORDS: &[(&str, u16)] = &[
    ("since seit depuis desde", SINCE),
    ("until till bis hasta até", UNTIL),
    ("within inside innerhalb binnen", WITHIN),
    ("after", AFTER),
    ("before", BEFORE),
    ("about around approximately approx roughly circa ca ~ ≈ etwa ungefähr environ", ABOUT),
    ("exactly precisely genau exactement exactamente", EXACT),
    ("because due owing thanks wegen aufgrund weil porque", CAUSE),
    ("despite spite notwithstanding although though trotz malgré", DESPITE),
];

/// Those that exclude each other. `since` may tell a cause.
const APART: &[(u16, u16)] = &[
    (SINCE, UNTIL),
    (SINCE, BEFORE),
    (UNTIL, AFTER),
    (WITHIN, AFTER),
    (ABOUT, EXACT),
    (CAUSE, DESPITE),
    (SINCE, DESPITE),
];

static BONDS: LazyLock<Table<u16>> = LazyLock::new(|| {
    WORDS.iter().flat_map(|(list, bond)| list.split(' ').map(|word| (word, *bond))).collect()
});

impl Bond {
    /// Returns the bond a word makes.
    pub(in crate::ledger::judge) fn of(norm: &str) -> Self {
        Self(BONDS.get(norm).copied().unwrap_or_default())
    }

    /// Says whether one excludes the other.
    pub(in crate::ledger::judge) fn conflicts(self, other: Self) -> bool {
        let (a, b) = (self.0, other.0);
        APART.iter().any(|&(x, y)| {
            let (forth, back) = (a & x != 0 && b & y != 0, a & y != 0 && b & x != 0);
            (forth || back) && a & b == 0
        })
    }

    /// Says whether a figure is only about right.
    pub(in crate::ledger::judge) fn is_about(self) -> bool {
        self.0 & ABOUT != 0
    }
}
