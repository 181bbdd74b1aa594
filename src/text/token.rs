//! Tokens: the words of a statement as a comparison sees them, free of Markdown and typography.

/// One word, number, identifier or operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// As written, without marks around it.
    pub raw: &'a str,
    /// In lower case, with plain quotes and hyphens.
    pub norm: String,
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
    pub fn squashed(&self) -> String {
        let kept: String = self.norm.chars().filter(|c| c.is_alphanumeric()).collect();
        if kept.is_empty() { self.norm.clone() } else { kept }
    }
}

/// Splits a text into tokens, in order.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut first = true;
    let mut rest = text;
    // Code spans keep their symbols; what stands between them is prose.
    while let Some(open) = memchr::memchr(b'`', rest.as_bytes()) {
        let width = rest[open..].bytes().take_while(|&b| b == b'`').count();
        let inner = &rest[open + width..];
        prose(&rest[..open], &mut first, &mut out);
        match memchr::memmem::find(inner.as_bytes(), &rest.as_bytes()[open..open + width]) {
            Some(close) => {
                for chunk in inner[..close].split_whitespace() {
                    push(chunk, true, &mut first, &mut out);
                }
                rest = inner[close + width..].trim_start_matches('`');
            }
            None => rest = inner,
        }
        let after = rest.trim_start();
        if after.starts_with([':', '|', '–', '—']) || after.starts_with("- ") || after.starts_with("->") {
            mark_label(&mut out);
        }
    }
    prose(rest, &mut first, &mut out);
    out
}

fn mark_label(out: &mut [Token<'_>]) {
    if let Some(last) = out.last_mut() {
        last.label_end = true;
    }
}

fn push<'a>(raw: &'a str, code: bool, first: &mut bool, out: &mut Vec<Token<'a>>) {
    let mut norm = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '’' | '‘' | 'ʼ' => norm.push('\''),
            '‐' | '‑' | '–' | '—' => norm.push('-'),
            '…' => norm.push_str("..."),
            c => norm.extend(c.to_lowercase()),
        }
    }
    out.push(Token { raw, norm, code, first: std::mem::take(first), label_end: false, quoted: false });
}

fn prose<'a>(text: &'a str, first: &mut bool, out: &mut Vec<Token<'a>>) {
    for chunk in text.split_whitespace() {
        if matches!(chunk, "-" | "–" | "—" | ":" | "|" | "->" | "→" | "=>" | "::") {
            mark_label(out);
            continue;
        }
        if matches!(chunk, "<" | ">" | "<=" | ">=" | "=" | "==" | "!=" | "≥" | "≤" | "+") {
            push(chunk, false, first, out);
            continue;
        }
        let before = out.len();
        if let Some(link) = chunk.find("://") {
            // A web address is one token up to what closes it.
            let head = chunk[..link]
                .rfind(|c: char| !c.is_alphanumeric())
                .map_or(0, |i| i + chunk[i..].chars().next().map_or(1, char::len_utf8));
            words(&chunk[..head], first, out);
            let tail = chunk[head..].find(['>', ')', ']', '"', '|', '<']).map_or(chunk.len(), |i| head + i);
            let address = chunk[head..tail].trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '\'']);
            push(address, false, first, out);
            words(&chunk[tail..], first, out);
        } else {
            words(chunk, first, out);
        }
        let bare = chunk.trim_end_matches(['*', '_', '"', '\'', ')', '”']);
        if out.len() == before + 1 && is_quoted(chunk) {
            out[before].quoted = true;
        }
        if out.len() > before {
            if bare.ends_with([':', '|']) {
                mark_label(out);
            }
            *first = bare.ends_with(['.', '!', '?']);
        }
    }
}

/// Says whether quotation marks stand around a chunk.
fn is_quoted(chunk: &str) -> bool {
    let inner = chunk.trim_start_matches('(').trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
    [('\'', '\''), ('"', '"'), ('‘', '’'), ('“', '”')]
        .iter()
        .any(|&(open, close)| inner.len() > 2 && inner.starts_with(open) && inner.ends_with(close))
}

/// Splits a chunk without spaces at what cannot be inside a word.
fn words<'a>(chunk: &'a str, first: &mut bool, out: &mut Vec<Token<'a>>) {
    let outer = |c: char| {
        matches!(
            c,
            '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '|' | '"' | '“' | '”' | '«' | '»' | ',' | ';'
        )
    };
    // A thousands mark is part of its number.
    let mut start = 0;
    let bytes = chunk.as_bytes();
    for (i, c) in chunk.char_indices() {
        if !outer(c) {
            continue;
        }
        let digit = |at: Option<usize>| at.and_then(|a| bytes.get(a)).is_some_and(u8::is_ascii_digit);
        if c == ',' && digit(i.checked_sub(1)) && digit(Some(i + 1)) && digit(Some(i + 3)) {
            continue;
        }
        part(&chunk[start..i], first, out);
        if i == 0
            && matches!(c, '<' | '>')
            && chunk[i + 1..].starts_with(|c: char| c.is_ascii_digit() || c == '=')
        {
            push(&chunk[i..=i], false, first, out);
        }
        start = i + c.len_utf8();
    }
    part(&chunk[start..], first, out);
}

/// Splits `end.Start`, where the space after a sentence was forgotten.
fn part<'a>(text: &'a str, first: &mut bool, out: &mut Vec<Token<'a>>) {
    let bytes = text.as_bytes();
    let mut start = 0;
    for dot in memchr::memchr_iter(b'.', bytes) {
        let is_end = dot >= start + 3
            && bytes[dot - 2..dot].iter().all(u8::is_ascii_lowercase)
            && bytes.get(dot + 1).is_some_and(u8::is_ascii_uppercase)
            && bytes.get(dot + 2).is_some_and(u8::is_ascii_lowercase);
        if is_end {
            word(&text[start..dot], first, out);
            start = dot + 1;
            *first = true;
        }
    }
    word(&text[start..], first, out);
}

fn word<'a>(text: &'a str, first: &mut bool, out: &mut Vec<Token<'a>>) {
    let text = text.trim_matches(['*', '\'', '‘', '’', '~']);
    let text = text.trim_end_matches(['.', ':', '!', '?', '…', '*', '\'', '’']);
    let stripped = text.trim_matches('_');
    let text = if stripped.contains('_') { text } else { stripped };
    let text = text.trim_start_matches([':', '!', '?', '…', '*']);
    if text.chars().any(char::is_alphanumeric) {
        let text = text.trim_end_matches(['-', '/']).trim_end_matches('.');
        push(if text.is_empty() { "-" } else { text }, false, first, out);
    } else if text.chars().any(|c| !c.is_ascii_punctuation() && !matches!(c, '–' | '—' | '•' | '…')) {
        push(text, false, first, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn norms(text: &str) -> String {
        tokens(text).into_iter().map(|t| t.norm).collect::<Vec<_>>().join(" ")
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
    }

    #[test]
    fn labels_are_marked() {
        let marked = |text| tokens(text).iter().position(|t| t.label_end);
        assert_eq!(marked("**Deploy day**: Friday"), Some(1));
        assert_eq!(marked("`a_b` - waits"), Some(0));
        assert_eq!(marked("No label here"), None);
    }

    #[test]
    fn stray_marks_cost_no_more_than_their_length() {
        assert_eq!(tokens(&"` ``".repeat(30_000)).len(), 0);
    }
}
