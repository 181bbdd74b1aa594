//! What a plain scalar means: the core schema of YAML 1.2, by hand.

use serde_json::{Number, Value};

use crate::spec::codes::Code;

/// Why a plain scalar is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    /// Which kind of problem.
    pub(super) code: Code,
    /// What is wrong.
    pub(super) label: &'static str,
    /// What to do.
    pub(super) help: &'static str,
}

const TOO_LARGE: Refused = Refused {
    code: Code::NumberRange,
    label: "this number does not fit 64 bits",
    help: "quote it if it is text, such as an id",
};

/// Returns null, a boolean or a number, or `None` for text.
pub(super) fn resolve(text: &str) -> Result<Option<Value>, Refused> {
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => return number(text),
    };
    Ok(Some(value))
}

fn number(text: &str) -> Result<Option<Value>, Refused> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(None);
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(Refused {
            code: Code::NumberRange,
            label: "infinity and not-a-number have no meaning here",
            help: "give a number, or quote it if it is text",
        });
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return if !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix)) {
                u64::from_str_radix(digits, radix).map(|n| Some(n.into())).map_err(|_| TOO_LARGE)
            } else {
                Ok(None)
            };
        }
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        if unsigned.len() > 1 && unsigned.starts_with('0') {
            return Err(Refused {
                code: Code::LeadingZero,
                label: "YAML readers disagree on what leading zeros mean",
                help: "quote it if it is text, or drop the zeros",
            });
        }
        let number = if let Some(digits) = text.strip_prefix('-') {
            match digits.parse::<u64>() {
                Ok(0) => Some(Value::from(0)),
                _ => text.parse::<i64>().ok().map(Value::from),
            }
        } else {
            unsigned.parse::<u64>().ok().map(Value::from)
        };
        return number.map(Some).ok_or(TOO_LARGE);
    }
    if !is_float(unsigned) {
        return Ok(None);
    }
    // Rust reads what YAML writes (`.5`, `5.`, `1e3`), once the shape is known to be YAML's.
    let float = text.parse::<f64>().ok().and_then(Number::from_f64);
    float.map(|n| Some(Value::Number(n))).ok_or(TOO_LARGE)
}

/// Says whether a text has the shape `[0-9]*(\.[0-9]*)?([eE][-+]?[0-9]+)?` with a digit before the exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_is_fine = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    !(whole.is_empty() && fraction.is_empty()) && digits(whole) && digits(fraction) && exponent_is_fine
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_follow_yaml_1_2() {
        let cases = [
            ("", Some(json!(null))),
            ("~", Some(json!(null))),
            ("true", Some(json!(true))),
            ("yes", None),
            ("on", None),
            ("12", Some(json!(12))),
            ("+12", Some(json!(12))),
            ("-0", Some(json!(0))),
            ("-9223372036854775808", Some(json!(i64::MIN))),
            ("18446744073709551615", Some(json!(u64::MAX))),
            ("0x1F", Some(json!(31))),
            ("0o17", Some(json!(15))),
            ("0xg", None),
            ("1.5", Some(json!(1.5))),
            (".5", Some(json!(0.5))),
            ("1e3", Some(json!(1000.0))),
            ("1_000", None),
            ("0b11", None),
            ("60%", None),
            ("2026-11-22", None),
            ("12:30", None),
            ("1.2.3", None),
            (".", None),
            ("-", None),
            ("...", None),
        ];
        for (text, value) in cases {
            assert_eq!(resolve(text), Ok(value), "{text:?}");
        }
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_refused() {
        for (text, code) in [
            (".nan", Code::NumberRange),
            ("-.inf", Code::NumberRange),
            ("18446744073709551616", Code::NumberRange),
            ("1e999", Code::NumberRange),
            ("010", Code::LeadingZero),
            ("-007", Code::LeadingZero),
        ] {
            assert_eq!(resolve(text).unwrap_err().code, code, "{text:?}");
        }
    }
}
