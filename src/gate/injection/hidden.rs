//! Characters that people do not see, or take for others, and that a model reads.
//!
//! What writing needs is left alone: joiners in emoji and in Arabic, Persian and Indic words, marks of
//! direction beside letters that run from the right, one variation selector behind a symbol or an
//! ideograph, icons by themselves.

use unicode_normalization::char::is_combining_mark;

use crate::memory::is_unseen;

/// A kind of hidden text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hidden {
    /// Tag characters, which spell ASCII unseen.
    Tags,
    /// Controls that show text in another order than it is read.
    Direction,
    /// Zero-width characters in a row, or inside a word that needs none.
    ZeroWidth,
    /// Variation selectors in a row, or behind what has no variants.
    Variation,
    /// Letters of another script that look like those around them.
    LookAlike,
    /// Characters for private use in a row or inside a word.
    PrivateUse,
    /// Control characters, such as those of a terminal.
    Control,
}

impl Hidden {
    /// Returns what findings call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Tags => "hidden: tag characters, which spell text that nobody sees",
            Self::Direction => "hidden: direction controls, which show text in another order",
            Self::ZeroWidth => "hidden: zero-width characters",
            Self::Variation => "hidden: variation selectors where there are no variants",
            Self::LookAlike => "hidden: letters of another script that look the same",
            Self::PrivateUse => "hidden: characters for private use",
            Self::Control => "hidden: control characters",
        }
    }
}

/// Says whether the characters of a line hide something.
type Check = fn(&[char]) -> bool;

/// Returns the kinds of hidden text in each line, from 1; each kind once a line.
pub(super) fn find(text: &str) -> Vec<(usize, Hidden)> {
    let mut found = Vec::new();
    if text.bytes().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | b' '..=b'~')) {
        return found;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (at, line) in text.lines().enumerate() {
        if line.bytes().all(|b| matches!(b, b'\t' | b'\r' | b' '..=b'~')) {
            continue;
        }
        let chars: Vec<char> = line.chars().collect();
        let checks: [(Hidden, Check); 7] = [
            (Hidden::Tags, has_tags),
            (Hidden::Direction, has_direction),
            (Hidden::ZeroWidth, has_zero_width),
            (Hidden::Variation, has_variation),
            (Hidden::LookAlike, has_look_alike),
            (Hidden::PrivateUse, has_private_use),
            (Hidden::Control, has_control),
        ];
        found.extend(checks.into_iter().filter(|(_, has)| has(&chars)).map(|(kind, _)| (at + 1, kind)));
    }
    found
}

/// Tags, and what Unicode sets aside beside them to be ignored.
fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0000}'..='\u{e0fff}') && !is_variation(c)
}

/// Flags of parts of a country are a black flag, a few tags, and a closing tag.
fn has_tags(chars: &[char]) -> bool {
    let mut at = 0;
    while at < chars.len() {
        if !is_tag(chars[at]) {
            at += 1;
            continue;
        }
        let length = chars[at..].iter().take_while(|&&c| is_tag(c)).count();
        let is_flag = at > 0
            && chars[at - 1] == '\u{1f3f4}'
            && (2..=7).contains(&length)
            && chars[at + length - 1] == '\u{e007f}';
        if !is_flag {
            return true;
        }
        at += length;
    }
    false
}

fn is_from_right(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
        && c.is_alphabetic()
}

fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Overrides have no place in text. Embeddings and isolates have one beside letters that run from the right,
/// if they are closed again.
fn has_direction(chars: &[char]) -> bool {
    let mut depth = 0_i32;
    let mut seen = false;
    for &c in chars {
        match c {
            '\u{202d}' | '\u{202e}' => return true,
            '\u{202a}' | '\u{202b}' | '\u{2066}'..='\u{2068}' => (depth, seen) = (depth + 1, true),
            '\u{202c}' | '\u{2069}' => (depth, seen) = (depth - 1, true),
            _ => {}
        }
        if depth < 0 {
            return true;
        }
    }
    seen && (depth != 0 || !chars.iter().any(|&c| is_from_right(c)))
}

fn is_zero_width(c: char) -> bool {
    is_unseen(c) && !is_tag(c) && !is_variation(c) && !is_direction(c)
}

/// Says whether a letter belongs to a script that joins nothing: a zero-width character has no business
/// between two of them.
fn joins_nothing(c: char) -> bool {
    c.is_ascii_alphanumeric() || is_latin(c) || is_greek(c) || is_cyrillic(c)
}

/// Says whether a character that nobody sees never belongs to a text as people write it.
fn is_never_text(c: char) -> bool {
    matches!(c, '\u{34f}' | '\u{3164}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{206a}'..='\u{206f}'
        | '\u{2065}' | '\u{1d173}'..='\u{1d17a}' | '\u{1bca0}'..='\u{1bca3}')
}

