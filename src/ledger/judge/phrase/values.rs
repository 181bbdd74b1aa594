//! Values: the items of a list, and the signs of a formula, where the smallest word or mark counts.

use std::ops::Range;

use crate::text::lexicon;
use crate::text::token::Token;

use super::super::synonyms;

/// Returns for each token whether it is an item by itself that would count for nothing in a sentence: `eu, us`.
pub(super) fn items(tokens: &[Token<'_>]) -> Vec<bool> {
    let mut found = vec![false; tokens.len()];
    let is_break =
        |at: usize| tokens.get(at).is_none_or(|token| token.before.contains([',', ';', '/', '|', '、', '،']));
    // `by Ann` is a part of a sentence.
    let is_value = |range: &Range<usize>| {
        range.len() == 1
            || range.len() == 2 && !tokens[range.clone()].iter().any(|token| is_grammar(&token.norm))
    };
    let label =
        tokens.iter().position(|token| token.label_end).map(|at| at + 1).filter(|&at| at < tokens.len());
    if let Some(from) = label {
        let lists = lengths(tokens, from, is_break);
        let is_list = lists.len() > 1 && lists.iter().all(is_value);
        for range in lists.iter().filter(|range| range.len() == 1) {
            let norm = &*tokens[range.start].norm;
            found[range.start] = (is_list && is_small(norm)) || lists.len() == 1 && is_grammar(norm);
        }
    }
    // Between two commas, a pronoun is no pronoun.
    for at in 1..tokens.len() {
        let is_alone = is_break(at) && is_break(at + 1) && at + 1 < tokens.len();
        let is_adverb = matches!(
            &*tokens[at].norm,
            "too"
                | "also"
                | "then"
                | "yes"
                | "please"
                | "really"
                | "simply"
                | "typically"
                | "usually"
                | "currently"
                | "there"
                | "what"
                | "such"
                | "and"
                | "or"
                | "so"
                | "if"
                | "where"
                | "when"
        );
        found[at] |= is_alone && lexicon::is_function_word(&tokens[at].norm) && !is_adverb;
    }
    found
}

/// Cuts what follows a label into its items.
fn lengths(tokens: &[Token<'_>], from: usize, is_break: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let is_joint =
        |at: usize| matches!(&*tokens[at].norm, "and" | "or" | "&" | "und" | "oder" | "et" | "ou" | "y");
    let mut found = Vec::new();
    let mut start = from;
    for at in from..=tokens.len() {
        let ends = at == tokens.len() || at > from && is_break(at) || is_joint(at);
        if ends {
            if at > start {
                found.push(start..at);
            }
            start = at + usize::from(at < tokens.len() && is_joint(at));
        }
    }
    found
}

fn is_grammar(norm: &str) -> bool {
    (lexicon::is_function_word(norm) || synonyms::is_grammar(norm)) && norm != "yes"
        || synonyms::is_light(norm) && !matches!(norm, "used" | "needed" | "certain" | "important")
}

fn is_small(norm: &str) -> bool {
    is_grammar(norm)
        || synonyms::is_light(norm)
        || synonyms::loose_number(norm).is_some()
        || matches!(norm, "yes" | "no")
}

/// Says whether a token is a sign between operands, whose change is another result.
pub(super) fn is_operator(norm: &str, is_formula: bool) -> bool {
    matches!(norm, "<-" | "←") || is_formula && matches!(norm, "+" | "-" | "*" | "/" | "÷" | "×" | "−" | "^")
}
