//! Shares, durations, times, amounts and version requirements, as people write them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Unit};

use super::pipeline::{Since, Threshold};
use crate::price::Usd;

/// The largest share: a store that became eleven times as large is past any limit worth setting.
const PERCENT_LIMIT: f64 = 1_000.0;
/// The largest budget, in dollars; more is a slip of the finger.
const USD_LIMIT: f64 = 1_000_000.0;

/// What is wrong with a value, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong: a fragment.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

impl Wrong {
    /// Says what is wrong.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), help: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Reads a share such as `60%` or `2.5%`.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn percent(text: &str) -> Result<Threshold, Wrong> {
    let wanted = "write a share as `60%`, or a count as a whole number";
    let Some(digits) = text.strip_suffix('%') else {
        let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
        return Err(match number {
            Some(n) if n.fract() != 0.0 && n < 1.0 => Wrong::new("a share needs a percent sign")
                .help(format!("did you mean `{}%`?", (n * 10_000.0).round() / 100.0)),
            Some(_) => Wrong::new("this is neither a share nor a whole number")
                .help(format!("write `{text}%` for a share; a count is a whole number without quotes")),
            None if text.starts_with('-') => Wrong::new("a threshold cannot be negative").help(wanted),
            None => Wrong::new("this is neither a share nor a whole number").help(wanted),
        });
    };
    if digits.ends_with(char::is_whitespace) {
        let help = format!("write `{}%`", digits.trim_end());
        return Err(Wrong::new("no space may stand before the percent sign").help(help));
    }
    let is_plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let share = digits.parse::<f64>().ok();
    match share {
        Some(share) if is_plain && share <= PERCENT_LIMIT => Ok(Threshold::Percent(share)),
        Some(_) if is_plain => Err(Wrong::new("a share is at most 1000%")),
        Some(share) if share.is_nan() => Err(Wrong::new("not-a-number is no share").help(wanted)),
        Some(share) if share.is_infinite() => Err(Wrong::new("infinity is no share").help(wanted)),
        Some(share) if share < 0.0 => Err(Wrong::new("a share cannot be negative").help(wanted)),
        _ => Err(Wrong::new("what stands before the percent sign is not a number").help(wanted)),
    }
}

/// Reads a positive duration such as `20h`, `30d` or `2h 30m`; a day has 24 hours.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn duration(text: &str) -> Result<SignedDuration, Wrong> {
    let wanted = "write weeks, days, hours, minutes or seconds, such as `20h`, `30d` or `2h 30m`";
    let wrong = |label: &str| Wrong::new(label).help(wanted);
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong("the unit is missing"));
    }
    let span: Span = text.parse().map_err(|_| wrong("this is not a duration"))?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(wrong("months and years have no fixed length"));
    }
    let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
    let clock = span.weeks(0).days(0);
    let seconds = days.checked_mul(86_400).map(SignedDuration::from_secs);
    let total = clock
        .total((Unit::Nanosecond, jiff::SpanRelativeTo::days_are_24_hours()))
        .ok()
        .map(|nanos| SignedDuration::from_secs_f64(nanos / 1e9))
        .zip(seconds)
        .and_then(|(clock, days)| clock.checked_add(days))
        .ok_or_else(|| wrong("this duration is too long"))?;
    match total {
        total if total > SignedDuration::from_secs(100 * 366 * 86_400) => {
            Err(wrong("this duration is too long"))
        }
        total if total > SignedDuration::ZERO => Ok(total),
        _ => Err(wrong("a duration must be longer than nothing")),
    }
}

/// Reads `last_adopted`, `beginning`, a date (midnight UTC), a time or a duration.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn since(text: &str) -> Result<Since, Wrong> {
    match text {
        "last_adopted" => return Ok(Since::LastAdopted),
        "beginning" => return Ok(Since::Beginning),
        _ => {}
    }
    if let Some(instant) = point(text) {
        return instant.map(Since::Instant);
    }
    let wanted =
        "write `last_adopted`, `beginning`, `2026-11-01`, `2026-11-01T08:00:00Z` or a duration such as `30d`";
    if let Some(word) = super::suggest::nearest(text, ["last_adopted", "beginning"]) {
        return Err(Wrong::new("this is no point in time").help(format!("did you mean `{word}`?")));
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('-') {
        return Err(Wrong::new("this is not a date or time with its zone").help(wanted));
    }
    duration(text).map(Since::Within).map_err(|_| Wrong::new("this is no point in time").help(wanted))
}