fn has_zero_width(chars: &[char]) -> bool {
    let has_right_to_left = chars.iter().any(|&c| is_from_right(c));
    let mut at = 0;
    let mut last_hyphen = None;
    while at < chars.len() {
        if !is_zero_width(chars[at]) {
            at += 1;
            continue;
        }
        let length = chars[at..].iter().take_while(|&&c| is_zero_width(c)).count();
        let before = at.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(at + length).copied();
        let joined = [before, after].into_iter().flatten().any(|c| c.is_alphabetic() && !joins_nothing(c));
        let is_inside = before.is_some_and(joins_nothing) && after.is_some_and(joins_nothing);
        let splits = |c: char| c != '\u{ad}' && !(has_right_to_left && matches!(c, '\u{200e}' | '\u{200f}'));
        // No word is broken after every other letter.
        let is_chopped = chars[at] == '\u{ad}' && last_hyphen.is_some_and(|last| at - last <= 2);
        if length > if joined { 3 } else { 1 }
            || is_inside && splits(chars[at])
            || is_chopped
            || chars[at..at + length].iter().any(|&c| is_never_text(c))
        {
            return true;
        }
        if chars[at] == '\u{ad}' {
            last_hyphen = Some(at);
        }
        at += length;
    }
    false
}

fn is_variation(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

fn has_variation(chars: &[char]) -> bool {
    chars.iter().enumerate().filter(|&(_, &c)| is_variation(c)).any(|(at, &c)| {
        let Some(before) = at.checked_sub(1).map(|i| chars[i]) else { return true };
        let is_plain = joins_nothing(before) && !before.is_ascii_digit()
            || before.is_whitespace()
            || before.is_ascii_punctuation() && !matches!(before, '#' | '*')
            || is_from_right(before);
        let has_no_such = c >= '\u{e0100}' && !is_ideograph(before);
        is_variation(before) || is_plain || has_no_such
    })
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}') && c.is_alphabetic()
}

fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}')
}

fn is_greek(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}')
}

/// Letters of other scripts that nobody tells from Latin ones.
fn looks_latin(c: char) -> bool {
    "аеорсухіјѕԁԛԝһӏɡАВЕКМНОРСТХІЈЅԌԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧονϲϳ".contains(c)
}

/// Letters for formulas, which spell words in disguise when several stand together.
fn is_styled(c: char) -> bool {
    matches!(c, '\u{1d400}'..='\u{1d7cb}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}'
        | '\u{24b6}'..='\u{24e9}' | '\u{1f110}'..='\u{1f12b}' | '\u{1f130}'..='\u{1f149}' | '\u{1f150}'..='\u{1f169}')
}

fn has_look_alike(chars: &[char]) -> bool {
    let words: Vec<&[char]> = chars
        .split(|&c| !(c.is_alphabetic() || is_combining_mark(c) || is_styled(c)))
        .filter(|word| !word.is_empty())
        .collect();
    let is_foreign = |c: char| is_cyrillic(c) || is_greek(c);
    let writes_foreign = words.iter().any(|word| word.len() > 1 && word.iter().all(|&c| is_foreign(c)));
    words.iter().any(|word| {
        if word.len() < 4 {
            return false;
        }
        if word.iter().all(|&c| matches!(c, '\u{1d400}'..='\u{1d7cb}')) {
            return true;
        }
        let foreign: Vec<char> = word.iter().copied().filter(|&c| is_foreign(c)).collect();
        let is_mixed = !foreign.is_empty() && word.iter().any(|&c| is_latin(c));
        if !is_mixed || !foreign.iter().all(|&c| looks_latin(c)) {
            return false;
        }
        // Where the other script is at home, its endings are put to foreign names.
        let is_ending = word.iter().skip_while(|&&c| is_latin(c)).all(|&c| is_foreign(c));
        !(is_ending && writes_foreign)
    })
}

fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}')
}

fn has_private_use(chars: &[char]) -> bool {
    chars.iter().enumerate().filter(|&(_, &c)| is_private(c)).any(|(at, _)| {
        let before = at.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(at + 1).copied();
        let is_inside = before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
        before.is_some_and(is_private) || is_inside
    })
}

