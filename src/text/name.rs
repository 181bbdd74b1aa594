//! Names: which words of a text are proper names, of one word or several.

use super::lexicon;
use super::script;
use super::specifics::{Kind, kind_of};
use super::token::Token;

/// Small words inside a name.
const PARTICLES: [&str; 18] = [
    "de", "da", "do", "dos", "del", "della", "di", "la", "le", "van", "von", "der", "den", "ten", "bin",
    "al", "el", "of",
];

/// Words before a name that are no part of it.
const TITLES: [&str; 12] =
    ["mr", "mrs", "ms", "dr", "prof", "sir", "madam", "herr", "frau", "señor", "señora", "captain"];

/// Characters of Chinese and Japanese that carry grammar more than names.
const GRAMMAR: &str = "的了是在有和与與或用要会會不没沒也都很把被对對从從到于於为為以及个個这這那我你他她它们們说說叫住喜爱愛想去来來做吃喝看让讓给給请請应應该該每次年月日号號时時分秒欢歡";

/// Endings that mark the part a Korean word plays.
const JOSA: [&str; 14] =
    ["에서", "으로", "에게", "까지", "부터", "은", "는", "이", "가", "을", "를", "의", "에", "로"];

/// Hands each name to `found`, in lower case; tokens that are taken belong to another specific.
pub(super) fn collect(tokens: &[Token<'_>], is_taken: &[bool], found: &mut impl FnMut(String)) {
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let start = token.norm.chars().find(|c| c.is_alphabetic()).filter(|_| !is_taken[at]);
        let Some(start) = start else {
            at += 1;
            continue;
        };
        if !start.is_ascii() && !start.is_lowercase() && !token.code {
            caseless(token, start, found);
            at += 1;
            continue;
        }
        if !is_name(tokens, at) {
            at += 1;
            continue;
        }
        let end = run_end(tokens, is_taken, at);
        let from = at + tokens[at..end - 1].iter().take_while(|t| TITLES.contains(&&*t.norm)).count();
        let mut value = String::new();
        for token in &tokens[from..end] {
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(token.norm.strip_suffix("'s").unwrap_or(&token.norm));
        }
        found(value);
        at = end;
    }
}

/// Says whether a name begins at a token.
fn is_name(tokens: &[Token<'_>], at: usize) -> bool {
    let token = &tokens[at];
    let norm = token.norm.strip_suffix("'s").unwrap_or(&token.norm);
    if !has_capital(token) || norm.chars().count() < 2 || lexicon::is_foreign_common(norm) {
        return false;
    }
    let begins = token.first || at > 0 && tokens[at - 1].label_end || token.before.contains(['(', '|']);
    if !begins {
        return kind_of(token) == Some(Kind::Name);
    }
    let is_told = |next: &Token<'_>| next.before.trim().is_empty() && lexicon::follows_name(&next.norm);
    let word = !lexicon::is_function_word(norm) && !lexicon::is_turning(norm);
    let is_also_told = lexicon::is_also_name(norm)
        && (tokens.get(at + 1).is_some_and(is_told) || token.norm.len() > norm.len());
    if is_also_told {
        return true;
    }
    word && !matches!(kind_of(token), Some(kind) if kind != Kind::Name && kind != Kind::Quote)
        && !lexicon::is_common(norm)
}

fn has_capital(token: &Token<'_>) -> bool {
    token.raw.starts_with(char::is_uppercase) && !token.code
}

/// Returns where the name that begins at a token has ended.
fn run_end(tokens: &[Token<'_>], is_taken: &[bool], at: usize) -> usize {
    let follows = |at: usize| tokens.get(at).is_some_and(|t| t.before == " " && !tokens[at - 1].label_end);
    let mut end = at + 1;
    loop {
        // A possessive ends a name: `Ann's Berlin office` has two.
        if tokens[end - 1].norm.ends_with("'s") || !follows(end) {
            return end;
        }
        let particle =
            PARTICLES.contains(&&*tokens[end].norm) && !has_capital(&tokens[end]) && follows(end + 1);
        let next = end + usize::from(particle);
        let continues = tokens
            .get(next)
            .is_some_and(|t| !is_taken[next] && !t.first && has_capital(t) && kind_of(t) == Some(Kind::Name));
        if !continues {
            return end;
        }
        end = next + 1;
    }
}

/// Finds what may be a name in a script without capitals.
fn caseless(token: &Token<'_>, start: char, found: &mut impl FnMut(String)) {
    let norm = &*token.norm;
    match start {
        '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' => {
            let is_part = |c: char| {
                !matches!(c, '\u{3040}'..='\u{309f}') && !GRAMMAR.contains(c) && c.is_alphanumeric()
            };
            for part in norm.split(|c: char| !is_part(c)) {
                if (2..=6).contains(&part.chars().count())
                    || part.starts_with(is_katakana) && part.chars().count() > 1
                {
                    found(part.to_owned());
                }
            }
        }
        '\u{ac00}'..='\u{d7ff}' | '\u{1100}'..='\u{11ff}' => {
            let stem =
                JOSA.iter().find_map(|ending| norm.strip_suffix(ending)).filter(|s| s.chars().count() >= 2);
            let stem = stem.unwrap_or(norm);
            if stem.chars().count() >= 2
                && !lexicon::is_foreign_common(norm)
                && !lexicon::is_foreign_negation(norm)
            {
                found(stem.to_owned());
            }
        }
        c if script::is_unspaced(c) => {}
        _ => {
            let letters = norm.chars().filter(|c| c.is_alphanumeric()).count();
            let grammar = lexicon::is_foreign_common(norm) || lexicon::is_foreign_negation(norm);
            // A capital says so where there are any: Cyrillic and Greek come here only in capitals.
            if letters >= 3 && !grammar {
                found(norm.to_owned());
            }
        }
    }
}

fn is_katakana(c: char) -> bool {
    ('\u{30a0}'..='\u{30ff}').contains(&c)
}
