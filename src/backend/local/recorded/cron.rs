//! Cron expressions, as far as to say that one can be meant. Nothing runs by them here.

/// What each field is, with its least and its greatest value. Sunday is both 0 and 7.
const FIELDS: [(&str, u8, u8); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
];

/// Checks an expression: five fields of numbers, ranges, lists and steps.
pub(super) fn check(expression: &str) -> Result<(), String> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err("must have five fields, as `0 3 * * *`".to_owned());
    }
    for (field, (what, least, most)) in fields.into_iter().zip(FIELDS) {
        if !field.split(',').all(|part| is_part(part, least, most)) {
            return Err(format!("`{field}` is no {what}: numbers are {least} to {most}, as `1,5-9`, `*/2`"));
        }
    }
    Ok(())
}

fn is_part(part: &str, least: u8, most: u8) -> bool {
    let (range, step) = match part.split_once('/') {
        None => (part, None),
        Some((range, step)) => (range, Some(step)),
    };
    let value = |text: &str| number(text).filter(|value| (least..=most).contains(value));
    let is_range = match range.split_once('-') {
        Some((from, to)) => value(from).is_some_and(|from| value(to).is_some_and(|to| from <= to)),
        None => range == "*" || value(range).is_some(),
    };
    is_range && step.is_none_or(|step| number(step).is_some_and(|step| (1..=most).contains(&step)))
}

/// Reads digits alone: no sign.
fn number(text: &str) -> Option<u8> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ranges_lists_and_steps_are_within_their_field() {
        for good in
            ["0 3 * * *", "*/15 0-6,22 1,15 1-12/3 1-5", "59 23 31 12 7", " 0  0 1 1 0 ", "5/10 * * * *"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "0 3 * *",
            "0 3 * * * *",
            "99 99 , -- */",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "9-5 * * * *",
            "*/0 * * * *",
            "*/60 * * * *",
            "*/ * * * *",
            "1, * * * *",
            "+1 * * * *",
            "1-2-3 * * * *",
            "@daily",
            "0 0 L * *",
            "0 0 * * MON",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
