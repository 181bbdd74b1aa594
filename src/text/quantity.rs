//! Quantities: figures with their units, equal however they are written.
//!
//! `1,000 ms`, `1000ms` and `1 s` are one quantity. What could be read in two ways (`1.000`, `5m`) is left
//! as it is written.

use super::script;
use super::token::Token;

/// A decimal figure: `digits` × 10^`exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Figure {
    negative: bool,
    digits: u128,
    exponent: i32,
}

impl Figure {
    const fn of(digits: u128) -> Self {
        Self { negative: false, digits, exponent: 0 }
    }

    fn scaled(self, scale: Scale) -> Option<Self> {
        let digits = self.digits.checked_mul(u128::from(scale.times))?;
        Some(Self { digits, exponent: self.exponent.checked_add(scale.power)?, ..self })
    }

    /// Writes the figure without an exponent and without idle zeros; `None` if it is out of all proportion.
    fn plain(mut self) -> Option<String> {
        if self.digits == 0 {
            return Some("0".to_owned());
        }
        while self.digits.is_multiple_of(10) {
            self.digits /= 10;
            self.exponent += 1;
        }
        let digits = self.digits.to_string();
        let mut out = String::from(if self.negative { "-" } else { "" });
        match self.exponent {
            exponent @ 0..=40 => {
                out.push_str(&digits);
                out.extend(std::iter::repeat_n('0', usize::try_from(exponent).ok()?));
            }
            exponent @ -40..=-1 => {
                let places = usize::try_from(-exponent).ok()?;
                let whole = digits.len().saturating_sub(places);
                out.push_str(if whole == 0 { "0" } else { &digits[..whole] });
                out.push('.');
                out.extend(std::iter::repeat_n('0', places.saturating_sub(digits.len())));
                out.push_str(&digits[whole..]);
            }
            _ => return None,
        }
        Some(out)
    }
}

/// What one of a unit is in the unit it is counted in: `times` × 10^`power`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scale {
    unit: &'static str,
    times: u64,
    power: i32,
}

const fn scale(unit: &'static str, times: u64, power: i32) -> Scale {
    Scale { unit, times, power }
}

const NO_UNIT: Scale = scale("", 1, 0);

