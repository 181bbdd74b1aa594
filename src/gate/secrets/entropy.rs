//! What random text looks like, and what people write where a secret would go.

/// Words that stand in a secret's place in documentation, tests and schemas.
const STAND_INS: &[&str] = &[
    "abc123",
    "admin",
    "admin123",
    "apikey",
    "bar",
    "basic",
    "bearer",
    "changeit",
    "changeme",
    "credential",
    "default",
    "demo",
    "disabled",
    "dummy",
    "empty",
    "enabled",
    "env",
    "false",
    "foo",
    "foobar",
    "guest",
    "hidden",
    "key",
    "login",
    "masked",
    "missing",
    "none",
    "null",
    "omitted",
    "optional",
    "pass",
    "passwd",
    "password",
    "postgres",
    "prompt",
    "pwd",
    "required",
    "root",
    "sample",
    "secret",
    "some-secret",
    "string",
    "test",
    "test123",
    "testing",
    "token",
    "true",
    "undefined",
    "unset",
    "user",
    "username",
    "value",
    "xxx",
];

/// Parts of a text that only a stand-in has, in lower case.
const STAND_IN_PARTS: &[&str] = &[
    "your",
    "example",
    "placeholder",
    "redacted",
    "replace",
    "change-me",
    "change_me",
    "changeme",
    "insert",
    "dummy",
    "-here",
    "_here",
    "<",
    "${",
    "{{",
    "$(",
    "%(",
    "#{",
    "xxxx",
    "****",
    "....",
    "…",
    "\u{2022}\u{2022}",
];

/// How many equal characters in a row no generator makes.
const LONGEST_RUN: usize = 8;

/// Returns the Shannon entropy of a text in bits per byte.
pub(super) fn bits_per_byte(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total = text.len().max(1) as f64;
    let bits = |count: u32| f64::from(count) / total * (f64::from(count) / total).log2();
    -counts.iter().filter(|&&count| count > 0).map(|&count| bits(count)).sum::<f64>()
}

/// Says whether a token of a published format is one from documentation: `AKIAIOSFODNN7EXAMPLE`,
/// `ghp_xxxxxxxx…`, `sk-ant-your-key`.
pub(super) fn is_sample_token(token: &str) -> bool {
    token.contains("EXAMPLE")
        || longest_run(token, |c| matches!(c, b'x' | b'X' | b'*' | b'.')) >= 4
        || longest_run(token, |_| true) >= LONGEST_RUN
        || token.to_ascii_lowercase().contains("your")
}

/// Says whether a value stands in for a secret: a word such as `changeme`, a variable, a template.
pub(super) fn is_stand_in(value: &str) -> bool {
    let lower = value.to_lowercase();
    let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
    STAND_INS.contains(&bare)
        || STAND_IN_PARTS.iter().any(|part| lower.contains(part))
        || longest_run(value, |_| true) >= LONGEST_RUN
        || lower.starts_with(['$', '%', '@', '&'])
        || lower.starts_with("env:")
        || lower.starts_with("vault:")
        || lower.starts_with("op://")
}

/// Says whether a value is a name in code or a place rather than a secret: `config.db_password`,
/// `DB_PASSWORD`, `/run/secrets/db`, `v1.2.3`, a call.
pub(super) fn is_reference(value: &str) -> bool {
    value.starts_with(['/', '~', '.', '\\'])
        || value.contains("://")
        || value.contains("::")
        || value.contains("->")
        || value.contains(['(', '[', '{'])
        || is_compound_name(value)
}

/// Says whether a value is words joined by punctuation, each at most followed by a short number.
fn is_compound_name(value: &str) -> bool {
    let mut parts = 0;
    let all_words = value.split(['.', '_', '-', '/', ':', '#']).all(|part| {
        parts += 1;
        let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_word = letters.bytes().all(|b| b.is_ascii_alphabetic()) && !is_jumbled(letters);
        is_word && part.len() - letters.len() <= 2 && letters.len() <= 40
    });
    parts > 1 && all_words
}

/// Says whether capitals come closer together than in any way of joining words.
fn is_jumbled(word: &str) -> bool {
    let humps = word.as_bytes().windows(2).filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase());
    humps.count() * 3 > word.len()
}

/// Says whether a value holds letters and digits and repeats itself as little as generated text does.
pub(super) fn is_random(value: &str, least_bits: f64) -> bool {
    has_letter(value) && has_digit(value) && bits_per_byte(value) >= least_bits
}

pub(super) fn has_letter(value: &str) -> bool {
    value.bytes().any(|b| b.is_ascii_alphabetic())
}

pub(super) fn has_digit(value: &str) -> bool {
    value.bytes().any(|b| b.is_ascii_digit())
}

fn longest_run(text: &str, of: impl Fn(u8) -> bool) -> usize {
    let (mut longest, mut run, mut last) = (0, 0, None);
    for byte in text.bytes() {
        run = match last {
            Some(last) if last == byte => run + 1,
            _ => 1,
        };
        last = Some(byte);
        if of(byte) {
            longest = longest.max(run);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_in_bits_per_byte() {
        assert_eq!(bits_per_byte(""), 0.0);
        assert_eq!(bits_per_byte("aaaa"), 0.0);
        assert_eq!(bits_per_byte("abab"), 1.0);
        assert_eq!(bits_per_byte("0123456789abcdef"), 4.0);
    }

    #[test]
    fn what_stands_in_for_a_secret_is_none() {
        for value in [
            "changeme",
            "CHANGEME!",
            "<your-key>",
            "${DB_PASSWORD}",
            "$TOKEN",
            "{{ secret }}",
            "xxxxxxxx",
            "my-example-key",
            "********",
            "op://vault/item",
        ] {
            assert!(is_stand_in(value), "{value}");
        }
        for value in ["hunter2", "IhqSb1Gg", "correct-horse-9"] {
            assert!(!is_stand_in(value), "{value}");
        }
    }

    #[test]
    fn names_and_places_are_references() {
        for value in [
            "config.db_password",
            "DB_PASSWORD",
            "user_token_v2",
            "/run/secrets/db",
            "v1.2.3",
            "getToken()",
            "req.body.accessToken",
            "self::TOKEN",
            "TestIsShadowBranch/old_format:_7_hex_chars",
        ] {
            assert!(is_reference(value), "{value}");
        }
        for value in [
            "hunter2",
            "IhqSb1Gg",
            "at5G6zi!m",
            "h1d3Me4ch534d801sl3jdk",
            "ce49dba1-e4fe-b2a7-4ffa-132bcd819474",
        ] {
            assert!(!is_reference(value), "{value}");
        }
    }
}
