//! Disguise: what stands between the letters of a word, and letters that only look like others.
//!
//! A model reads through it, so a text is judged without it too. What is left is for judging and not for
//! showing: in doubt a mark goes.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::memory::is_unseen;
use crate::text::plain::plain;

/// The fewest letters that stand apart and are taken for a word.
const LEAST_APART: usize = 4;

/// Letters that nobody tells from the Latin ones below them.
const LIKE: &str = "аеорсухіјѕԁԛԝһӏɡАВЕКМНОРСТХІЈЅԌԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧονςϳօոսհᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ";
const LATIN: &str = "aeopcyxijsdqwhlgABEKMHOPCTXIJSGQWABEZHIKMNOPTYXovcjonuhabcdefghijklmnoprstuvwyz";

/// Returns a text as it reads without Markdown, entities, marks and space between its letters, and with
/// look-alikes as what they look like; nothing if that is what is written.
pub(super) fn undisguised(text: &str) -> Option<String> {
    let shown = plain(text);
    let letters: Cow<'_, str> = match shown.is_ascii() {
        true => Cow::Borrowed(&*shown),
        false => Cow::Owned(latin(&shown)),
    };
    let joined = joined(&letters);
    (joined != text).then_some(joined)
}

/// Writes look-alikes and letters in frames as plain ones, and leaves marks and unseen characters out.
fn latin(text: &str) -> String {
    let folded: Vec<char> =
        text.nfkd().filter(|&c| !is_unseen(c) && !is_combining_mark(c)).map(framed).collect();
    let words = || folded.split(|c| !c.is_alphabetic());
    let like = |c: char| LIKE.chars().zip(LATIN.chars()).find(|(a, _)| *a == c).map(|(_, b)| b);
    let is_own = |word: &[char]| word.iter().any(|&c| !c.is_ascii() && like(c).is_none());
    // Where another script is at home, its words are its own.
    let is_foreign = words().any(is_own);
    let mut out = String::with_capacity(text.len());
    let mut rest = folded.as_slice();
    while let Some(&c) = rest.first() {
        let length = rest.iter().take_while(|c| c.is_alphabetic()).count();
        if length == 0 {
            out.push(c);
            rest = &rest[1..];
            continue;
        }
        let (word, after) = rest.split_at(length);
        let is_disguised = !is_own(word) && (!is_foreign || word.iter().any(char::is_ascii));
        out.extend(word.iter().map(|&c| if is_disguised { like(c).unwrap_or(c) } else { c }));
        rest = after;
    }
    out
}

/// Reads a letter out of its circle, square or flag.
fn framed(c: char) -> char {
    let from = match c {
        '\u{1f150}'..='\u{1f169}' => 0x1f150,
        '\u{1f170}'..='\u{1f189}' => 0x1f170,
        '\u{1f1e6}'..='\u{1f1ff}' => 0x1f1e6,
        _ => return c,
    };
    char::from_u32(c as u32 - from + u32::from('a')).unwrap_or(c)
}

/// Joins letters that stand one by one with the same character between them, as `i-g-n-o-r-e`.
fn joined(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let begins = at == 0 || !chars[at - 1].is_alphanumeric();
        let end = if begins { end_of_apart(&chars, at) } else { at };
        if end > at {
            out.extend(chars[at..end].iter().step_by(2));
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Returns where letters end that stand apart from `at` on; `at` if there are too few.
fn end_of_apart(chars: &[char], at: usize) -> usize {
    let Some(&mark) = chars.get(at + 1).filter(|c| !c.is_alphanumeric() && **c != '\n') else { return at };
    let mut end = at;
    while chars.get(end).is_some_and(|c| c.is_alphabetic())
        && chars.get(end + 1).is_none_or(|c| !c.is_alphanumeric())
    {
        end += 2;
        if chars.get(end - 1) != Some(&mark) {
            break;
        }
    }
    let end = (end.max(at + 1) - 1).min(chars.len());
    let letters = (end - at).div_ceil(2);
    // What ends on the mark was no letter.
    if letters >= LEAST_APART && chars[end - 1].is_alphabetic() { end } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disguise_comes_off() {
        assert_eq!(LIKE.chars().count(), LATIN.chars().count());
        for text in [
            "i*g*nore",
            "ig**no**re",
            "ig<!-- x -->nore",
            "ig<b></b>nore",
            "[ig](x)nore",
            "ig![](x)nore",
            "&#105;gnore",
            "i&shy;gnore",
            "i\u{34f}g\u{fe01}n\u{e0041}o\u{180e}r\u{3164}e",
            "ignоrе",
            "іgnοre",
            "ɪɢɴᴏʀᴇ",
            "ｉｇｎｏｒｅ",
            "𝓲𝓰𝓷𝓸𝓻𝓮",
            "🅘🅖🅝🅞🅡🅔",
            "🅸🅶🅽🅾🆁🅴",
            "🇮🇬🇳🇴🇷🇪",
            "i\u{336}g\u{336}n\u{336}o\u{336}r\u{336}e",
            "i g n o r e",
            "i-g-n-o-r-e",
            "i.g.n.o.r.e",
            "i_g_n_o_r_e",
        ] {
            assert_eq!(
                undisguised(text).map(|read| read.to_lowercase()).as_deref(),
                Some("ignore"),
                "{text}"
            );
        }
        assert_eq!(undisguised("i g n o r e   t h i s").as_deref(), Some("ignore   this"));
        assert_eq!(undisguised("x y: d e f g.").as_deref(), Some("x y: defg."));
    }

    #[test]
    fn other_scripts_are_left_as_they_are() {
        for text in ["Plain words, e.g. a b c.", "Сор лежит у дома", "отдел IT, SDK", "部署在周五", "x", ""]
        {
            assert_eq!(undisguised(text), None, "{text}");
        }
    }

    #[test]
    fn long_texts_are_read_in_linear_time() {
        for text in ["a b ", "a-", "*", "а", "\u{200b}a", "🅘 "] {
            let _ = undisguised(&text.repeat(50_000));
        }
    }
}