/// Reads a unit, in lower case. Months are not days, and `m` may be metres, minutes or millions.
fn unit(norm: &str) -> Option<Scale> {
    if norm.len() > 20 {
        return None;
    }
    let norm = norm.strip_suffix('.').unwrap_or(norm);
    Some(match norm {
        "ns" | "nanosecond" | "nanoseconds" => scale("s", 1, -9),
        "µs" | "μs" | "us" | "microsecond" | "microseconds" => scale("s", 1, -6),
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" | "millis" | "millisekunden" => {
            scale("s", 1, -3)
        }
        "s" | "sec" | "secs" | "second" | "seconds" | "sekunde" | "sekunden" | "seconde" | "secondes"
        | "segundo" | "segundos" | "secondi" | "секунд" | "секунды" => scale("s", 1, 0),
        "min" | "mins" | "minute" | "minutes" | "minuten" | "minuto" | "minutos" | "minuti" | "минут" => {
            scale("s", 60, 0)
        }
        "h" | "hr" | "hrs" | "hour" | "hours" | "std" | "stunde" | "stunden" | "heure" | "heures"
        | "hora" | "horas" | "ora" | "ore" | "uur" | "часов" | "часа" => scale("s", 3_600, 0),
        "d" | "day" | "days" | "tag" | "tage" | "tagen" | "jour" | "jours" | "día" | "días" | "dia"
        | "dias" | "giorno" | "giorni" | "dagen" | "дней" | "дня" => scale("s", 86_400, 0),
        "w" | "wk" | "wks" | "week" | "weeks" | "woche" | "wochen" | "semaine" | "semaines" | "semana"
        | "semanas" | "settimane" | "недель" => scale("s", 604_800, 0),
        "fortnight" | "fortnights" => scale("s", 1_209_600, 0),
        "mo" | "mos" | "month" | "months" | "monat" | "monate" | "monaten" | "mois" | "mes" | "meses"
        | "mesi" => scale("mo", 1, 0),
        "y" | "yr" | "yrs" | "year" | "years" | "jahr" | "jahre" | "jahren" | "an" | "ans" | "année"
        | "années" | "año" | "años" | "ano" | "anos" | "anni" | "лет" => scale("mo", 12, 0),
        "b" | "byte" | "bytes" => scale("B", 1, 0),
        "kb" | "kilobyte" | "kilobytes" => scale("B", 1, 3),
        "mb" | "megabyte" | "megabytes" => scale("B", 1, 6),
        "gb" | "gigabyte" | "gigabytes" => scale("B", 1, 9),
        "tb" | "terabyte" | "terabytes" => scale("B", 1, 12),
        "pb" | "petabyte" | "petabytes" => scale("B", 1, 15),
        "kib" | "kibibyte" | "kibibytes" => scale("B", 1 << 10, 0),
        "mib" | "mebibyte" | "mebibytes" => scale("B", 1 << 20, 0),
        "gib" | "gibibyte" | "gibibytes" => scale("B", 1 << 30, 0),
        "tib" | "tebibyte" | "tebibytes" => scale("B", 1 << 40, 0),
        "bit" | "bits" => scale("bit", 1, 0),
        "kbit" | "kbits" => scale("bit", 1, 3),
        "mbit" | "mbits" => scale("bit", 1, 6),
        "gbit" | "gbits" => scale("bit", 1, 9),
        "kbps" | "kbit/s" => scale("bit/s", 1, 3),
        "mbps" | "mbit/s" => scale("bit/s", 1, 6),
        "gbps" | "gbit/s" => scale("bit/s", 1, 9),
        "kb/s" => scale("B/s", 1, 3),
        "mb/s" => scale("B/s", 1, 6),
        "gb/s" => scale("B/s", 1, 9),
        "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" => scale("metre", 1, -3),
        "cm" | "centimeter" | "centimeters" | "centimetre" | "centimetres" => scale("metre", 1, -2),
        "meter" | "meters" | "metre" | "metres" => scale("metre", 1, 0),
        "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" => scale("metre", 1, 3),
        "m" => scale("m", 1, 0),
        "mile" | "miles" | "mi" => scale("mile", 1, 0),
        "ft" | "foot" | "feet" => scale("ft", 1, 0),
        "inch" | "inches" => scale("inch", 1, 0),
        "yd" | "yard" | "yards" => scale("yd", 1, 0),
        "km/h" | "kmh" | "kph" => scale("km/h", 1, 0),
        "mph" => scale("mph", 1, 0),
        "mg" | "milligram" | "milligrams" => scale("g", 1, -3),
        "g" | "gram" | "grams" | "gramm" => scale("g", 1, 0),
        "kg" | "kgs" | "kilo" | "kilos" | "kilogram" | "kilograms" => scale("g", 1, 3),
        "t" | "tonne" | "tonnes" => scale("g", 1, 6),
        "lb" | "lbs" | "pound" | "pounds" => scale("lb", 1, 0),
        "oz" | "ounce" | "ounces" => scale("oz", 1, 0),
        "ml" | "milliliter" | "milliliters" | "millilitre" | "millilitres" => scale("l", 1, -3),
        "cl" => scale("l", 1, -2),
        "l" | "liter" | "liters" | "litre" | "litres" => scale("l", 1, 0),
        "hz" | "hertz" => scale("Hz", 1, 0),
        "khz" => scale("Hz", 1, 3),
        "mhz" | "megahertz" => scale("Hz", 1, 6),
        "ghz" | "gigahertz" => scale("Hz", 1, 9),
        "w/h" | "wh" => scale("Wh", 1, 0),
        "kwh" => scale("Wh", 1, 3),
        "kw" => scale("W", 1, 3),
        "mw" => scale("W", 1, 6),
        "watt" | "watts" => scale("W", 1, 0),
        "volt" | "volts" => scale("V", 1, 0),
        "mah" => scale("mAh", 1, 0),
        "kcal" | "calories" => scale("kcal", 1, 0),
        "px" | "pixel" | "pixels" => scale("px", 1, 0),
        "rpm" => scale("rpm", 1, 0),
        "rps" | "qps" | "fps" | "dpi" | "bpm" | "rem" | "em" | "vh" | "vw" => match norm {
            "rps" => scale("rps", 1, 0),
            "qps" => scale("qps", 1, 0),
            "fps" => scale("fps", 1, 0),
            "dpi" => scale("dpi", 1, 0),
            "bpm" => scale("bpm", 1, 0),
            "rem" => scale("rem", 1, 0),
            "vh" => scale("vh", 1, 0),
            "vw" => scale("vw", 1, 0),
            _ => scale("em", 1, 0),
        },
        "%" | "percent" | "pct" | "percentage" | "prozent" => scale("%", 1, 0),
        "bps" => scale("bps", 1, 0),
        "°" | "degree" | "degrees" | "deg" => scale("°", 1, 0),
        "°c" | "celsius" | "ºc" | "℃" => scale("°C", 1, 0),
        "°f" | "fahrenheit" | "ºf" | "℉" => scale("°F", 1, 0),
        "x" | "×" | "times" | "fold" => scale("x", 1, 0),
        _ => return currency(norm),
    })
}

