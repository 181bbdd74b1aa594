//! Secrets known by the name they are given: `password = "…"`, `api_key: …`, `--token …`, and in
//! prose `the password is …`.
//!
//! A name is found first; then the text after it is read by hand, a bounded number of bytes, so a
//! memory full of the word `password` costs no more than its length.

use std::ops::Range;

use super::entropy;

/// What a name promises about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// Chosen by a person: short, guessable, any characters.
    Password,
    /// Handed out by a service or generated: longer and random.
    Token,
}

/// A word that names a secret.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    /// In lower case.
    pub(super) word: &'static str,
    /// What its value is like.
    pub(super) promise: Promise,
    /// Whether it must begin a word, being part of many others (`bypass`, `compass`).
    begins_word: bool,
}

const fn name(word: &'static str, promise: Promise, begins_word: bool) -> Name {
    Name { word, promise, begins_word }
}

/// The words that name secrets.
pub(super) const NAMES: &[Name] = &[
    name("password", Promise::Password, false),
    name("passwd", Promise::Password, false),
    name("passphrase", Promise::Password, false),
    name("passcode", Promise::Password, false),
    name("pass", Promise::Password, true),
    name("pwd", Promise::Password, false),
    name("pw", Promise::Password, true),
    name("secret", Promise::Token, false),
    name("token", Promise::Token, false),
    name("credential", Promise::Token, false),
    name("credentials", Promise::Token, false),
    name("apikey", Promise::Token, false),
    name("api_key", Promise::Token, false),
    name("api-key", Promise::Token, false),
    name("api key", Promise::Token, false),
    name("accesskey", Promise::Token, false),
    name("access_key", Promise::Token, false),
    name("access-key", Promise::Token, false),
    name("access key", Promise::Token, false),
    name("auth_key", Promise::Token, false),
    name("authkey", Promise::Token, false),
    name("auth-key", Promise::Token, false),
    name("private_key", Promise::Token, false),
    name("privatekey", Promise::Token, false),
    name("private key", Promise::Token, false),
    name("encryption_key", Promise::Token, false),
    name("encryption key", Promise::Token, false),
    name("signing_key", Promise::Token, false),
    name("signing key", Promise::Token, false),
    name("master_key", Promise::Token, false),
    name("account_key", Promise::Token, false),
    name("license_key", Promise::Token, false),
    name("license key", Promise::Token, false),
];

/// What a name can end in that makes its value something else: `token_count`, `password_file`.
const OTHER_THINGS: &[&str] = &[
    "at", "class", "count", "endpoint", "env", "expires", "expiry", "field", "file", "format", "hash",
    "header", "hint", "id", "ids", "input", "len", "length", "limit", "manager", "max", "min", "name",
    "path", "policy", "prefix", "ref", "regex", "rotation", "size", "store", "ttl", "type", "uri", "url",
    "usage", "var", "version",
];

/// The longest rest of a name, and the longest value, that are read.
const REST_LIMIT: usize = 40;
const VALUE_LIMIT: usize = 256;

/// The bytes that end a value without quotes.
const ENDS_VALUE: [bool; 256] = {
    let ends = b" \t\r\n\"'`<>,;)]}|&\\";
    let mut table = [false; 256];
    let mut i = 0;
    while i < ends.len() {
        table[ends[i] as usize] = true;
        i += 1;
    }
    table
};

/// The fewest characters of a password and of a token, and how random a token must be at least, in
/// bits per byte: words joined together stay below it.
const PASSWORD_LENGTH: usize = 6;
const TOKEN_LENGTH: usize = 8;
const TOKEN_BITS: f64 = 2.5;

