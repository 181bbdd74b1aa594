//! Bonds: how a word before a noun or a figure ties it to what is said: since, until, within, because of.

use std::ops::BitOrAssign;
use std::sync::LazyLock;

use crate::text::lexicon::{self, Table};
use crate::text::token::Token;

/// What binds an atom to the rest, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ledger::judge) struct Bond(u32);

impl BitOrAssign for Bond {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

const SINCE: u32 = 1;
const UNTIL: u32 = 2;
const WITHIN: u32 = 4;
const AFTER: u32 = 8;
const ABOUT: u32 = 16;
const EXACT: u32 = 32;
const CAUSE: u32 = 64;
const DESPITE: u32 = 128;
const BEFORE: u32 = 256;
const FROM: u32 = 512;
/// By when, or by how much.
const BY: u32 = 1024;
const TO: u32 = 2048;
const FOR: u32 = 4096;
/// On a day or at an hour.
const ON: u32 = 8192;
/// So long before or after something, to the day.
const APART_BY: u32 = 16_384;
/// Part of what was counted before, and besides it.
const SHARE: u32 = 32_768;
const MORE: u32 = 65_536;

const WORDS: &[(&str, u32)] = &[
    ("since seit depuis desde", SINCE),
    ("until till bis hasta até jusqu'à jusqu'au jusqu'en spätestens", UNTIL),
    ("within inside innerhalb binnen", WITHIN),
    ("after nach après después tras", AFTER),
    ("before prior vor avant antes", BEFORE),
    ("from starting ab dès partir", FROM),
    ("by", BY),
    ("for", FOR),
    ("on am", ON),
    ("including davon dont thereof", SHARE),
    ("plus another additional further", MORE),
    ("about around approximately approx roughly circa ca ~ ≈ etwa ungefähr environ", ABOUT),
    ("exactly precisely genau exactement exactamente", EXACT),
    ("because due owing thanks wegen aufgrund weil porque", CAUSE),
    ("despite spite notwithstanding although though trotz malgré", DESPITE),
];

/// Those that exclude each other. `since` may tell a cause.
const APART: &[(u32, u32)] = &[
    (SINCE, UNTIL),
    (SINCE, BEFORE),
    (UNTIL, AFTER),
    (UNTIL, FROM),
    (WITHIN, AFTER),
    (ABOUT, EXACT),
    (CAUSE, DESPITE),
    (SINCE, DESPITE),
];

/// Those that exclude each other at a time or an amount; elsewhere they have other senses.
const APART_IN_TIME: &[(u32, u32)] = &[
    (BY, FROM),
    (BY, AFTER),
    (BY, SINCE),
    (BY, TO),
    (BEFORE, FROM),
    (BEFORE, AFTER),
    (FOR, AFTER),
    (ON, BEFORE),
    (ON, AFTER),
    (WITHIN, APART_BY),
    (SHARE, MORE),
];

/// Words for a time that are no figures.
const TIMES: &str = "noon midnight midday lunch lunchtime dawn dusk sunset sunrise morning afternoon evening \
tonight today tomorrow yesterday weekend christmas easter end beginning mittag mitternacht morgen heute midi minuit \
demain mediodía medianoche mañana hoy";

static BONDS: LazyLock<Table<u32>> = LazyLock::new(|| {
    WORDS.iter().flat_map(|(list, bond)| list.split(' ').map(|word| (word, *bond))).collect()
});

impl Bond {
    /// Returns the bond a word makes with what comes after it.
    pub(in crate::ledger::judge) fn of(tokens: &[Token<'_>], at: usize) -> Self {
        let (before, norm, next) =
            (word(tokens, at.checked_sub(1)), &*tokens[at].norm, word(tokens, Some(at + 1)));
        Self(match norm {
            // `due to`, `prior to` and `up to` name no end.
            "to" if matches!(before, "due" | "owing" | "thanks" | "prior" | "up" | "according") => 0,
            "to" => TO,
            "of" if matches!(next, "which" | "whom" | "these" | "those") => SHARE,
            "at" if next.contains(':') => ON,
            // On or before a day is by that day.
            "on" if next == "or" => BONDS.get(word(tokens, Some(at + 2))).copied().unwrap_or_default(),
            _ => BONDS.get(norm).copied().unwrap_or_default(),
        })
    }

    /// Returns the bond a word makes with the figure it stands behind: `30 days before`, `4 of them`.
    pub(in crate::ledger::judge) fn behind(tokens: &[Token<'_>], at: usize) -> Self {
        let next = word(tokens, Some(at + 1));
        Self(match &*tokens[at].norm {
            "before" | "after" => APART_BY,
            "of" if matches!(next, "which" | "whom" | "these" | "those" | "them") => SHARE,
            "davon" => SHARE,
            "more" if next != "than" => MORE,
            "additional" | "extra" | "others" => MORE,
            _ => 0,
        })
    }

    /// Says whether one excludes the other, before a time or an amount or before anything else.
    pub(in crate::ledger::judge) fn conflicts(self, other: Self, is_time: bool) -> bool {
        let (a, b) = (self.0, other.0);
        let in_time = APART_IN_TIME.iter().filter(|_| is_time);
        APART.iter().chain(in_time).any(|&(x, y)| {
            let (forth, back) = (a & x != 0 && b & y != 0, a & y != 0 && b & x != 0);
            (forth || back) && a & b & !APART_BY == 0
        })
    }

    /// Says whether a figure is only about right.
    pub(in crate::ledger::judge) fn is_about(self) -> bool {
        self.0 & ABOUT != 0
    }
}

/// Says whether a word names a time or a span of time.
pub(in crate::ledger::judge) fn is_time(norm: &str) -> bool {
    lexicon::unit(norm).is_some() || TIMES.split(' ').any(|time| time == norm)
}

fn word<'t>(tokens: &'t [Token<'_>], at: Option<usize>) -> &'t str {
    at.and_then(|at| tokens.get(at)).map_or("", |token| &*token.norm)
}