/// Reads a currency: its sign, its code or its name.
fn currency(norm: &str) -> Option<Scale> {
    Some(match norm {
        "$" | "us$" | "usd" | "dollar" | "dollars" | "bucks" => scale("USD", 1, 0),
        "cent" | "cents" | "¢" => scale("USD", 1, -2),
        "€" | "eur" | "euro" | "euros" => scale("EUR", 1, 0),
        "£" | "gbp" | "quid" => scale("GBP", 1, 0),
        "¥" | "jpy" | "yen" | "円" => scale("JPY", 1, 0),
        "cny" | "rmb" | "yuan" | "元" => scale("CNY", 1, 0),
        "₹" | "inr" | "rupees" | "rupee" => scale("INR", 1, 0),
        "chf" | "francs" => scale("CHF", 1, 0),
        "cad" | "c$" => scale("CAD", 1, 0),
        "aud" | "a$" => scale("AUD", 1, 0),
        "₽" | "rub" | "rubles" => scale("RUB", 1, 0),
        "₩" | "krw" => scale("KRW", 1, 0),
        "brl" | "r$" => scale("BRL", 1, 0),
        "sek" => scale("SEK", 1, 0),
        "nok" => scale("NOK", 1, 0),
        "dkk" => scale("DKK", 1, 0),
        "pln" => scale("PLN", 1, 0),
        "btc" => scale("BTC", 1, 0),
        _ => return None,
    })
}

/// Reads a word that multiplies the figure before it.
fn multiple(norm: &str) -> Option<i32> {
    Some(match norm {
        "hundred" => 2,
        "thousand" | "k" | "tsd" | "mille" | "mil" => 3,
        "million" | "millions" | "mio" | "mn" | "millionen" | "millones" => 6,
        "billion" | "billions" | "bn" | "mrd" => 9,
        "trillion" | "trillions" => 12,
        _ => return None,
    })
}

/// Units that stand after a figure in scripts without spaces, the longer first.
const UNSPACED_UNITS: [(&str, Scale); 22] = [
    ("毫秒", scale("s", 1, -3)),
    ("秒", scale("s", 1, 0)),
    ("分钟", scale("s", 60, 0)),
    ("分鐘", scale("s", 60, 0)),
    ("分", scale("s", 60, 0)),
    ("小时", scale("s", 3_600, 0)),
    ("小時", scale("s", 3_600, 0)),
    ("時間", scale("s", 3_600, 0)),
    ("天", scale("s", 86_400, 0)),
    ("日間", scale("s", 86_400, 0)),
    ("周", scale("s", 604_800, 0)),
    ("週間", scale("s", 604_800, 0)),
    ("个月", scale("mo", 1, 0)),
    ("か月", scale("mo", 1, 0)),
    ("ヶ月", scale("mo", 1, 0)),
    ("年", scale("mo", 12, 0)),
    ("元", scale("CNY", 1, 0)),
    ("円", scale("JPY", 1, 0)),
    ("초", scale("s", 1, 0)),
    ("분", scale("s", 60, 0)),
    ("시간", scale("s", 3_600, 0)),
    ("일", scale("s", 86_400, 0)),
];

