//! Dates that say when something was written: in a path such as `/notes/2026-03-01.md` or a heading.

use jiff::civil::Date;

use super::specifics::{Kind, specifics};

/// Returns the first date in a path: a day or a month. A bare number may be a year or only a number,
/// so it does not count.
pub fn in_path(path: &str) -> Option<Date> {
    numeric(path)
}

/// Returns the first date in a heading or another short text.
pub fn in_text(text: &str) -> Option<Date> {
    if let Some(date) = numeric(text) {
        return Some(date);
    }
    let bare = text.trim();
    if bare.len() == 4 && bare.bytes().all(|b| b.is_ascii_digit()) {
        return Date::new(bare.parse().ok()?, 1, 1).ok();
    }
    if !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    specifics(text).iter().filter(|s| s.kind == Kind::Date).find_map(|s| numeric(&s.value))
}

/// Finds `2026-03-01`, `2026/03/01`, `2026_03` or `20260301`, standing alone among digits.
fn numeric(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let digits = |from: usize, count: usize| -> Option<i16> {
        let part = text.get(from..from + count)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
    };
    let mut at = 0;
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if run == 0 {
            at += 1;
            continue;
        }
        let part = |from: usize, count: usize| digits(from, count).and_then(|n| i8::try_from(n).ok());
        let found = match run {
            8 => match (digits(at, 4), part(at + 4, 2), part(at + 6, 2)) {
                (Some(y @ 1900..=2999), Some(m), Some(d)) => Date::new(y, m, d).ok(),
                _ => None,
            },
            4 => {
                let separator = bytes.get(at + 4).copied().filter(|b| matches!(b, b'-' | b'_' | b'/'));
                let alone = |end: usize| !bytes.get(end).is_some_and(u8::is_ascii_digit);
                separator.filter(|_| alone(at + 7)).and_then(|separator| {
                    let (y, m) = (digits(at, 4)?, part(at + 5, 2)?);
                    let day = (bytes.get(at + 7) == Some(&separator) && alone(at + 10))
                        .then(|| part(at + 8, 2))
                        .flatten();
                    Date::new(y, m, day.unwrap_or(1)).ok()
                })
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        at += run;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_found_where_people_put_them() {
        let path = |text| in_path(text).map(|d| d.to_string());
        assert_eq!(path("/notes/2026-03-01.md").as_deref(), Some("2026-03-01"));
        assert_eq!(path("/journal/2026/03/01.md").as_deref(), Some("2026-03-01"));
        assert_eq!(path("/2026-03/plan.md").as_deref(), Some("2026-03-01"));
        assert_eq!(path("/log/1811.md"), None);
        assert_eq!(path("/log/20260301-sync.md").as_deref(), Some("2026-03-01"));
        assert_eq!(path("/http/404.md"), None);
        assert_eq!(path("/a/2026-13-01.md"), None);
        let text = |text| in_text(text).map(|d| d.to_string());
        assert_eq!(text("Session 3, 1:56 pm on 8 May, 2023").as_deref(), Some("2023-05-08"));
        assert_eq!(text("March 5, 2024").as_deref(), Some("2024-03-05"));
        assert_eq!(text("1811").as_deref(), Some("1811-01-01"));
        assert_eq!(text("Release notes"), None);
        assert_eq!(text("Port 8080"), None);
    }
}
