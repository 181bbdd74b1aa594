//! Moments: days, times of day, quarters and weekdays in the spellings people use, in one form.
//!
//! `2026-03-01`, `March 1st, 2026` and `1. März 2026` are one day. `03/01/2026` could be two days and stays
//! as it is written. Words such as `tomorrow` are no moments: they say nothing without a day to count from.

use super::lexicon;
use super::token::Token;

/// Reads the moment that the tokens begin with: its value and the tokens it takes.
pub(super) fn read(tokens: &[Token<'_>]) -> Option<(String, usize)> {
    let first = tokens.first()?;
    let norm = &*first.norm;
    let has_digit = norm.bytes().any(|b| b.is_ascii_digit());
    if !has_digit {
        if let Some(found) = month_first(tokens) {
            return Some(found);
        }
        return weekday(first).map(|day| (day.to_owned(), 1)).or_else(|| match norm {
            "noon" | "midday" => Some(("12:00".to_owned(), 1)),
            "midnight" => Some(("00:00".to_owned(), 1)),
            _ => None,
        });
    }
    day_first(tokens)
        .or_else(|| unspaced_day(tokens))
        .or_else(|| numeric(norm).map(|day| (day, 1)))
        .or_else(|| period(tokens))
        .or_else(|| time(tokens))
        .or_else(|| ordinal_of_month(tokens))
        .or_else(|| offset(norm).map(|zone| (zone, 1)))
}

fn at<'t>(tokens: &'t [Token<'_>], place: usize) -> Option<&'t str> {
    let token = tokens.get(place)?;
    let is_near =
        place == 0 || token.before.chars().all(|c| c.is_whitespace() || matches!(c, ',' | '.' | '*' | '_'));
    is_near.then_some(&*token.norm)
}

fn day_number(norm: &str) -> Option<u8> {
    let digits = norm.bytes().take_while(u8::is_ascii_digit).count();
    let is_day =
        (1..=2).contains(&digits) && matches!(&norm[digits..], "" | "st" | "nd" | "rd" | "th" | "er" | "º");
    norm.get(..digits)?.parse().ok().filter(|day| is_day && (1..=31).contains(day))
}

fn year(norm: &str) -> Option<u16> {
    (norm.len() == 4).then(|| norm.parse().ok()).flatten().filter(|year| (1000..=2999).contains(year))
}

/// Reads a month's name; short names and words with other meanings count with a capital only.
fn month(token: &Token<'_>) -> Option<u8> {
    let month = lexicon::month(&token.norm)?;
    let is_plain = token.norm.len() > 4 && token.norm != "march" && token.norm != "august";
    (is_plain || token.raw.starts_with(char::is_uppercase) || token.norm.len() > 3 && token.norm != "march")
        .then_some(month)
}

fn write(year: Option<u16>, month: u8, day: Option<u8>) -> String {
    let year = year.map_or_else(|| "____".to_owned(), |year| format!("{year:04}"));
    day.map_or_else(|| format!("{year}-{month:02}"), |day| format!("{year}-{month:02}-{day:02}"))
}

/// Reads `March 5, 2024`, `March 5`, `March 2024`.
fn month_first(tokens: &[Token<'_>]) -> Option<(String, usize)> {
    let month = month(tokens.first()?)?;
    let the = usize::from(at(tokens, 1) == Some("the"));
    if let Some(day) = at(tokens, 1 + the).and_then(day_number) {
        let year = at(tokens, 2 + the).and_then(year);
        return Some((write(year, month, Some(day)), 2 + the + usize::from(year.is_some())));
    }
    let of = usize::from(matches!(at(tokens, 1), Some("of" | "de" | "del")));
    let year = at(tokens, 1 + of).and_then(year)?;
    Some((write(Some(year), month, None), 2 + of))
}

/// Reads `5 March 2024`, `5th of March`, `1 de marzo de 2026`.
fn day_first(tokens: &[Token<'_>]) -> Option<(String, usize)> {
    let day = day_number(&tokens.first()?.norm)?;
    let of = usize::from(matches!(at(tokens, 1), Some("of" | "de")));
    at(tokens, 1 + of)?;
    let month = month(tokens.get(1 + of)?)?;
    let mut width = 2 + of;
    let of = usize::from(matches!(at(tokens, width), Some("of" | "de" | "del")));
    let year = at(tokens, width + of).and_then(year);
    if year.is_some() {
        width += of + 1;
    }
    Some((write(year, month, Some(day)), width))
}

/// Reads `2026 年 3 月 1 日`, as the characters between the figures part them.
fn unspaced_day(tokens: &[Token<'_>]) -> Option<(String, usize)> {
    let mark = |place: usize, mark: &[char]| at(tokens, place).is_some_and(|norm| norm.starts_with(mark));
    let figure = |place: usize| at(tokens, place).and_then(|norm| norm.parse::<u16>().ok());
    let small = |place: usize| figure(place).and_then(|n| u8::try_from(n).ok());
    let (year, from) = match figure(0).filter(|_| mark(1, &['年'])) {
        Some(year) if at(tokens, 1).is_some_and(|norm| norm == "年") && small(2).is_some() => {
            (Some(year), 2)
        }
        _ => (None, 0),
    };
    let month = small(from).filter(|m| (1..=12).contains(m) && mark(from + 1, &['月']))?;
    if at(tokens, from + 1).is_some_and(|norm| norm == "月")
        && let Some(day) =
            small(from + 2).filter(|d| (1..=31).contains(d) && mark(from + 3, &['日', '号', '號']))
    {
        // What is glued to the last mark is a word of its own.
        let width =
            from + 3 + usize::from(at(tokens, from + 3).is_some_and(|norm| norm.chars().count() == 1));
        return Some((write(year, month, Some(day)), width));
    }
    year.map(|year| (write(Some(year), month, None), from + 1))
}

/// Reads a day in figures, with a time if it has one: `2026-03-01`, `2026/03/01`, `01.03.2026`,
/// `2026-03-01T14:30:00Z`, `2026-03`.
fn numeric(norm: &str) -> Option<String> {
    let (day, rest) = match norm.split_once('t') {
        Some((day, time)) if time.starts_with(|c: char| c.is_ascii_digit()) => (day, Some(time)),
        _ => (norm, None),
    };
    let mark = day.find(['-', '/', '.']).map(|at| day.as_bytes()[at])? as char;
    let mut parts = day.split(mark);
    let figure = |part: Option<&str>| {
        part.filter(|p| (1..=4).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|p| Some((p.len(), p.parse::<u16>().ok()?)))
    };
    let (a, b) = (figure(parts.next())?, figure(parts.next())?);
    let c = match parts.next() {
        Some(part) => Some(figure(Some(part))?),
        None => None,
    };
    if parts.next().is_some() {
        return None;
    }
    let valid = |m: u16, d: u16| (1..=12).contains(&m) && (1..=31).contains(&d);
    let iso = |y: u16, m: u16, d: u16| format!("{y:04}-{m:02}-{d:02}");
    let found = match (a, b, c) {
        ((4, y), (1..=2, m), Some((1..=2, d))) if valid(m, d) => iso(y, m, d),
        // Full stops put the day first everywhere; slashes do not.
        ((1..=2, d), (1..=2, m), Some((4, y))) if mark == '.' && valid(m, d) => iso(y, m, d),
        ((1..=2, d), (1..=2, m), Some((4, y))) if d > 12 && valid(m, d) => iso(y, m, d),
        ((1..=2, m), (1..=2, d), Some((4, y))) if d > 12 && valid(m, d) => iso(y, m, d),
        ((1..=2, _), (1..=2, _), Some((4, _))) => day.to_owned(),
        ((4, y @ 1900..=2999), (2, m), None) if mark == '-' && (1..=12).contains(&m) => {
            format!("{y:04}-{m:02}")
        }
        _ => return None,
    };
    match rest {
        Some(time) => {
            let zone = time.find(['z', '+', '-']).unwrap_or(time.len());
            Some(format!("{found}t{}{}", clock(&time[..zone])?, &time[zone..]))
        }
        None => Some(found),
    }
}

/// Reads `Q3 2026`, `2026-Q3`, `Q3/2026`, `2026-W05`.
fn period(tokens: &[Token<'_>]) -> Option<(String, usize)> {
    let norm = at(tokens, 0)?;
    let part = |text: &str| {
        let last = text.strip_prefix('q').filter(|n| matches!(*n, "1" | "2" | "3" | "4"));
        let half = text.strip_prefix('h').filter(|n| matches!(*n, "1" | "2"));
        let week = text.strip_prefix('w').filter(|n| n.len() == 2 && n.bytes().all(|b| b.is_ascii_digit()));
        last.or(half).or(week).map(|_| text.to_owned())
    };
    if let Some((a, b)) = norm.split_once(['-', '/']) {
        let found = year(a).zip(part(b)).or_else(|| year(b).zip(part(a)));
        return found.map(|(year, part)| (format!("{year}-{part}"), 1));
    }
    if let (Some(head), Some(tail)) = (norm.get(..4), norm.get(4..))
        && let (Some(year), Some(part)) = (year(head), part(tail))
    {
        return Some((format!("{year}-{part}"), 1));
    }
    let part = part(norm).filter(|part| !part.starts_with('w'))?;
    let of = usize::from(at(tokens, 1) == Some("of"));
    match at(tokens, 1 + of).and_then(year) {
        Some(year) => Some((format!("{year}-{part}"), 2 + of)),
        None if part.starts_with('q') => Some((part, 1)),
        None => None,
    }
}

/// Reads a time of day: `14:30`, `2:30 pm`, `2pm`, `14h30`, with its zone.
fn time(tokens: &[Token<'_>]) -> Option<(String, usize)> {
    let norm = at(tokens, 0)?;
    let half = |text: &str| match text {
        "am" | "a.m" | "a.m." => Some(false),
        "pm" | "p.m" | "p.m." => Some(true),
        _ => None,
    };
    let end = norm.len() - norm.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':').len();
    let (figures, tail) = norm.split_at(end);
    let mut width = 1;
    let afternoon = half(tail).or_else(|| {
        let next = at(tokens, 1).filter(|_| tail.is_empty()).and_then(half);
        width += usize::from(next.is_some());
        next
    });
    let mut found = match afternoon {
        Some(is_pm) => {
            let (hour, rest) = figures.split_once(':').unwrap_or((figures, "00"));
            let hour: u8 = hour.parse().ok().filter(|h| (1..=12).contains(h))?;
            clock(&format!("{}:{rest}", hour % 12 + if is_pm { 12 } else { 0 }))?
        }
        None if tail.is_empty() => clock(figures)?,
        None => {
            let minutes = tail.strip_prefix('h').filter(|m| m.len() == 2)?;
            clock(&format!("{figures}:{minutes}"))?
        }
    };
    if let Some(zone) = tokens.get(width).and_then(|t| zone(t)).filter(|_| at(tokens, width).is_some()) {
        found.push_str(&zone);
        width += 1;
    }
    Some((found, width))
}

/// Writes `H:MM` or `H:MM:SS` with two digits each, and without idle seconds.
fn clock(text: &str) -> Option<String> {
    let mut parts = text.split(':');
    let mut part = |most: u8| {
        let text = parts.next()?;
        let text = text.split('.').next().filter(|t| (1..=2).contains(&t.len()))?;
        text.parse::<u8>().ok().filter(|&n| n <= most)
    };
    let (hour, minute) = (part(24)?, part(59)?);
    if text.split(':').nth(1).is_none_or(|m| m.len() != 2) {
        return None;
    }
    let second = if text.matches(':').count() == 2 { part(60)? } else { 0 };
    if text.matches(':').count() > 2 {
        return None;
    }
    let seconds = if second == 0 { String::new() } else { format!(":{second:02}") };
    Some(format!("{hour:02}:{minute:02}{seconds}"))
}

/// Reads a time zone after a time: its short name, or its offset.
fn zone(token: &Token<'_>) -> Option<String> {
    let is_named = token.raw.bytes().all(|b| b.is_ascii_uppercase())
        && matches!(
            &*token.norm,
            "utc"
                | "gmt"
                | "cet"
                | "cest"
                | "bst"
                | "est"
                | "edt"
                | "cst"
                | "cdt"
                | "mst"
                | "mdt"
                | "pst"
                | "pdt"
                | "ist"
                | "jst"
                | "msk"
                | "eet"
                | "eest"
                | "wet"
                | "aest"
                | "pt"
                | "et"
        );
    match &*token.norm {
        "utc" | "gmt" | "z" if is_named || token.norm == "z" => Some("z".to_owned()),
        norm if is_named => Some(norm.to_owned()),
        norm => offset(norm).map(|found| found.trim_start_matches("utc").to_owned()),
    }
}

/// Reads `UTC+2`, `+02:00`.
fn offset(norm: &str) -> Option<String> {
    let named = norm.strip_prefix("utc").or_else(|| norm.strip_prefix("gmt"));
    let bare = named.unwrap_or(norm);
    let sign = bare.chars().next().filter(|c| matches!(c, '+' | '-'))?;
    let (hours, minutes) = bare[1..].split_once(':').unwrap_or((&bare[1..], "00"));
    if named.is_none() && !bare.contains(':') || hours.len() > 2 || minutes.len() != 2 {
        return None;
    }
    let hours: u8 = hours.parse().ok().filter(|h| *h <= 14)?;
    let minutes: u8 = minutes.parse().ok()?;
    Some(format!("utc{sign}{hours:02}:{minutes:02}"))
}

/// Reads `the 1st of the month` as a day of any month.
fn ordinal_of_month(tokens: &[Token<'_>]) -> Option<(String, usize)> {
    let norm = at(tokens, 0)?;
    let day = day_number(norm).filter(|_| norm.ends_with(|c: char| c.is_ascii_alphabetic()))?;
    let is_of = at(tokens, 1) == Some("of")
        && matches!(at(tokens, 2), Some("each" | "every" | "the"))
        && at(tokens, 3) == Some("month");
    is_of.then(|| (format!("____-__-{day:02}"), 1))
}

fn weekday(token: &Token<'_>) -> Option<&'static str> {
    let norm = &*token.norm;
    if !(3..=10).contains(&norm.len()) {
        return None;
    }
    let full = norm.strip_suffix('s').unwrap_or(norm);
    let day = match full.strip_suffix("'").unwrap_or(full) {
        "monday" | "montag" | "lundi" | "lunes" => "mon",
        "tuesday" | "dienstag" | "mardi" => "tue",
        "wednesday" | "mittwoch" | "mercredi" => "wed",
        "thursday" | "donnerstag" | "jeudi" => "thu",
        "friday" | "freitag" | "vendredi" | "viernes" => "fri",
        "saturday" | "samstag" | "samedi" | "sábado" => "sat",
        "sunday" | "sonntag" | "dimanche" | "domingo" => "sun",
        _ => match norm {
            _ if !token.raw.starts_with(char::is_uppercase) => return None,
            "mon" => "mon",
            "tue" | "tues" => "tue",
            "wed" => "wed",
            "thu" | "thur" | "thurs" => "thu",
            "fri" => "fri",
            _ => return None,
        },
    };
    Some(day)
}