/// Reads what follows a name and returns where the secret stands, if there is one.
pub(super) fn value_after(text: &str, at: Range<usize>, name: &Name) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if name.begins_word && !begins_word(bytes, at.start) {
        return None;
    }
    let mut reader = Reader { text, at: at.end };
    if reader.peek().is_some_and(|b| b.is_ascii_lowercase()) {
        return None;
    }
    let rest = reader.take_while(REST_LIMIT, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let last = rest.rsplit(['_', '-']).next().unwrap_or_default().to_ascii_lowercase();
    if OTHER_THINGS.contains(&last.as_str()) {
        return None;
    }
    let was_quoted = matches!(reader.peek(), Some(b'"' | b'\''));
    reader.take_while(4, |b| matches!(b, b'"' | b'\'' | b'`' | b')' | b']' | b'*' | b'\\'));
    let gap = reader.spaces();
    let is_flag = gap > 0 && is_flag(bytes, at.start);
    if !reader.separator(was_quoted) && !is_flag {
        return None;
    }
    let (mut span, mut is_quoted) = reader.value()?;
    // `password: str = "…"`: what came first was a type.
    if !is_quoted && text[span.clone()].bytes().all(|b| b.is_ascii_alphanumeric()) {
        let mut after = Reader { text, at: span.end };
        after.spaces();
        if after.peek() == Some(b'=') && after.separator(false) {
            (span, is_quoted) = after.value()?;
        }
    }
    is_secret(&text[span.clone()], name.promise, is_quoted).then_some(span)
}

fn begins_word(bytes: &[u8], at: usize) -> bool {
    let Some(&before) = at.checked_sub(1).and_then(|i| bytes.get(i)) else { return true };
    !before.is_ascii_alphanumeric() || (before.is_ascii_lowercase() && bytes[at].is_ascii_uppercase())
}

/// Says whether the name is a command-line option, `--password` or `-Password`, whose value follows
/// a space.
fn is_flag(bytes: &[u8], at: usize) -> bool {
    let before = &bytes[at.saturating_sub(REST_LIMIT)..at];
    let length =
        before.iter().rev().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).count();
    before[before.len() - length..].starts_with(b"-")
}

