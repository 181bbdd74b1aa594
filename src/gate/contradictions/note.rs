//! Notes: a statement of the candidate with its words, its claim and what it stands under.

use xxhash_rust::xxh3::xxh3_64;

use crate::ledger::Located;
use crate::memory::{ContentHash, MemoryPath};
use crate::text::lexicon;
use crate::text::specifics::{Kind as Specific, kind_of};
use crate::text::statement::Kind;
use crate::text::subject::{Claim, claim_of};
use crate::text::token::{Token, tokens};

use super::context::Context;

/// A longer statement says too much to be one side of a contradiction.
const WORDS_LIMIT: usize = 80;

/// One statement, read.
#[derive(Debug)]
pub(super) struct Note<'a> {
    /// Its place in the ledger.
    pub(super) at: usize,
    pub(super) path: &'a MemoryPath,
    pub(super) hash: ContentHash,
    pub(super) words: Vec<Word>,
    pub(super) claim: Option<Claim>,
    pub(super) context: Context,
}

/// One word of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Equal for forms of one word, and for spellings that differ in hyphens and the like.
    pub(super) stem: u64,
    pub(super) norm: String,
    pub(super) specific: Option<Specific>,
    /// Whether it carries meaning of its own.
    pub(super) is_content: bool,
    /// Whether a unit follows the figure.
    pub(super) has_unit: bool,
}

impl<'a> Note<'a> {
    /// Reads a statement, if it can be one side of a contradiction.
    pub(super) fn read(at: usize, located: &Located<'a>) -> Option<Self> {
        let statement = &located.statement;
        // A line before the first heading may be front matter, which is about the file.
        let is_about_the_file = statement.kind == Kind::Pair && statement.headings.is_empty();
        if matches!(statement.kind, Kind::Row | Kind::Block) || statement.leads || is_about_the_file {
            return None;
        }
        /// What is longer is not even split into words.
        const BYTES_LIMIT: usize = 2_000;
        if statement.text.len() > BYTES_LIMIT {
            return None;
        }
        let tokens = tokens(statement.text);
        if !(2..=WORDS_LIMIT).contains(&tokens.len()) {
            return None;
        }
        let words = (0..tokens.len()).map(|i| word(&tokens, i)).collect();
        Some(Self {
            at,
            path: located.path,
            hash: located.hash,
            words,
            claim: claim_of(&tokens),
            context: Context::of(located.path, statement),
        })
    }

    pub(super) fn content(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().filter(|word| word.is_content)
    }
}

fn word(tokens: &[Token<'_>], at: usize) -> Word {
    let token = &tokens[at];
    let specific = kind_of(token);
    let is_figure = matches!(specific, Some(Specific::Number | Specific::Date | Specific::Version));
    let stem = match lexicon::number_word(&token.norm) {
        Some(figure) => xxh3_64(figure.as_bytes()),
        None if is_figure => xxh3_64(token.norm.replace(',', "").trim_start_matches('v').as_bytes()),
        None if matches!(specific, Some(Specific::Path | Specific::Url | Specific::Email)) => {
            xxh3_64(token.norm.as_bytes())
        }
        None => match lexicon::unit(&token.norm) {
            Some(unit) => xxh3_64(unit.as_bytes()),
            None => xxh3_64(lexicon::stem(&token.squashed()).as_bytes()),
        },
    };
    let has_unit = specific == Some(Specific::Number)
        && (token.norm.ends_with(|c: char| c == '%' || c.is_alphabetic())
            || tokens
                .get(at + 1)
                .is_some_and(|next| lexicon::unit(&next.norm).is_some() || next.norm == "times"));
    Word {
        stem,
        is_content: specific.is_some() || !lexicon::is_function_word(&token.norm),
        norm: token.norm.to_string(),
        specific,
        has_unit,
    }
}

/// Says whether a specific is a setting: a figure or a term, rather than a name or a side taken.
pub(super) fn is_setting(kind: Specific) -> bool {
    is_figure(kind) || is_term(kind)
}

pub(super) fn is_figure(kind: Specific) -> bool {
    matches!(kind, Specific::Number | Specific::Version)
}

pub(super) fn is_term(kind: Specific) -> bool {
    matches!(
        kind,
        Specific::Url
            | Specific::Path
            | Specific::Email
            | Specific::Identifier
            | Specific::Code
            | Specific::Quote
    )
}
