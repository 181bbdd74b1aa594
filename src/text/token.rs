//! Tokens: the words of a statement as a comparison sees them, free of Markdown and typography.

use std::borrow::Cow;

use super::lexicon;
use super::script;

/// One word, number, identifier or operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// As written, without marks around it.
    pub raw: &'a str,
    /// In lower case, composed, with plain quotes, hyphens and digits, and without invisible characters.
    pub norm: Cow<'a, str>,
    /// Where `raw` stands in the text.
    pub start: usize,
    /// What stands between the token before and this one.
    pub before: &'a str,
    /// Whether it stands in a code span.
    pub code: bool,
    /// Whether it stands alone in quotation marks, as a name or a value does.
    pub quoted: bool,
    /// Whether a sentence or the text begins with it, so that a capital says nothing.
    pub first: bool,
    /// Whether `:`, a dash or a table bar follows, as after a label.
    pub label_end: bool,
}

impl Token<'_> {
    /// Returns the letters and digits alone: `config-maps` and `ConfigMaps` give the same.
    pub fn squashed(&self) -> Cow<'_, str> {
        if self.norm.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Cow::Borrowed(&self.norm);
        }
        let kept: String = self.norm.chars().filter(|c| c.is_alphanumeric()).collect();
        if kept.is_empty() { Cow::Borrowed(&self.norm) } else { Cow::Owned(kept) }
    }

    /// Returns where `raw` ends in the text.
    pub fn end(&self) -> usize {
        self.start + self.raw.len()
    }

    /// Returns what to compare where words need not stand apart: the characters of a word in a script
    /// without spaces, one by one, and any other word as a whole.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        let cut = self.norm.starts_with(script::is_unspaced);
        let whole = (!cut).then_some(&*self.norm);
        let parts = if cut { &*self.norm } else { "" };
        whole.into_iter().chain(parts.char_indices().map(move |(at, c)| &parts[at..at + c.len_utf8()]))
    }
}

/// Splits a text into tokens, in order.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut reader = Reader { text, end: 0, first: true, out: Vec::with_capacity(text.len() / 6 + 2) };
    let mut rest = text;
    // Code spans keep their symbols; what stands between them is prose.
    while let Some(open) = memchr::memchr(b'`', rest.as_bytes()) {
        let width = rest[open..].bytes().take_while(|&b| b == b'`').count();
        let inner = &rest[open + width..];
        reader.prose(&rest[..open]);
        match memchr::memmem::find(inner.as_bytes(), &rest.as_bytes()[open..open + width]) {
            Some(close) => {
                for chunk in inner[..close].split_whitespace() {
                    reader.push(chunk, true);
                }
                rest = inner[close + width..].trim_start_matches('`');
            }
            None => rest = inner,
        }
        let after = rest.trim_start();
        if after.starts_with([':', '|', '–', '—', '：']) || after.starts_with("- ") || after.starts_with("->")
        {
            reader.mark_label();
        }
    }
    reader.prose(rest);
    reader.out
}

struct Reader<'a> {
    text: &'a str,
    /// Where the last token ends.
    end: usize,
    /// Whether the next token begins a sentence.
    first: bool,
    out: Vec<Token<'a>>,
}

impl<'a> Reader<'a> {
    fn mark_label(&mut self) {
        if let Some(last) = self.out.last_mut() {
            last.label_end = true;
        }
    }

    fn push(&mut self, raw: &'a str, code: bool) {
        let norm = normalised(raw);
        if norm.is_empty() {
            return;
        }
        let start = raw.as_ptr() as usize - self.text.as_ptr() as usize;
        let first = std::mem::take(&mut self.first);
        let before = &self.text[self.end..start];
        self.end = start + raw.len();
        self.out.push(Token { raw, norm, start, before, code, first, label_end: false, quoted: false });
    }

    fn prose(&mut self, text: &'a str) {
        for chunk in text.split_whitespace() {
            if is_word(chunk.as_bytes()) {
                self.push(chunk, false);
                continue;
            }
            self.chunk(chunk);
        }
    }

