//! Normalisation: two statements with the same normal form say the same in the same words.

use super::token::{Token, tokens};

/// Returns a text's tokens in their normal form, joined by spaces: without Markdown marks, outer
/// punctuation, case and typography. Symbols that mean something (`>=`, `--flag`, `%`) stay.
pub fn normal(text: &str) -> String {
    joined(&tokens(text))
}

/// Returns the normal form of a text that is split already.
pub fn joined(tokens: &[Token<'_>]) -> String {
    let mut out = String::with_capacity(tokens.iter().map(|token| token.norm.len() + 1).sum());
    for token in tokens {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&token.norm);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dress_does_not_matter_and_meaning_does() {
        assert_eq!(normal("- **Use** `tabs`.".trim_start_matches("- ")), normal("use tabs"));
        assert_eq!(normal("the shell’s docs"), normal("The  shell's docs"));
        for (a, b) in [("at >= 16", "at <= 16"), ("use `a/*`", "use `a`"), ("5%", "5"), ("do", "do not")] {
            assert_ne!(normal(a), normal(b));
        }
    }

    proptest! {
        #[test]
        fn emphasis_case_and_spacing_never_matter(words in proptest::collection::vec("[a-z][a-z0-9]{0,6}", 1..8)) {
            let plain = words.join(" ");
            let dressed = format!("**{}**.", words.join("   ").to_uppercase());
            prop_assert_eq!(normal(&dressed), normal(&plain));
        }
    }
}