/// Words that compare the figure after them.
const COMPARING: [(&[&str], &str); 22] = [
    (&["no", "more", "than"], "<="),
    (&["not", "more", "than"], "<="),
    (&["no", "less", "than"], ">="),
    (&["no", "fewer", "than"], ">="),
    (&["not", "less", "than"], ">="),
    (&["no", "later", "than"], "<="),
    (&["no", "earlier", "than"], ">="),
    (&["at", "least"], ">="),
    (&["at", "most"], "<="),
    (&["at", "minimum"], ">="),
    (&["minimum", "of"], ">="),
    (&["maximum", "of"], "<="),
    (&["up", "to"], "<="),
    (&["more", "than"], ">"),
    (&["greater", "than"], ">"),
    (&["less", "than"], "<"),
    (&["fewer", "than"], "<"),
    (&[">="], ">="),
    (&["<="], "<="),
    (&["≥"], ">="),
    (&["≤"], "<="),
    (&[">"], ">"),
];

/// Words that compare the figure before them.
const COMPARED: [(&[&str], &str); 8] = [
    (&["or", "more"], ">="),
    (&["or", "higher"], ">="),
    (&["or", "later"], ">="),
    (&["or", "newer"], ">="),
    (&["or", "above"], ">="),
    (&["or", "less"], "<="),
    (&["or", "fewer"], "<="),
    (&["or", "lower"], "<="),
];