    /// Reads what stands between two spaces.
    fn chunk(&mut self, chunk: &'a str) {
        if matches!(chunk, "<-" | "←") || self.is_operator(chunk) {
            return self.push(chunk, false);
        }
        if matches!(chunk, "-" | "–" | "—" | ":" | "|" | "->" | "→" | "=>" | "::" | "：") {
            return self.mark_label();
        }
        if matches!(chunk, "<" | ">" | "<=" | ">=" | "=" | "==" | "!=" | "≥" | "≤" | "+" | "%") {
            if chunk != ">" || !self.begins_line(chunk) {
                self.push(chunk, false);
            }
            return;
        }
        // `85 %.` is 85 per cent at the end of a sentence.
        if let Some(after) = chunk.strip_prefix('%')
            && after.chars().all(|c| matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')'))
        {
            self.push(&chunk[..1], false);
            self.first = after.ends_with(['.', '!', '?']);
            return;
        }
        if let Some((from, to)) = hours(chunk) {
            self.words(from);
            self.words(to);
            self.first = chunk.ends_with(['.', '!', '?']);
            return;
        }
        let before = self.out.len();
        if let Some(link) = chunk.find("://") {
            // A web address is one token up to what closes it.
            let head = chunk[..link]
                .rfind(|c: char| !c.is_alphanumeric())
                .map_or(0, |i| i + chunk[i..].chars().next().map_or(1, char::len_utf8));
            self.words(&chunk[..head]);
            let tail = chunk[head..].find(['>', ')', ']', '"', '|', '<', '」', '）', '。', '，']);
            let tail = tail.map_or(chunk.len(), |i| head + i);
            let address = chunk[head..tail].trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '\'']);
            self.push(address, false);
            self.words(&chunk[tail..]);
        } else {
            self.words(chunk);
        }
        let bare = chunk.trim_end_matches(['*', '_', '"', '\'', ')', '”']);
        if self.out.len() == before + 1 && is_quoted(chunk) {
            self.out[before].quoted = true;
        }
        if self.out.len() > before {
            if bare.ends_with([':', '|', '：']) {
                self.mark_label();
            }
            self.first = bare.ends_with(['.', '!', '?', '。', '！', '？', '؟', '।', '۔'])
                && !lexicon::is_abbreviation(bare.trim_start_matches(['(', '[', '"', '*', '_']));
        }
    }

    /// Says whether a mark that is mostly dress stands between the operands of a formula: after an `=`, before
    /// the last operand or another operator.
    fn is_operator(&self, chunk: &str) -> bool {
        /// Further from the `=` it is none of its operators.
        const REACH: usize = 16;
        let is_sign = |word: &str| matches!(word, "-" | "*" | "/" | "+" | "÷" | "×" | "−" | "^");
        if !is_sign(chunk) || !self.out.iter().rev().take(REACH).any(|token| token.norm == "=") {
            return false;
        }
        let after = chunk.as_ptr() as usize - self.text.as_ptr() as usize + chunk.len();
        let mut words = self.text[after..].split_whitespace();
        words.next().is_some_and(|operand| {
            operand.ends_with(['.', ',', ';', ')']) || words.next().is_none_or(is_sign)
        })
    }

    /// Says whether a mark stands at the beginning of a line after the first, where `>` marks a quote.
    fn begins_line(&self, chunk: &str) -> bool {
        let at = chunk.as_ptr() as usize - self.text.as_ptr() as usize;
        self.text[..at].trim_end_matches([' ', '\t', '>']).ends_with(['\n', '\r'])
            && !self.text[at + 1..].trim_start().starts_with(|c: char| c.is_ascii_digit())
    }

    /// Splits a chunk without spaces at what cannot be inside a word.
    fn words(&mut self, chunk: &'a str) {
        // A thousands mark is part of its number.
        let mut start = 0;
        let bytes = chunk.as_bytes();
        for (i, c) in chunk.char_indices() {
            if !is_outer(c) {
                continue;
            }
            let digit = |at: Option<usize>| at.and_then(|a| bytes.get(a)).is_some_and(u8::is_ascii_digit);
            if c == ',' && digit(i.checked_sub(1)) && digit(Some(i + 1)) && digit(Some(i + 3)) {
                continue;
            }
            self.part(&chunk[start..i]);
            if i == 0
                && matches!(c, '<' | '>')
                && chunk[i + 1..].starts_with(|c: char| c.is_ascii_digit() || c == '=')
            {
                self.push(&chunk[i..=i], false);
            }
            match c {
                '：' => self.mark_label(),
                '。' | '！' | '？' | '؟' | '।' | '۔' => self.first = true,
                _ => {}
            }
            start = i + c.len_utf8();
        }
        self.part(&chunk[start..]);
    }

    /// Splits `end.Start`, where the space after a sentence was forgotten.
    fn part(&mut self, text: &'a str) {
        let bytes = text.as_bytes();
        let mut start = 0;
        for dot in memchr::memchr_iter(b'.', bytes) {
            let is_end = dot >= start + 3
                && bytes[dot - 2..dot].iter().all(u8::is_ascii_lowercase)
                && bytes.get(dot + 1).is_some_and(u8::is_ascii_uppercase)
                && bytes.get(dot + 2).is_some_and(u8::is_ascii_lowercase);
            if is_end {
                self.word(&text[start..dot]);
                start = dot + 1;
                self.first = true;
            }
        }
        self.word(&text[start..]);
    }

    fn word(&mut self, text: &'a str) {
        if text.is_ascii() {
            return self.run(text);
        }
        // A script without spaces says nothing of where a word in another script begins.
        let mut start = 0;
        let mut unspaced = None;
        for (at, c) in text.char_indices() {
            if !c.is_alphanumeric() || script::is_mark(c) {
                continue;
            }
            let here = script::is_unspaced(c);
            if unspaced.is_some_and(|before| before != here) {
                self.run(&text[start..at]);
                start = at;
            }
            unspaced = Some(here);
        }
        self.run(&text[start..]);
    }

    fn run(&mut self, text: &'a str) {
        let text = text.trim_matches(['*', '\'', '‘', '’']);
        // `~4` is another figure than `4`.
        if let Some(figure) =
            text.strip_prefix(['~', '≈']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        {
            self.push(&text[..text.len() - figure.len()], false);
            return self.run(figure);
        }
        let text =
            if text.starts_with("~/") { text } else { text.trim_matches(['*', '\'', '‘', '’', '~']) };
        let text = text.trim_end_matches(['.', ':', '!', '?', '…', '*', '\'', '’']);
        let stripped = text.trim_matches('_');
        let text = if stripped.contains('_') { text } else { stripped };
        let text = text.trim_start_matches([':', '!', '?', '…', '*']);
        if text.chars().any(char::is_alphanumeric) {
            let text = text.trim_end_matches(['-', '/']).trim_end_matches('.');
            self.push(text, false);
        } else if text.chars().any(|c| !c.is_ascii_punctuation() && !matches!(c, '–' | '—' | '•' | '…'))
        {
            self.push(text, false);
        }
    }
}

