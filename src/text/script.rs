//! Scripts: how characters are folded before they are compared, and which scripts do without spaces.

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::memory::is_unseen;

/// The characters for zero of the decimal digits that are read as figures.
const ZEROS: [char; 18] = [
    '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{be6}', '\u{c66}',
    '\u{ce6}', '\u{d66}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{17e0}', '\u{1810}', '\u{ff10}',
];

/// Returns a text in lower case and composed, with plain quotes, hyphens, digits and letters of one width,
/// without what cannot be seen. Joiners stay where they shape a word or an emoji.
pub fn folded(text: &str) -> String {
    if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        fold(text.chars(), text.len())
    } else {
        fold(text.nfc(), text.len())
    }
}

fn fold(chars: impl Iterator<Item = char>, size: usize) -> String {
    let mut out = String::with_capacity(size);
    for c in chars {
        match c {
            'A'..='Z' => out.push(c.to_ascii_lowercase()),
            '\0'..='\x7f' => out.push(c),
            '’' | '‘' | 'ʼ' => out.push('\''),
            '‐' | '‑' | '–' | '—' | '−' => out.push('-'),
            '…' => out.push_str("..."),
            'ς' => out.push('σ'),
            '\u{e0020}'..='\u{e007f}' if out.ends_with(is_flag_part) => out.push(c),
            '\u{200c}' | '\u{200d}' => {
                if out.ends_with(|before: char| !before.is_ascii()) {
                    out.push(c);
                }
            }
            c if is_invisible(c) => {}
            c => match digit(c) {
                Some(digit) => out.push(digit),
                None => out.extend(narrow(c).to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c })),
            },
        }
    }
    out
}

/// Returns the ASCII digit that a decimal digit of another script stands for.
fn digit(c: char) -> Option<char> {
    if c < ZEROS[0] || !c.is_numeric() {
        return None;
    }
    let value =
        ZEROS.iter().find_map(|&zero| u32::from(c).checked_sub(u32::from(zero)).filter(|&d| d < 10))?;
    char::from_digit(value, 10)
}

/// Returns the ASCII character that a full-width one stands for.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    }
}

/// Says whether a character takes no room and shapes none; joiners do.
pub fn is_invisible(c: char) -> bool {
    c > '\u{7f}' && is_unseen(c) && !matches!(c, '\u{200c}' | '\u{200d}')
}

/// Says whether a character belongs to the one before it.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && (is_combining_mark(c) || is_invisible(c) || matches!(c, '\u{200c}' | '\u{200d}'))
}

/// Says whether a character is of a script whose words stand without spaces between them: Chinese,
/// Japanese, Thai, Lao, Khmer, Burmese. Korean has spaces, but no space between a figure and its word.
pub fn is_unspaced(c: char) -> bool {
    c >= '\u{e00}'
        && matches!(
            c,
            '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
                | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3130}'..='\u{318f}'
                | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}'
                | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
        )
}

/// Returns how many characters a text shows, whether it is composed or not.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().filter(|&c| !is_mark(c) && !matches!(c, '\u{1160}'..='\u{11ff}')).count()
}

/// Says whether a flag's tag may follow a character.
fn is_flag_part(c: char) -> bool {
    c == '🏴' || ('\u{e0020}'..='\u{e007e}').contains(&c)
}
