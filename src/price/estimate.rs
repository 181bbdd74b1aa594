//! Estimates made before a run: how many tokens a text is, and what a dream over it may cost.
//!
//! No public tokenizer counts what these models count, so tokens are estimated from bytes. What a
//! dream does with its input is not documented either. Both rest on the constants below; what they
//! give is an assumption until runs of one's own replace it.

use crate::dream::Usage;

use super::table::{Generation, ModelPrice};
use super::{Usd, UsdRange};

/// What a text is made of, which decides how many bytes go into a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// Prose and Markdown: memories, messages.
    Prose,
    /// JSON, code, logs and tool output.
    Structured,
}

impl TextKind {
    /// Returns how many bytes one token takes, in hundredths.
    ///
    /// The usual four characters to the token counted 22.6% too few on one measured set of agent
    /// conversations, which makes 3.1 (4 × 0.774). Structured text has more punctuation and is
    /// taken to be a tenth denser; that figure was not measured. Bytes serve better than
    /// characters: scripts that take several bytes to the character also take more tokens.
    fn hundredths_of_bytes(self) -> u64 {
        match self {
            Self::Prose => 310,
            Self::Structured => 280,
        }
    }
}

/// Estimates how many tokens some bytes of text are, for models before 4.7.
///
/// Never less than one for any text at all. [`estimate_dream`] adds what newer tokenizers count more.
pub fn estimate_tokens(bytes: u64, kind: TextKind) -> u64 {
    let tokens = u128::from(bytes) * 100;
    u64::try_from(tokens.div_ceil(u128::from(kind.hundredths_of_bytes()))).unwrap_or(u64::MAX)
}

/// What newer tokenizers make of the same text, in percent of the older count (models from 4.7 on).
const NEWER_TOKENS_PERCENT: u64 = 130;

/// What a dream is assumed to do with its input, each in percent of the input's tokens.
///
/// A dream is an agent that reads transcripts and memory through tools. Every turn sends the
/// conversation so far again, nearly all of it from the cache; what it has not seen before is
/// written to the cache once; and it writes the memories it makes.
struct Habits {
    cache_creation: u64,
    cache_read: u64,
    output: u64,
}

/// A dream that reads everything once, in a few long turns, and changes little.
const FRUGAL: Habits = Habits { cache_creation: 100, cache_read: 200, output: 3 };
/// A dream that goes through its input in many short turns, and rewrites much.
const THOROUGH: Habits = Habits { cache_creation: 120, cache_read: 1_200, output: 15 };

/// Estimates what one dream over so many input tokens may cost, at a model's prices.
pub(super) fn estimate_dream(price: &ModelPrice, input_tokens: u64) -> UsdRange {
    let percent =
        |of: u64, share: u64| u64::try_from(u128::from(of) * u128::from(share) / 100).unwrap_or(u64::MAX);
    let tokens = match price.generation {
        Generation::Before47 => input_tokens,
        Generation::From47 => percent(input_tokens, NEWER_TOKENS_PERCENT),
    };
    let usage = |habits: &Habits| Usage {
        input_tokens: 0,
        output_tokens: percent(tokens, habits.output),
        cache_read_input_tokens: percent(tokens, habits.cache_read),
        cache_creation_input_tokens: percent(tokens, habits.cache_creation),
    };
    UsdRange { low: price.cost(&usage(&FRUGAL)).low, high: price.cost(&usage(&THOROUGH)).high }
}

/// Returns what so many tokens cost at a price per million, rounded up to a millionth of a dollar.
pub(super) fn cost_of(tokens: u64, per_million: Usd) -> Usd {
    let micros = (u128::from(tokens) * u128::from(per_million.micros())).div_ceil(1_000_000);
    Usd::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_follow_bytes() {
        assert_eq!(estimate_tokens(0, TextKind::Prose), 0);
        assert_eq!(estimate_tokens(1, TextKind::Prose), 1);
        assert_eq!(estimate_tokens(3_100, TextKind::Prose), 1_000);
        assert_eq!(estimate_tokens(2_800, TextKind::Structured), 1_000);
        assert_eq!(estimate_tokens(u64::MAX, TextKind::Prose), u64::MAX / 310 * 100 + 5);
    }

    #[test]
    fn a_cost_never_rounds_to_nothing() {
        assert_eq!(cost_of(0, Usd::from_micros(3_000_000)), Usd::default());
        assert_eq!(cost_of(1, Usd::from_micros(100_000)), Usd::from_micros(1));
        assert_eq!(cost_of(1_000_000, Usd::from_micros(3_000_000)), Usd::from_micros(3_000_000));
    }
}
