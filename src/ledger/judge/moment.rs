//! Moments: when a statement was written, as far as its memory tells.

use crate::memory::Memory;
use crate::text::date;
use crate::text::statement::{Kind, Statement};

/// Two memories that changed closer together than this were written by one hand in one go (a clone, an
/// import, a save-all), so their times order nothing.
const SAME_MOMENT_SECONDS: i64 = 60;

/// When something was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Seconds since 1970.
    second: i64,
    /// Whether a path or heading says so, rather than the store's own clock.
    is_explicit: bool,
}

impl Moment {
    /// Returns when a statement was written; `first` is the first statement of its memory, which may
    /// hold the date of the whole.
    pub(super) fn of(
        memory: &Memory,
        siblings: &[&Statement<'_>],
        statement: &Statement<'_>,
    ) -> Option<Self> {
        let headed = statement.headings.iter().rev().find_map(|heading| date::in_text(heading));
        let stated = || {
            siblings
                .iter()
                .take_while(|s| s.headings.is_empty() && s.kind == Kind::Pair)
                .find_map(|s| front_matter_date(s))
        };
        let day = headed.or_else(stated).or_else(|| date::in_path(memory.path.as_str()));
        match day {
            Some(day) => {
                let days =
                    day.since(jiff::civil::date(1970, 1, 1)).map_or(0, |span| i64::from(span.get_days()));
                Some(Self { second: days * 86_400, is_explicit: true })
            }
            None => memory.updated_at.map(|at| Self { second: at.as_second(), is_explicit: false }),
        }
    }

    /// Says whether this one was surely written before another.
    pub(super) fn is_before(self, other: Self) -> bool {
        match (self.is_explicit, other.is_explicit) {
            (true, true) => self.second < other.second,
            (false, false) | (false, true) => self.second + SAME_MOMENT_SECONDS <= other.second,
            // The clock says when a memory last changed in any place: a statement in it may be older,
            // never younger.
            (true, false) => false,
        }
    }
}

/// The latest of several moments: of those that are stated, and of those the clock tells.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Latest {
    stated: Option<Moment>,
    clocked: Option<Moment>,
}

impl Latest {
    pub(super) fn add(&mut self, moment: Option<Moment>) {
        let Some(moment) = moment else { return };
        let latest = if moment.is_explicit { &mut self.stated } else { &mut self.clocked };
        if latest.is_none_or(|latest| latest.second < moment.second) {
            *latest = Some(moment);
        }
    }

    /// Says whether any of them is surely later than another moment.
    pub(super) fn is_after(self, moment: Moment) -> bool {
        [self.stated, self.clocked].into_iter().flatten().any(|latest| moment.is_before(latest))
    }
}

fn front_matter_date(statement: &Statement<'_>) -> Option<jiff::civil::Date> {
    const NAMES: [&str; 6] = ["date", "updated", "updated_at", "last_updated", "modified", "as_of"];
    let (key, value) = statement.text.split_once(':')?;
    NAMES.contains(&key.trim().to_lowercase().as_str()).then(|| date::in_text(value)).flatten()
}
