//! Terms: what of a text retrieval compares. Specifics in one spelling, words by their stems.

use super::lexicon;
use super::specifics::{Kind, spelled};
use super::token::{Token, tokens};

/// One term.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// A word or a specific.
    Word(String),
    /// A word that turns what follows into its opposite.
    Negation,
}

/// Words that ask and say nothing.
const ASKING: &[&str] = &[
    "what", "what's", "which", "who", "who's", "whom", "whose", "when", "where", "why", "how", "many",
    "much", "tell", "know", "do", "does", "did", "please",
];

/// Returns the terms of a text, in order.
pub fn terms(text: &str) -> Vec<Term> {
    let tokens = tokens(text);
    let mut out = Vec::with_capacity(tokens.len());
    let mut found = spelled(&tokens).into_iter().peekable();
    let mut at = 0;
    while at < tokens.len() {
        let Some(specific) = found.next_if(|spelled| spelled.tokens.start == at) else {
            word(&tokens[at], &mut out);
            at += 1;
            continue;
        };
        at = specific.tokens.end.max(at + 1);
        match specific.specific.kind {
            Kind::Number => {
                // The unit that follows is part of the figure.
                let unit = tokens.get(at).and_then(|next| lexicon::unit(&next.norm));
                at += usize::from(unit.is_some_and(|unit| specific.specific.value.ends_with(unit)));
                out.push(Term::Word(specific.specific.value));
            }
            Kind::Date | Kind::Version | Kind::Url | Kind::Email => {
                out.push(Term::Word(specific.specific.value));
            }
            _ => word(&tokens[specific.tokens.start], &mut out),
        }
    }
    out
}

/// Returns the terms of a question: those of the text, without the words that only ask.
pub fn asked(question: &str) -> Vec<Term> {
    let kept: Vec<Term> =
        terms(question).into_iter().filter(|term| !matches!(term, Term::Word(w) if is_asking(w))).collect();
    if kept.is_empty() { terms(question) } else { kept }
}

fn is_asking(word: &str) -> bool {
    ASKING.iter().any(|asking| *asking == word || lexicon::stem(asking) == word)
}

fn word(token: &Token<'_>, out: &mut Vec<Term>) {
    let norm: &str = &token.norm;
    if lexicon::is_negation(norm) {
        return out.push(Term::Negation);
    }
    if lexicon::is_function_word(norm) {
        return;
    }
    let is_joined = !token.code
        && norm.contains('-')
        && norm.split('-').all(|part| !part.is_empty() && part.chars().all(char::is_alphabetic));
    if is_joined {
        out.extend(norm.split('-').map(|part| Term::Word(lexicon::stem(part).to_owned())));
    } else {
        out.push(Term::Word(lexicon::stem(norm).to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(terms: Vec<Term>) -> String {
        let word = |term| match term {
            Term::Word(word) => word,
            Term::Negation => "!".to_owned(),
        };
        terms.into_iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn spelling_does_not_matter_and_values_do() {
        for (a, b) in [
            ("**Timeout**: 30 seconds", "timeout 30s"),
            ("since March 5, 2024", "Since 2024-03-05"),
            ("1,000 retries", "1000 retry"),
            ("a dry-run", "dry run"),
        ] {
            assert_eq!(terms(a), terms(b), "{a} | {b}");
        }
        assert_ne!(terms("30 s"), terms("30 min"));
        assert_eq!(shown(terms("Never deploy on Fridays")), "! deplo fri");
        assert_eq!(shown(asked("When do we deploy?")), "deplo");
    }
}
