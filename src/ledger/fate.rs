//! Fates: the words for what became of a statement.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dream::EventRef;

/// What became of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It stands where it stood, in the same words.
    Kept,
    /// The same words stand at another path.
    Moved,
    /// Another statement says it in other words: all specifics are there, and the polarity is the same.
    Reworded,
    /// A few statements of one memory hold its specifics together.
    Merged,
    /// A newer statement gives the same subject another value, and there is evidence for it.
    Superseded,
    /// A forget list or a retention rule says it has to go.
    Dropped,
    /// None of these.
    Lost,
}

impl Fate {
    /// All of them, from harmless to worst.
    pub const ALL: [Self; 7] =
        [Self::Kept, Self::Moved, Self::Reworded, Self::Merged, Self::Superseded, Self::Dropped, Self::Lost];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Moved => "moved",
            Self::Reworded => "reworded",
            Self::Merged => "merged",
            Self::Superseded => "superseded",
            Self::Dropped => "dropped by policy",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The fate of one statement, and why a person should believe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What became of it.
    pub fate: Fate,
    /// The statements of the second snapshot that carry it on, by their place there; empty for what was
    /// dropped, and for what was lost without a trace. A lost statement may name the one that comes
    /// nearest.
    pub heirs: Vec<usize>,
    /// Why.
    pub because: Because,
}

/// Why a statement met its fate. Holds memory text: redact it before it is shown, and never store it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// The same words.
    SameWords,
    /// Every specific is there, and the wording is close.
    SameSpecifics,
    /// The heirs hold every specific between them.
    Covered,
    /// A session said the new value.
    Said(EventRef),
    /// The live store held the new value already, in a memory that is newer.
    NewerMemory,
    /// A rule said so: its name, in the author's words.
    Rule(String),
    /// The nearest statement has another value: what is missing, and what stands instead, if anything
    /// does. Nobody said the new value.
    Altered {
        /// What is not there any more; empty where something was only added.
        was: String,
        /// What stands in its place.
        is: Option<String>,
    },
    /// The same is said under something that makes another thing of it: another heading, another head of
    /// its column. What it stood under, and what it stands under instead, if anything.
    Misplaced {
        /// What it stood under.
        was: String,
        /// What it stands under.
        is: Option<String>,
    },
    /// A step of a numbered list stands before one that came before it.
    Reordered {
        /// Its place in the list, from 1.
        step: usize,
        /// The place of the step that it passed.
        before: usize,
    },
    /// No statement of the second snapshot is like it.
    Gone,
}

/// How many statements met which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FateCounts {
    /// In the same words at the same path.
    pub kept: u64,
    /// In the same words at another path.
    pub moved: u64,
    /// In other words.
    pub reworded: u64,
    /// Carried on by several.
    pub merged: u64,
    /// Replaced by a newer value.
    pub superseded: u64,
    /// Dropped by a rule.
    pub dropped: u64,
    /// Lost.
    pub lost: u64,
    /// Statements of the second snapshot that are nobody's heir.
    pub new: u64,
}

impl FateCounts {
    /// Counts one statement.
    pub fn add(&mut self, fate: Fate) {
        *match fate {
            Fate::Kept => &mut self.kept,
            Fate::Moved => &mut self.moved,
            Fate::Reworded => &mut self.reworded,
            Fate::Merged => &mut self.merged,
            Fate::Superseded => &mut self.superseded,
            Fate::Dropped => &mut self.dropped,
            Fate::Lost => &mut self.lost,
        } += 1;
    }

    /// Returns how many met one fate.
    pub fn of(&self, fate: Fate) -> u64 {
        match fate {
            Fate::Kept => self.kept,
            Fate::Moved => self.moved,
            Fate::Reworded => self.reworded,
            Fate::Merged => self.merged,
            Fate::Superseded => self.superseded,
            Fate::Dropped => self.dropped,
            Fate::Lost => self.lost,
        }
    }

    /// Returns how many statements the first snapshot had.
    pub fn before(&self) -> u64 {
        Fate::ALL.iter().map(|&fate| self.of(fate)).sum()
    }
}