/// Reads the quantity that the tokens begin with, if they do: its value, with what compares it, and the
/// tokens it takes. A range is one quantity.
pub(super) fn read(tokens: &[Token<'_>], after: Option<&Token<'_>>) -> Option<(String, usize)> {
    let first = tokens.first()?;
    let says = |tokens: &[Token<'_>], words: &[&str]| {
        tokens.len() >= words.len()
            && words.iter().zip(tokens).all(|(word, token)| token.norm == *word)
            && tokens[1..words.len()].iter().all(|token| token.before.trim().is_empty())
    };
    if matches!(
        first.norm.as_bytes().first(),
        Some(b'n' | b'a' | b'u' | b'm' | b'g' | b'l' | b'f' | b'<' | b'>' | 0xe2)
    ) {
        let phrase = COMPARING.iter().copied().chain([(&["<"][..], "<")]);
        if let Some((words, means)) = phrase.into_iter().find(|(words, _)| says(tokens, words))
            && let Some((value, width)) = plain(&tokens[words.len()..], Some(&tokens[words.len() - 1]))
        {
            // `>=5` comes as `>` and `=5`.
            let equals = words.len() == 1 && tokens[1].before.is_empty() && tokens[1].norm.starts_with('=');
            let means = match means {
                ">" if equals => ">=",
                "<" if equals => "<=",
                means => means,
            };
            let value = if value.starts_with(['<', '>']) { value } else { format!("{means}{value}") };
            return Some((value, words.len() + width));
        }
    }
    let (value, width) = plain(tokens, after)?;
    let rest = &tokens[width..];
    if rest.first().is_some_and(|t| t.norm == "or")
        && let Some((words, means)) = COMPARED.iter().find(|(words, _)| says(rest, words))
    {
        return Some((format!("{means}{value}"), width + words.len()));
    }
    Some((value, width))
}

/// Reads a quantity without words that compare it; `after` is the token before.
fn plain(tokens: &[Token<'_>], after: Option<&Token<'_>>) -> Option<(String, usize)> {
    let first = tokens.first()?;
    let (compares, norm) = comparison(&first.norm);
    if !may_begin(norm) {
        return None;
    }
    let Part { figure, scale, width, range, is_least } = part(tokens, norm)?;
    let compares = compares.or(is_least.then_some(">=")).unwrap_or_default();
    let write = |written: &Written, scale: Scale| match written {
        Written::Figure(figure) => {
            figure.scaled(scale).and_then(Figure::plain).map(|plain| plain + scale.unit)
        }
        Written::Raw(raw) => Some(format!("{raw}{}", scale.unit)),
    };
    if let Some(end) = range {
        return Some((format!("{}..{}", write(&figure, scale)?, write(&end, scale)?), width));
    }
    // The unit after the second figure of a range holds for the first one too.
    if compares.is_empty()
        && let Some(step) = range_step(tokens, width, after)
    {
        let rest = &tokens[width + step..];
        let second =
            rest.first().filter(|t| t.norm.bytes().any(|b| b.is_ascii_digit()) || spelled(&t.norm).is_some());
        if let Some(second) = second.and_then(|t| part(rest, &t.norm))
            && second.range.is_none()
            && (scale == NO_UNIT || scale.unit == second.scale.unit)
            && !matches!((&figure, &second.figure), (Written::Raw(_), _) | (_, Written::Raw(_)))
        {
            let own = if scale == NO_UNIT { second.scale } else { scale };
            let value = format!("{}..{}", write(&figure, own)?, write(&second.figure, second.scale)?);
            return Some((value, width + step + second.width));
        }
    }
    Some((format!("{compares}{}", write(&figure, scale)?), width))
}

/// Says whether a word can begin a quantity.
fn may_begin(norm: &str) -> bool {
    norm.bytes().any(|b| b.is_ascii_digit())
        || norm.len() <= 8 && currency(norm).is_some()
        || !norm.is_ascii() && norm.contains(['½', '¼', '¾'])
        || spelled(norm).is_some()
        || norm == "half"
}

/// Returns how many tokens stand between the two figures of a range: none for a dash, one for `to`, or for
/// `and` after `between`.
fn range_step(tokens: &[Token<'_>], width: usize, after: Option<&Token<'_>>) -> Option<usize> {
    let next = tokens.get(width)?;
    let between = next.before;
    if matches!(between.trim(), "-" | "–" | "—" | "~") {
        return Some(0);
    }
    let is_blank = between.trim().is_empty();
    let is_between = next.norm == "and" && after.is_some_and(|t| t.norm == "between");
    let joins = is_between || matches!(&*next.norm, "to" | "bis" | "à");
    (is_blank && joins && tokens.len() > width + 1).then_some(1)
}

fn comparison(norm: &str) -> (Option<&'static str>, &str) {
    for (mark, means) in [
        ("<=", "<="),
        (">=", ">="),
        ("≤", "<="),
        ("≥", ">="),
        ("<", "<"),
        (">", ">"),
        ("==", ""),
        ("=", ""),
        ("~", ""),
        ("≈", ""),
    ] {
        if let Some(rest) = norm.strip_prefix(mark) {
            return ((!means.is_empty()).then_some(means), rest);
        }
    }
    (None, norm)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Written {
    Figure(Figure),
    Raw(String),
}

#[derive(Debug)]
struct Part {
    figure: Written,
    scale: Scale,
    width: usize,
    /// The second figure of a range in one token.
    range: Option<Written>,
    /// Whether a `+` follows.
    is_least: bool,
}

/// Reads one figure with its unit; `norm` is the first token's, without what compares it.
fn part(tokens: &[Token<'_>], norm: &str) -> Option<Part> {
    let blank = |at: usize| {
        tokens.get(at).is_some_and(|next| {
            next.before.len() <= 6
                && next.before.chars().all(|c| c.is_whitespace() || matches!(c, '*' | '_' | '`'))
        })
    };
    // `USD 5`, `$5`.
    if currency(norm).is_some() && blank(1) {
        let next = tokens.get(1).filter(|t| t.norm.starts_with(|c: char| c.is_ascii_digit()))?;
        let mut found = part(&tokens[1..], &next.norm)?;
        if found.scale == NO_UNIT {
            found.scale = currency(norm)?;
        }
        return Some(Part { width: found.width + 1, ..found });
    }
    let (sign, norm) = currency_sign(norm);
    let mut width = 1;
    let mut glued = String::new();
    let norm = groups(tokens, norm, &mut width, &mut glued);
    let (mut figure, rest) = match number(norm) {
        Some(found) => found,
        None if norm == "half" => (Written::Figure(Figure { negative: false, digits: 5, exponent: -1 }), ""),
        None => {
            let (value, taken) = words(tokens, norm)?;
            width = taken;
            (Written::Figure(Figure::of(value)), "")
        }
    };
    let mut scale = sign.unwrap_or(NO_UNIT);
    let mut range = None;
    let mut rest = rest;
    if let Some(after) = rest.strip_prefix('-') {
        let after = currency_sign(after).1;
        if after.starts_with(|c: char| c.is_ascii_digit()) {
            let (second, tail) = number(after)?;
            if tail.contains('-') {
                return None;
            }
            range = Some(second);
            rest = tail;
        } else {
            rest = after;
        }
    }
    let raw = tokens[width - 1].raw;
    let mut is_counted = false;
    let is_least = rest.ends_with('+');
    if !rest.is_empty() {
        let own = rest.strip_suffix('+').unwrap_or(rest);
        let power = match own {
            "k" => Some(3),
            "m" if sign.is_some() || raw.ends_with('M') => Some(6),
            "b" if sign.is_some() => Some(9),
            own => multiple(own),
        };
        match (own, power, unit(own)) {
            ("", ..) => {}
            ("st" | "nd" | "rd" | "th", ..) => scale = ORDINAL,
            (_, Some(power), _) => {
                figure = raised(figure, power);
                range = range.map(|end| raised(end, power));
            }
            (_, _, Some(found)) => {
                scale = found;
                is_counted = true;
            }
            _ => {
                let found = unspaced_unit(own)?;
                scale = found;
                is_counted = true;
            }
        }
    }
    // Units and multiples in words of their own.
    if !is_counted && scale != ORDINAL {
        while blank(width)
            && let Some(next) = tokens.get(width)
            && let (Written::Figure(f), Some(power)) = (&figure, multiple(&next.norm))
        {
            figure = Written::Figure(Figure { exponent: f.exponent + power, ..*f });
            width += 1;
        }
        let half_an = norm == "half"
            && blank(width)
            && tokens.get(width).is_some_and(|t| matches!(&*t.norm, "a" | "an"));
        let at = width + usize::from(half_an);
        if let Some(next) = tokens.get(at).filter(|_| blank(at)) {
            let found = unit(&next.norm).or_else(|| unspaced_unit(&next.norm));
            // `180 an hour` is not 180 years.
            let found = found.filter(|_| next.norm != "an" || figure == Written::Figure(Figure::of(1)));
            let clashes = sign.is_some() || next.norm.len() == 1 && next.raw.starts_with(char::is_uppercase);
            if next.norm == "per" && tokens.get(at + 1).is_some_and(|t| t.norm == "cent") {
                scale = unit("%")?;
                width = at + 2;
            } else if let Some(found) = found.filter(|_| !clashes) {
                scale = found;
                width = at + 1;
                let degrees = found.unit == "°" && blank(width);
                if let Some(named) = tokens.get(width).filter(|_| degrees).and_then(|t| match &*t.norm {
                    "c" => unit("°c"),
                    "f" => unit("°f"),
                    other => unit(other).filter(|s| s.unit.starts_with('°')),
                }) {
                    scale = named;
                    width += 1;
                }
            }
        }
    }
    Some(Part { figure, scale, width, range, is_least })
}

fn raised(written: Written, power: i32) -> Written {
    match written {
        Written::Figure(figure) => Written::Figure(Figure { exponent: figure.exponent + power, ..figure }),
        raw @ Written::Raw(_) => raw,
    }
}

/// What an ordinal counts in.
const ORDINAL: Scale = scale("th", 1, 0);

fn currency_sign(norm: &str) -> (Option<Scale>, &str) {
    for sign in ["us$", "a$", "c$", "r$", "$", "€", "£", "¥", "₹", "₽", "₩"] {
        if let Some(rest) = norm.strip_prefix(sign) {
            return (currency(sign), rest);
        }
    }
    (None, norm)
}

/// Joins groups of digits that a thin or hard space sets apart, or a decimal comma before a unit.
fn groups<'n>(tokens: &[Token<'_>], norm: &'n str, width: &mut usize, glued: &'n mut String) -> &'n str {
    let digits = |norm: &str| !norm.is_empty() && norm.bytes().all(|b| b.is_ascii_digit());
    let gap = |at: usize| tokens.get(at).map_or("", |next| next.before);
    if !digits(norm) {
        // `1.000,5`: only a decimal comma can follow thousands set apart by dots.
        let decimals =
            tokens.get(1).filter(|t| gap(1) == "," && (1..=2).contains(&t.norm.len()) && digits(&t.norm));
        if let Some(decimals) = decimals.filter(|_| norm.contains('.') && !norm.contains(',')) {
            glued.push_str(norm);
            glued.push(',');
            glued.push_str(&decimals.norm);
            *width = 2;
            return if parts(glued).is_some() {
                glued
            } else {
                *width = 1;
                norm
            };
        }
        return norm;
    }
    let is_thin = |gap: &str| matches!(gap, "\u{a0}" | "\u{2009}" | "\u{202f}" | "\u{2007}");
    glued.push_str(norm);
    while norm.len() <= 3
        && let Some(next) = tokens.get(*width).filter(|_| is_thin(gap(*width)))
        && (digits(&next.norm) && next.norm.len() == 3
            || next.norm.split_once('.').is_some_and(|(a, b)| a.len() == 3 && digits(a) && digits(b)))
    {
        glued.push_str(&next.norm);
        *width += 1;
    }
    // `1,5 km`, but not `1,5,7`.
    if *width == 1 && gap(1) == "," && (tokens.len() < 3 || gap(2) != ",") {
        let next = &tokens[1].norm;
        let end = next.bytes().take_while(u8::is_ascii_digit).count();
        let (decimals, tail) = next.split_at(end);
        let counted = if tail.is_empty() {
            tokens.get(2).is_some_and(|t| gap(2).trim().is_empty() && unit(&t.norm).is_some())
        } else {
            unit(tail).is_some()
        };
        if (1..=2).contains(&decimals.len()) && counted {
            glued.push('.');
            glued.push_str(next);
            *width = 2;
        }
    }
    glued
}

/// Reads the figure a word begins with; returns what follows it.
fn number(norm: &str) -> Option<(Written, &str)> {
    let (negative, bare) = match norm.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, norm.strip_prefix('+').unwrap_or(norm)),
    };
    if let Some((figure, rest)) = vulgar(bare) {
        return Some((Written::Figure(Figure { negative, ..figure }), rest));
    }
    let bytes = bare.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    if !(is_digit(0) || bytes.first() == Some(&b'.') && is_digit(1)) {
        return None;
    }
    // Digits and the marks between them.
    let mut end = 0;
    while end < bytes.len()
        && (bytes[end].is_ascii_digit()
            || matches!(bytes[end], b'.' | b',' | b'\'' | b'_')
                && bytes.get(end + 1).is_some_and(u8::is_ascii_digit))
    {
        end += 1;
    }
    let (written, mut rest) = bare.split_at(end);
    let as_is = || Written::Raw(format!("{}{written}", if negative { "-" } else { "" }));
    let Some((digits, decimals)) = parts(written) else { return Some((as_is(), rest)) };
    let mut whole: String = digits.chars().filter(char::is_ascii_digit).collect();
    whole.push_str(decimals);
    let mut exponent = -i32::try_from(decimals.len()).ok()?;
    if let Some(power) = rest.strip_prefix('e') {
        let end = power.len()
            - power.trim_start_matches(['-', '+']).trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if let Ok(power_of_ten) = power[..end].parse::<i32>()
            && power_of_ten.abs() <= 30
        {
            exponent += power_of_ten;
            rest = &power[end..];
        }
    }
    // A plain fraction of small figures.
    if let Some(below) = rest.strip_prefix('/')
        && let Some(fraction) = fraction(written, below)
    {
        return Some((Written::Figure(fraction), ""));
    }
    match whole.parse::<u128>() {
        Ok(digits) if whole.len() <= 30 => {
            Some((Written::Figure(Figure { negative, digits, exponent }), rest))
        }
        _ => Some((as_is(), rest)),
    }
}