/// Says whether a chunk is a plain word: nothing to trim, to split or to mark.
fn is_word(chunk: &[u8]) -> bool {
    let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { return false };
    first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && chunk.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'\'' | b'_'))
}

fn normalised(raw: &str) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    if bytes.iter().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        return Cow::Borrowed(raw);
    }
    if raw.is_ascii() { Cow::Owned(raw.to_ascii_lowercase()) } else { Cow::Owned(script::folded(raw)) }
}

fn is_outer(c: char) -> bool {
    match c {
        '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '|' | '"' | ',' | ';' => true,
        c if c.is_ascii() => false,
        c => matches!(
            c,
            '“' | '”'
                | '„'
                | '‚'
                | '«'
                | '»'
                | '‹'
                | '›'
                | '，'
                | '、'
                | '；'
                | '：'
                | '。'
                | '！'
                | '？'
                | '「'
                | '」'
                | '『'
                | '』'
                | '（'
                | '）'
                | '《'
                | '》'
                | '〈'
                | '〉'
                | '【'
                | '】'
                | '،'
                | '؛'
                | '؟'
                | '۔'
                | '।'
                | '॥'
        ),
    }
}

/// Parts two hours that a dash joins, as in `10:00–15:00`: they are as far apart as in `from 10:00 to 15:00`.
fn hours(chunk: &str) -> Option<(&str, &str)> {
    let dash = chunk.find(['-', '–'])?;
    let (from, to) = chunk.split_at(dash);
    let to = to.trim_start_matches(['-', '–']);
    let is_hour = |text: &str| {
        let text = text.trim_matches(|c: char| !c.is_alphanumeric());
        text.split_once(':').is_some_and(|(hour, minute)| {
            let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
            (1..=2).contains(&hour.len()) && minute.len() == 2 && digits(hour) && digits(minute)
        })
    };
    (is_hour(from) && is_hour(to)).then_some((from, to))
}