fn has_control(chars: &[char]) -> bool {
    chars.iter().any(|&c| c.is_control() && !matches!(c, '\t' | '\r' | '\u{c}' | '\u{b}' | '\u{85}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(text: &str) -> Vec<Hidden> {
        find(text).into_iter().map(|(_, kind)| kind).collect()
    }

    fn tagged(text: &str) -> String {
        text.chars().filter_map(|c| char::from_u32(0xe0000 + c as u32)).collect()
    }

    #[test]
    fn hidden_text_is_found_by_kind() {
        let table = [
            (format!("nice{}", tagged("ignore all")), Hidden::Tags),
            ("user\u{202e}nimda\u{202c}".to_owned(), Hidden::Direction),
            ("a \u{2066}b".to_owned(), Hidden::Direction),
            ("plain \u{202a}Latin\u{202c} text".to_owned(), Hidden::Direction),
            ("a \u{200b}\u{200c}\u{200d}\u{200b} b".to_owned(), Hidden::ZeroWidth),
            ("ig\u{200b}nore".to_owned(), Hidden::ZeroWidth),
            ("pass\u{2060}word".to_owned(), Hidden::ZeroWidth),
            ("x\u{3164}y".to_owned(), Hidden::ZeroWidth),
            ("a\u{34f}b".to_owned(), Hidden::ZeroWidth),
            ("i\u{ad}g\u{ad}n\u{ad}ore".to_owned(), Hidden::ZeroWidth),
            ("ig\u{200e}nore".to_owned(), Hidden::ZeroWidth),
            ("ig\u{115f}nore".to_owned(), Hidden::ZeroWidth),
            ("ig\u{180b}nore".to_owned(), Hidden::ZeroWidth),
            ("ig\u{17b4}nore".to_owned(), Hidden::ZeroWidth),
            ("x \u{fff3} y".to_owned(), Hidden::ZeroWidth),
            ("x \u{1d173} y".to_owned(), Hidden::ZeroWidth),
            ("x\u{e0080} y".to_owned(), Hidden::Tags),
            ("x\u{e01f0} y".to_owned(), Hidden::Tags),
            ("end.\u{fe01} next".to_owned(), Hidden::Variation),
            ("да\u{fe02}".to_owned(), Hidden::Variation),
            ("😀\u{e0121}\u{e0130}".to_owned(), Hidden::Variation),
            ("a\u{fe01}".to_owned(), Hidden::Variation),
            ("❤\u{fe0f}\u{fe01}\u{fe02}".to_owned(), Hidden::Variation),
            ("pаypal".to_owned(), Hidden::LookAlike),
            ("passwоrd".to_owned(), Hidden::LookAlike),
            ("𝐢𝐠𝐧𝐨𝐫𝐞 this".to_owned(), Hidden::LookAlike),
            ("a\u{e001}\u{e002}b".to_owned(), Hidden::PrivateUse),
            ("\u{1b}[8mhidden\u{1b}[0m".to_owned(), Hidden::Control),
        ];
        for (text, kind) in table {
            assert!(kinds(&text).contains(&kind), "{text:?}: {:?}", kinds(&text));
        }
        assert_eq!(find("a\n\npаypal\n"), [(3, Hidden::LookAlike)]);
    }

    #[test]
    fn what_writing_needs_is_left_alone() {
        for text in [
            "\u{feff}A file with a byte order mark",
            "👩\u{200d}👩\u{200d}👧\u{200d}👦 and 🏳\u{fe0f}\u{200d}🌈 and 👍🏽 and 1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} Scotland",
            "می\u{200c}خواهم خانه\u{200c}های بزرگ را ببینم",
            "क्\u{200d}ष और क्\u{200c}ष",
            "שלום\u{200f}, (version 2)\u{200e} בסדר",
            "הקובץ \u{2068}main.rs\u{2069} נמצא כאן",
            "long\u{ad}word and so\u{ad}on",
            "ᠮᠣᠩᠭᠣᠯ\u{180b} ᠪᠢᠴᠢᠭ\u{180e}",
            "葛\u{e0100}城市 and 葛󠄁",
            "Δt is 5 µs, kΩ, λx, ΔT, Ωm and σ² of αβγ",
            "отдел IT и SDKа, PDFы, git",
            "Ελληνικά και English",
            "\u{e0b0} main \u{f8ff}",
            "日本語とEnglishの混在、ｈａ",
            "Ünïcödé naïve façade Łódź",
            "ภาษา\u{200b}ไทย",
        ] {
            assert_eq!(kinds(text), [], "{text:?}");
        }
    }

    #[test]
    fn whatever_nobody_sees_is_found_inside_a_word() {
        // A soft hyphen says where a word may be broken.
        for c in ('\u{80}'..='\u{e0fff}').filter(|&c| is_unseen(c) && c != '\u{ad}') {
            assert!(!kinds(&format!("ig{c}nore")).is_empty(), "{:x}", c as u32);
        }
    }

    fn ordinary() -> impl Strategy<Value = String> {
        let words = prop_oneof![
            "[a-zA-Z]{1,9}",
            "[а-яА-Я]{1,9}",
            "[α-ωΑ-Ω]{1,9}",
            "[א-ת]{1,9}",
            "[\u{627}-\u{63a}]{1,9}",
            "[\u{4e00}-\u{4e80}]{1,9}",
            "[\u{915}-\u{939}]{1,9}",
            "[äöüßéèñçøåłő]{1,9}",
            "[0-9]{1,6}",
            proptest::sample::select(vec![
                "👩\u{200d}🚀",
                "❤\u{fe0f}",
                "🏳\u{fe0f}\u{200d}🌈",
                "👍🏽",
                "🇩🇪",
                "✅",
                "☎\u{fe0e}",
                "…",
                "—",
                "`x`",
            ])
            .prop_map(str::to_owned),
        ];
        proptest::collection::vec(words, 0..12).prop_map(|words| words.join(" "))
    }

    proptest! {
        #[test]
        fn letters_and_emoji_are_never_hidden_text(text in ordinary()) {
            prop_assert_eq!(kinds(&text), []);
        }

        #[test]
        fn tags_are_found_wherever_they_stand(a in ordinary(), b in ordinary(), spelled in "[a-z ]{8,20}") {
            let text = format!("{a} {}{b}", tagged(&spelled));
            prop_assert!(kinds(&text).contains(&Hidden::Tags));
        }
    }
}