/// Reads a date (midnight UTC) or a time with its zone.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn instant(text: &str) -> Result<Timestamp, Wrong> {
    point(text).unwrap_or_else(|| {
        Err(Wrong::new("this is not a date or time with its zone")
            .help("write `2026-11-01` or `2026-11-01T08:00:00Z`"))
    })
}

/// Reads a date or a time; nothing for text that is neither.
fn point(text: &str) -> Option<Result<Timestamp, Wrong>> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(Ok(instant));
    }
    let is_date = text.len() == 10 && text.as_bytes()[4] == b'-';
    let date = text.parse::<Date>().ok().filter(|_| is_date)?;
    let instant = date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    Some(instant.map_err(|_| Wrong::new("this date is out of range")))
}

/// Makes an amount of dollars exact.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn dollars(amount: f64) -> Result<Usd, Wrong> {
    if !(0.0..=USD_LIMIT).contains(&amount) {
        return Err(Wrong::new("an amount is a number from 0 to 1,000,000"));
    }
    // In range, so the conversion is exact to a millionth.
    Ok(Usd::from_micros((amount * 1e6).round() as u64))
}

/// Says whether a version meets a list of comparisons such as `>=0.1, <2`.
///
/// # Errors
///
/// Says what in the list cannot be read.
pub fn version_meets(requirement: &str, version: &str) -> Result<bool, Wrong> {
    let bad = |part: &str| {
        Wrong::new(format!("`{}` is not a comparison", part.trim()))
            .help("write comparisons such as `>=0.1, <2`")
    };
    let version = numbers(version).unwrap_or_default();
    let mut meets = true;
    for part in requirement.split(',') {
        let text = part.trim();
        let (operator, rest) = ["<=", ">=", "<", ">", "="]
            .into_iter()
            .find_map(|operator| text.strip_prefix(operator).map(|rest| (operator, rest)))
            .ok_or_else(|| bad(part))?;
        let wanted = numbers(rest.trim()).ok_or_else(|| bad(part))?;
        meets &= match operator {
            "<=" => version <= wanted,
            ">=" => version >= wanted,
            "<" => version < wanted,
            ">" => version > wanted,
            _ => version == wanted,
        };
    }
    Ok(meets)
}

fn numbers(text: &str) -> Option<[u32; 3]> {
    let mut numbers = [0; 3];
    let mut parts = text.split('.');
    for (i, number) in numbers.iter_mut().enumerate() {
        match parts.next() {
            Some(part) if part.bytes().all(|b| b.is_ascii_digit()) => *number = part.parse().ok()?,
            None if i > 0 => break,
            _ => return None,
        }
    }
    parts.next().is_none().then_some(numbers)
}

/// Checks the address of a server: a key is sent to it in private, and the address holds none.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn server_url(url: &str) -> Result<(), Wrong> {
    if !url.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Wrong::new("a URL holds printable ASCII without spaces"));
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(Wrong::new("this is not a URL").help("write it with its scheme: `https://…`"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(
            Wrong::new("the URL holds credentials").help("remove them; keys come from the environment")
        );
    }
    match (scheme, host(authority)) {
        (_, "") => Err(Wrong::new("the URL names no host")),
        ("https", _) | ("http", "localhost" | "127.0.0.1" | "::1") => Ok(()),
        ("http", _) => Err(Wrong::new("plain http would send the key unencrypted").help("use `https://`")),
        _ => Err(Wrong::new("only `https://` is spoken here")),
    }
}