/// Says whether quotation marks stand around a chunk.
fn is_quoted(chunk: &str) -> bool {
    let inner = chunk.trim_start_matches('(').trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
    [('\'', '\''), ('"', '"'), ('‘', '’'), ('“', '”')]
        .iter()
        .any(|&(open, close)| inner.len() > 2 && inner.starts_with(open) && inner.ends_with(close))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn norms(text: &str) -> String {
        tokens(text).into_iter().map(|t| t.norm.into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_lose_their_dress_and_specifics_keep_theirs() {
        assert_eq!(norms("**Use** _tabs_, don’t use `Spaces`!"), "use tabs don't use spaces");
        assert_eq!(
            norms("See [Go](https://golang.org/dl/). >= 1.15"),
            "see go https://golang.org/dl/ >= 1.15"
        );
        assert_eq!(
            norms("`--no-cache` or `owner/*` | 1,000 | C++ | foo_bar"),
            "--no-cache or owner/* 1,000 c++ foo_bar"
        );
        assert_eq!(norms("a `stray mark"), "a stray mark");
        assert_eq!(norms("`x`<sup>1.7.0</sup>"), "x sup 1.7.0 /sup");
        assert_eq!(norms("mail a@b.org, 5% & $3"), "mail a@b.org 5% $3");
        assert_eq!(norms("~4 GB, ~~5~~, ~/x"), "~ 4 gb 5 ~/x");
    }

    #[test]
    fn labels_are_marked() {
        let marked = |text| tokens(text).iter().position(|t| t.label_end);
        assert_eq!(marked("**Deploy day**: Friday"), Some(1));
        assert_eq!(marked("`a_b` - waits"), Some(0));
        assert_eq!(marked("端口：8080"), Some(0));
        assert_eq!(marked("No label here"), None);
    }

    #[test]
    fn signs_between_operands_count_and_dashes_do_not() {
        assert_eq!(norms("Total = base - tax"), "total = base - tax");
        assert_eq!(norms("Score = hits * weight / days."), "score = hits * weight / days");
        assert_eq!(norms("A <- B"), "a <- b");
        assert_eq!(norms("Timeout = 30 s - set in the config"), "timeout = 30 s set in the config");
        assert_eq!(norms("Ann / Bob - both"), "ann bob both");
    }

    #[test]
    fn tokens_know_where_they_stand() {
        let text = "**Ann** uses `x y`, (Café).\n端口是6379。";
        for token in tokens(text) {
            assert_eq!(&text[token.start..token.end()], token.raw);
            assert!(text[..token.start].ends_with(token.before));
        }
        assert_eq!(norms(text), "ann uses x y café 端口是 6379");
    }

    #[test]
    fn what_cannot_be_seen_makes_no_difference() {
        for (a, b) in [
            ("cafe\u{301} A\u{30a}ngstrom", "café ångstrom"),
            ("pass\u{200b}word so\u{ad}ft \u{feff}x", "password soft x"),
            ("１２３ ＡＢ", "123 ab"),
            ("٣ ३ 三", "3 3 三"),
            ("❤\u{fe0f}", "❤"),
            ("ΟΔΟΣ", "οδος"),
            ("\u{200e}שלום\u{200f}", "שלום"),
        ] {
            assert_eq!(norms(a), norms(b), "{a} {b}");
        }
        assert_eq!(norms("\u{200b} \u{2060}"), "");
        // A joiner makes one family of three people, and another word of the same letters in Persian.
        assert_ne!(norms("👨\u{200d}👩\u{200d}👧"), norms("👨👩👧"));
        assert_ne!(norms("می\u{200c}خواهم"), norms("میخواهم"));
    }

    #[test]
    fn words_without_spaces_have_pieces() {
        let pieces =
            |text| tokens(text).iter().flat_map(Token::pieces).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(pieces("周五 deploy"), ["周", "五", "deploy"]);
    }

    #[test]
    fn quote_marks_of_wrapped_lines_are_no_operators() {
        assert_eq!(norms("never on\n> mondays"), "never on mondays");
        assert_eq!(norms("a > b"), "a > b");
    }

    #[test]
    fn stray_marks_cost_no_more_than_their_length() {
        assert_eq!(tokens(&"` ``".repeat(30_000)).len(), 0);
    }
}