/// Tells whole digits from decimals; `None` where the marks can be read in two ways or in none.
fn parts(written: &str) -> Option<(&str, &str)> {
    let mark = |mark: char| written.matches(mark).count();
    let (dots, commas) = (mark('.'), mark(','));
    let grouped = |text: &str, mark: char| {
        let mut groups = text.split(mark);
        groups.next().is_some_and(|first| (1..=3).contains(&first.len()))
            && groups.all(|group| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()))
    };
    match (dots, commas) {
        (0, 0) => Some((written, "")),
        (0, _) => grouped(written, ',').then_some((written, "")),
        (1, 0) => {
            let (whole, decimals) = written.split_once('.')?;
            let ambiguous = decimals.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0');
            (!ambiguous).then_some((whole, decimals))
        }
        (_, 0) => grouped(written, '.').then_some((written, "")),
        (1, _) if written.rfind('.') > written.rfind(',') => {
            let (whole, decimals) = written.split_once('.')?;
            grouped(whole, ',').then_some((whole, decimals))
        }
        (_, 1) if written.rfind(',') > written.rfind('.') => {
            let (whole, decimals) = written.split_once(',')?;
            grouped(whole, '.').then_some((whole, decimals))
        }
        _ => None,
    }
}

/// Reads `½` and `1½`.
fn vulgar(text: &str) -> Option<(Figure, &str)> {
    let whole = text.bytes().take_while(u8::is_ascii_digit).count();
    let mark = text[whole..].chars().next()?;
    let hundredths = match mark {
        '½' => 50,
        '¼' => 25,
        '¾' => 75,
        _ => return None,
    };
    let units: u128 = if whole == 0 { 0 } else { text[..whole].parse().ok()? };
    let figure = Figure { negative: false, digits: units.checked_mul(100)? + hundredths, exponent: -2 };
    Some((figure, &text[whole + mark.len_utf8()..]))
}