fn host(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Says whether a server's address is one of this machine's.
pub fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    !authority.contains('@') && matches!(host(authority), "localhost" | "127.0.0.1" | "::1")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_have_a_percent_sign_and_a_sane_size() {
        assert_eq!(percent("60%"), Ok(Threshold::Percent(60.0)));
        assert_eq!(percent("0%"), Ok(Threshold::Percent(0.0)));
        assert_eq!(percent("2.5%"), Ok(Threshold::Percent(2.5)));
        assert_eq!(percent("1000%"), Ok(Threshold::Percent(1000.0)));
        let label = |text| percent(text).unwrap_err().label;
        assert_eq!(label("NaN%"), "not-a-number is no share");
        assert_eq!(label("inf%"), "infinity is no share");
        assert_eq!(label("-5%"), "a share cannot be negative");
        assert_eq!(label("60 %"), "no space may stand before the percent sign");
        assert_eq!(label("1001%"), "a share is at most 1000%");
        assert_eq!(label("1e2%"), "what stands before the percent sign is not a number");
        assert_eq!(label("%"), "what stands before the percent sign is not a number");
        assert_eq!(percent("0.6").unwrap_err().help.unwrap(), "did you mean `60%`?");
        assert_eq!(label("-3"), "a threshold cannot be negative");
    }

    #[test]
    fn durations_are_positive_and_have_a_fixed_length() {
        let hours = |h| Ok(SignedDuration::from_hours(h));
        assert_eq!(duration("20h"), hours(20));
        assert_eq!(duration("30d"), hours(720));
        assert_eq!(duration("1w"), hours(168));
        assert_eq!(duration("2h 30m"), Ok(SignedDuration::from_mins(150)));
        assert_eq!(duration("90 minutes"), Ok(SignedDuration::from_mins(90)));
        let label = |text| duration(text).unwrap_err().label;
        assert_eq!(label("20"), "the unit is missing");
        assert_eq!(label("1mo"), "months and years have no fixed length");
        assert_eq!(label("0h"), "a duration must be longer than nothing");
        assert_eq!(label("-2h"), "a duration must be longer than nothing");
        assert_eq!(label("soon"), "this is not a duration");
        assert_eq!(label("9999999h"), "this duration is too long");
    }

    #[test]
    fn since_takes_words_dates_times_and_durations() {
        assert_eq!(since("last_adopted"), Ok(Since::LastAdopted));
        assert_eq!(since("beginning"), Ok(Since::Beginning));
        let instant = |text: &str| Ok(Since::Instant(text.parse().unwrap()));
        assert_eq!(since("2026-11-01"), instant("2026-11-01T00:00:00Z"));
        assert_eq!(since("2026-11-01T08:00:00+02:00"), instant("2026-11-01T06:00:00Z"));
        assert_eq!(since("30d"), Ok(Since::Within(SignedDuration::from_hours(720))));
        assert_eq!(since("last-adopted").unwrap_err().help.unwrap(), "did you mean `last_adopted`?");
        assert_eq!(since("2026-13-01").unwrap_err().label, "this is not a date or time with its zone");
        assert_eq!(since("2026-11-01T08:00").unwrap_err().label, "this is not a date or time with its zone");
    }

    #[test]
    fn requirements_compare_versions() {
        assert_eq!(version_meets(">=0.1", "0.1.0"), Ok(true));
        assert_eq!(version_meets(">=0.1, <0.1.1", "0.1.0"), Ok(true));
        assert_eq!(version_meets(">0.1", "0.1.0"), Ok(false));
        assert_eq!(version_meets("=0.1.0", "0.1.0"), Ok(true));
        for bad in ["", "0.1", "^0.1", ">=a", ">=1.2.3.4", ">=", ">=0.1,"] {
            assert!(version_meets(bad, "0.1.0").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn dollars_are_exact_to_the_millionth() {
        assert_eq!(dollars(6.0), Ok(Usd::from_micros(6_000_000)));
        assert_eq!(dollars(0.1), Ok(Usd::from_micros(100_000)));
        assert!(dollars(-1.0).is_err() && dollars(f64::NAN).is_err() && dollars(1e9).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in "\\PC{0,20}") {
            let _ = (percent(&text), duration(&text), since(&text), version_meets(&text, "0.1.0"));
        }
    }
}