fn is_secret(value: &str, promise: Promise, is_quoted: bool) -> bool {
    if value.contains(char::is_whitespace) || entropy::is_stand_in(value) || entropy::is_reference(value) {
        return false;
    }
    let length = value.chars().count();
    let is_mixed = entropy::has_letter(value) && entropy::has_digit(value);
    match promise {
        Promise::Password if is_quoted => {
            let has_symbol = value.bytes().any(|b| b"!@#$%^&*+=~?".contains(&b));
            length >= PASSWORD_LENGTH && (is_mixed || (has_symbol && entropy::has_letter(value)))
        }
        Promise::Password => length >= PASSWORD_LENGTH && is_mixed,
        Promise::Token => length >= TOKEN_LENGTH && entropy::is_random(value, TOKEN_BITS),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn take_while(&mut self, limit: usize, wanted: impl Fn(u8) -> bool) -> &'a str {
        let count = self.rest().iter().take(limit).take_while(|&&b| b.is_ascii() && wanted(b)).count();
        let start = self.at;
        self.at += count;
        &self.text[start..self.at]
    }

    fn spaces(&mut self) -> usize {
        self.take_while(20, |b| b == b' ' || b == b'\t').len()
    }

    fn skip(&mut self, token: &str) -> bool {
        let found =
            self.rest().get(..token.len()).is_some_and(|head| head.eq_ignore_ascii_case(token.as_bytes()));
        if found {
            self.at += token.len();
        }
        found
    }

    /// Reads what stands between a name and its value.
    fn separator(&mut self, name_was_quoted: bool) -> bool {
        let found = self.skip("is ")
            || self.skip("was ")
            || self.skip("%3d")
            || self.skip(":=")
            || self.skip("=>")
            || self.skip("==")
            || self.skip("=")
            || self.skip(":")
            || self.skip("|")
            || (name_was_quoted && self.skip(","));
        if found {
            self.take_while(3, |b| b == b'*' || b == b':');
            self.spaces();
        }
        found
    }

    /// Reads a value, quoted or up to what cannot be part of it.
    fn value(&mut self) -> Option<(Range<usize>, bool)> {
        let start = self.rest();
        if start.len() > 1 && start[0].is_ascii_alphabetic() && matches!(start[1], b'"' | b'\'') {
            self.at += 1;
        }
        self.skip("\\");
        match self.peek()? {
            quote @ (b'"' | b'\'' | b'`') => {
                self.at += 1;
                let rest = self.rest();
                let end = rest.iter().take(VALUE_LIMIT).position(|&b| b == quote || b == b'\n')?;
                let inner = if end > 0 && rest[end - 1] == b'\\' { end - 1 } else { end };
                Some((self.at..self.at + inner, true))
            }
            _ => {
                let rest = self.rest();
                let rest = &rest[..rest.len().min(VALUE_LIMIT + 1)];
                let end = rest.iter().position(|&b| ENDS_VALUE[usize::from(b)]).unwrap_or(rest.len());
                if end > VALUE_LIMIT {
                    return None;
                }
                let value = &self.text[self.at..self.at + end];
                let value = value.split("%26").next().unwrap_or_default();
                let value = value.trim_end_matches(['.', ':', '?', '*']);
                (!value.is_empty()).then(|| (self.at..self.at + value.len(), false))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let lower = text.to_ascii_lowercase();
        NAMES.iter().find_map(|name| {
            let mut hits = lower.match_indices(name.word);
            hits.find_map(|(at, word)| value_after(text, at..at + word.len(), name)).map(|span| &text[span])
        })
    }

    #[test]
    fn a_value_with_a_secrets_name_is_a_secret() {
        let table = [
            (r#"password = "IhqSb1Gg""#, "IhqSb1Gg"),
            ("Password: IhqSb1Gg.", "IhqSb1Gg"),
            ("- **Password:** `IhqSb1Gg`", "IhqSb1Gg"),
            ("| db password | IhqSb1Gg |", "IhqSb1Gg"),
            ("The password is hunter2, as ever.", "hunter2"),
            ("ssh ops@10.0.0.1 (pw:IhqSb1Gg)", "IhqSb1Gg"),
            (r#"{"apiKey": "f45VgF8jX79o22"}"#, "f45VgF8jX79o22"),
            ("dbPassword: str = 'at5G6zi!m'", "at5G6zi!m"),
            ("define('PASSWORD', '2Arh5dA1Sn0y');", "2Arh5dA1Sn0y"),
            (r#"\"password\": \"IhqSb1Gg\""#, "IhqSb1Gg"),
            ("gpg --passphrase N1DdkUD3E73 -o out", "N1DdkUD3E73"),
            ("Connect-Db -Password 'Sj3n43ss@!'", "Sj3n43ss@!"),
            ("?token%3Dh1d3Me4ch534d801sl3jdk%26v=1", "h1d3Me4ch534d801sl3jdk"),
            (r#"password = "cackle!""#, "cackle!"),
            ("SECRET_KEY_BASE=9f8e7d6c5b4a39281706", "9f8e7d6c5b4a39281706"),
        ];
        for (text, value) in table {
            assert_eq!(found(text), Some(value), "{text}");
        }
    }

    #[test]
    fn talk_about_secrets_is_none() {
        for text in [
            r#"bypass = "cackle!1""#,
            "password: required",
            "password: <your-password-1>",
            "password = os.environ['DB_PASSWORD_1']",
            "password = config.db_password",
            "PASSWORD=${DB_PASSWORD1}",
            "password: ********",
            r#"{"password": "string"}"#,
            "Reset your password: see the wiki page 3",
            "max_tokens: 4096",
            "token_count: abc12345",
            "token: v1.2.3",
            "the token is refreshed every 5min",
            "passes: 12 of 14",
            "compass: n0rthwest",
            "password_file: /run/secrets/db1",
            "secret: /run/secrets/db1",
            "api_key = get_api_key(2)",
            "Passwörter: nie im Klartext",
            "password:",
            "password = \"",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