/// Reads `1/2`, `1/4` and `3/4`; other fractions stay as they are written.
fn fraction(above: &str, below: &str) -> Option<Figure> {
    let hundredths = match (above, below) {
        ("1", "2") => 50,
        ("1", "4") => 25,
        ("3", "4") => 75,
        _ => return None,
    };
    Some(Figure { negative: false, digits: hundredths, exponent: -2 })
}

/// Reads number words: `two hundred and fifty`, `twenty-one`, `a dozen`.
fn words(tokens: &[Token<'_>], norm: &str) -> Option<(u128, usize)> {
    let (mut total, mut current) = (0_u128, spelled(norm)?);
    let mut width = 1;
    while let Some(next) = tokens.get(width) {
        if !next.before.trim().is_empty() {
            break;
        }
        let and = usize::from(next.norm == "and" && current >= 100);
        let word = tokens.get(width + and).map_or("", |t| &*t.norm);
        let step = and + 1;
        match (word, spelled(word)) {
            ("hundred", _) if and == 0 && (1..100).contains(&current) => current *= 100,
            ("thousand", _) if and == 0 => {
                total += current * 1_000;
                current = 0;
            }
            (_, Some(more @ 1..=9)) if current >= 20 && current.is_multiple_of(10) => current += more,
            (_, Some(more @ 10..=99)) if current >= 100 && current.is_multiple_of(100) => current += more,
            _ => break,
        }
        width += step;
    }
    Some((total + current, width))
}

/// Reads one number word, as `twenty` or `twenty-one`.
fn spelled(norm: &str) -> Option<u128> {
    if let Some((tens, ones)) = norm.split_once('-') {
        let (tens, ones) = (spelled(tens)?, spelled(ones)?);
        return (tens >= 20 && tens.is_multiple_of(10) && tens < 100 && (1..10).contains(&ones))
            .then_some(tens + ones);
    }
    Some(match norm {
        "zero" => 0,
        "one" => 1,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        "ten" => 10,
        "eleven" => 11,
        "twelve" | "dozen" => 12,
        "thirteen" => 13,
        "fourteen" => 14,
        "fifteen" => 15,
        "sixteen" => 16,
        "seventeen" => 17,
        "eighteen" => 18,
        "nineteen" => 19,
        "twenty" => 20,
        "thirty" => 30,
        "forty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "seventy" => 70,
        "eighty" => 80,
        "ninety" => 90,
        "hundred" => 100,
        "thousand" => 1_000,
        "million" => 1_000_000,
        "billion" => 1_000_000_000,
        _ => return None,
    })
}

fn unspaced_unit(norm: &str) -> Option<Scale> {
    if !norm.starts_with(script::is_unspaced) {
        return None;
    }
    UNSPACED_UNITS.iter().find(|(mark, _)| norm.starts_with(mark)).map(|&(_, scale)| scale)
}

/// Returns the unit of time a rate is per: `per second`, `/s`.
pub(super) fn per(norm: &str) -> Option<&'static str> {
    Some(match norm {
        "s" | "sec" | "second" => "per s",
        "min" | "minute" => "per min",
        "h" | "hr" | "hour" => "per h",
        "d" | "day" => "per d",
        "week" | "wk" => "per week",
        "month" | "mo" => "per month",
        "year" | "yr" => "per year",
        _ => return None,
    })
}
