//! What is equal however it is written, and what differs when it differs.

use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> String {
    let all: Vec<String> = specifics(text).iter().map(|s| format!("{:?}:{}", s.kind, s.value)).collect();
    all.join(" ")
}

/// Checks that what stands in one group is equal, and that what stands in two is not.
fn all_equal(groups: &[&[&str]]) {
    let mut wrong = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let first = shown(group[0]);
        for other in &group[1..] {
            if shown(other) != first || first.is_empty() {
                wrong.push(format!("{:?} gives {first}, {other:?} gives {}", group[0], shown(other)));
            }
        }
        for other in groups[at + 1..].iter().filter(|other| shown(other[0]) == first) {
            wrong.push(format!("{:?} and {:?} give {first}", group[0], other[0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Checks what each text gives.
fn each_gives(rows: &[(&str, &str)], give: impl Fn(&str) -> String) {
    let wrong: Vec<String> = rows
        .iter()
        .filter(|(text, wanted)| give(text) != *wanted)
        .map(|(text, wanted)| format!("{text:?} gives {:?}, not {wanted:?}", give(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_paraphrase_must_keep_these() {
    let text = "On March 5, 2024 Ann set `max_retries` to 1,000 ms (was 30 seconds) in ./conf/app.toml, \
                never above v2.1.0; see https://x.org/a, ask ann@x.org about \"Blue Door\".";
    insta::assert_snapshot!(shown(text).replace(' ', "\n").replace("blue\ndoor", "blue door"), @r"
    Number:1s
    Number:30s
    Date:2024-03-05
    Version:2.1.0
    Identifier:max_retries
    Path:./conf/app.toml
    Url:https://x.org/a
    Email:ann@x.org
    Quote:blue door
    Name:ann
    Name:blue door
    Polarity:above
    Polarity:not
    ");
}

#[test]
fn a_figure_is_the_same_however_written() {
    all_equal(&[
        &[
            "1,000",
            "1000",
            "1\u{2009}000",
            "1\u{202f}000",
            "1'000",
            "1_000",
            "1k",
            "1K",
            "1e3",
            "a thousand",
            "one thousand",
            "1000.0",
            "１０００",
            "١٠٠٠",
        ],
        &["1.000"],
        &["1.000,5", "1,000.5", "1000.5", "1000.50", "1\u{a0}000.5"],
        &["1.000.000", "1,000,000", "1e6", "1 million", "one million", "1M users", "1.0e+6"],
        &["0.5", ".5", "1/2", "½", "half", "5e-1"],
        &["0.25", "1/4", "¼"],
        &["1.5", "1½", "1.50"],
        &["2/3"],
        &["3.5 million", "3,500,000", "3.5M entries"],
        &["-5", "−5"],
        &["21", "twenty-one", "twenty one"],
        &["250", "two hundred and fifty", "two hundred fifty"],
        &["12", "twelve", "a dozen"],
        &["3–5", "3-5", "3 – 5", "3 to 5", "between 3 and 5"],
        &["1st", "1ST"],
        &["2nd", "second"],
        &["3rd", "third"],
        &["100", "a hundred", "one hundred"],
        &["115", "one hundred and fifteen"],
    ]);
}

#[test]
fn a_quantity_is_the_same_in_any_of_its_units() {
    all_equal(&[
        &[
            "30 s",
            "30s",
            "30 sec",
            "30 secs",
            "30 seconds",
            "30-second",
            "thirty seconds",
            "half a minute",
            "30,000 ms",
            "30 Sekunden",
            "30秒",
        ],
        &["30 min", "30 minutes", "30min", "half an hour", "30-minute", "30分钟", "0.5 h"],
        &["2 days", "two days", "2 d", "2d", "48 hours", "48h", "2-day", "2 Tage", "2 jours", "2天", "2일"],
        &["2 weeks", "two weeks", "14 days"],
        &["5m", "5 m"],
        &["5 meters", "5 metres", "500 cm", "0.005 km"],
        &["3 months", "three months", "3-month", "3 Monate"],
        &["1 year", "12 months", "one year", "1 yr"],
        &["10 MB", "10MB", "10,000 kB", "10 megabytes", "10 mb"],
        &["10 MiB", "10240 KiB"],
        &["5%", "5 %", "5 percent", "5 per cent", "five percent", "5 pct"],
        &["5 kg", "5000 g", "5kg", "five kilograms"],
        &["20°C", "20 °C", "20 degrees Celsius", "20 degrees C", "20℃"],
        &["20°F", "20 degrees Fahrenheit"],
        &["3 km", "3000 meters", "3km", "3,000 metres"],
        &["3,5 km", "3.5 km", "3500 meters"],
        &["2.4 GHz", "2400 MHz"],
        &["$5", "5 USD", "USD 5", "5 dollars", "US$5", "five dollars", "$5.00"],
        &["€5", "5 €", "5 EUR", "5 euros", "EUR 5", "5€"],
        &["$2 million", "$2M", "2 million dollars", "$2,000,000"],
        &["£5", "5 GBP"],
        &["3–5 days", "3-5 days", "3 to 5 days", "between 3 and 5 days", "3 days to 5 days", "3-5d"],
        &["10–20%", "10% to 20%", "10-20 percent", "between 10 and 20 percent"],
        &["100 per second", "100 per sec"],
        &["100 per minute"],
        &["16 px", "16px", "16 pixels"],
        &["3x", "3×", "3 times"],
        &[">= 5", "≥5", "≥ 5", ">=5", "at least 5", "5+", "5 or more", "no less than 5"],
        &["<= 5", "≤5", "at most 5", "up to 5", "no more than 5", "5 or fewer"],
        &["> 5", ">5", "more than 5"],
        &["< 5", "<5", "less than 5", "fewer than 5"],
        &["at least 5 s", "≥ 5 seconds"],
    ]);
}

#[test]
fn a_day_or_time_is_the_same_however_written() {
    all_equal(&[
        &[
            "2026-03-01",
            "2026/03/01",
            "01.03.2026",
            "1.3.2026",
            "1 March 2026",
            "March 1, 2026",
            "March 1st, 2026",
            "1st of March 2026",
            "1st March, 2026",
            "Mar 1, 2026",
            "1. März 2026",
            "1er mars 2026",
            "1 de marzo de 2026",
            "2026年3月1日",
        ],
        &["03/01/2026"],
        &["25/12/2026", "12/25/2026", "2026-12-25", "25 December 2026"],
        &["March 2026", "2026-03", "März 2026", "2026年3月"],
        &["1 March", "March 1", "March 1st", "the 1st of March", "3月1日"],
        &["14:30", "2:30 pm", "2:30pm", "2:30 p.m.", "14h30", "14:30:00"],
        &["2 pm", "2pm", "2 p.m.", "14:00"],
        &["2 am", "02:00", "2:00"],
        &["12 pm", "noon", "12:00"],
        &["12 am", "midnight", "00:00"],
        &["14:30 UTC", "14:30Z", "14:30 GMT", "2:30 pm UTC"],
        &["14:30 CET"],
        &["14:30 +02:00", "14:30 UTC+2"],
        &["2026-03-01T14:30:00Z", "2026-03-01T14:30Z"],
        &["Monday", "on Mondays", "monday", "Mon"],
        &["every Friday", "Fridays", "on Fri", "Freitag"],
        &["Q3 2026", "Q3/2026", "2026-Q3", "2026Q3"],
        &["Q3"],
        &["2026-W05"],
    ]);
    for none in ["tomorrow", "yesterday", "next time", "soon", "may be", "recently"] {
        assert!(!specifics(none).iter().any(|s| s.kind == Kind::Date), "{none}");
    }
}

#[test]
fn versions_identifiers_and_places_are_told_apart() {
    let rows = [
        ("v1.2", "Version:1.2"),
        ("version 1.2", "Version:1.2"),
        ("1.2.3-rc.1", "Version:1.2.3-rc.1"),
        ("v20", "Version:20"),
        ("use snake_case here", "Identifier:snake_case"),
        ("a camelCase word", "Identifier:camelcase"),
        ("set MAX_SIZE now", "Identifier:max_size"),
        ("fix #123 first", "Identifier:#123 Polarity:first"),
        ("fix ABC-123", "Identifier:abc-123"),
        ("at a1b2c3d4e5", "Identifier:a1b2c3d4e5"),
        ("at 9f8e7d6c", "Identifier:9f8e7d6c"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "Identifier:123e4567-e89b-12d3-a456-426614174000"),
        ("at 10.0.0.1", "Identifier:10.0.0.1"),
        ("at 10.0.0.1:8080", "Identifier:10.0.0.1:8080"),
        ("in 10.0.0.0/24", "Identifier:10.0.0.0/24"),
        ("set $HOME", "Identifier:$home"),
        ("run `make`", "Code:make"),
        ("see src/text/mod.rs", "Path:src/text/mod.rs"),
        ("see `**/*.rs`", "Path:**/*.rs"),
        ("in C:\\Users\\ann", "Path:c:\\users\\ann"),
        ("in ~/notes", "Path:~/notes"),
        ("at https://x.org/", "Url:https://x.org"),
        ("mail a@b.org", "Email:a@b.org"),
        ("he said “two words”", "Number:2 Quote:two words"),
        ("他说「你好世界」", "Quote:你好世界 Name:好世界"),
        ("a 3D model", "Number:3d"),
    ];
    each_gives(&rows, shown);
}

#[test]
fn names_are_found_at_the_beginning_too() {
    let names = |text: &str| {
        let found = specifics(text);
        let names = found.into_iter().filter(|s| s.kind == Kind::Name).map(|s| s.value);
        names.collect::<Vec<_>>().join(", ")
    };
    let rows = [
        ("Ann likes tea.", "ann"),
        ("Ann's desk is near Bob's.", "ann, bob"),
        ("Kubernetes runs it.", "kubernetes"),
        ("Deploy it with Docker.", "docker"),
        ("Deployments take an hour.", ""),
        ("Always use tabs. Never use spaces.", ""),
        ("Mark likes tea.", "mark"),
        ("Mark the file as read.", ""),
        ("Will is the owner.", "will"),
        ("Ask Maria del Carmen about New York.", "maria del carmen, york"),
        ("Dr. Ann Smith and Bob Jones met.", "ann smith, bob jones"),
        ("Owner: Ann", "ann"),
        ("**Bob** prefers coffee", "bob"),
        ("It rains. Carol left.", "carol"),
        ("Running tests is slow", ""),
        ("Configuration lives here", ""),
        ("Анна любит чай", "анна"),
        ("Чай любит Анна, но не Борис", "анна, борис, чай"),
        ("Η Μαρία ζει στην Αθήνα", "αθήνα, μαρία"),
        ("小明喜欢茶", "小明"),
        ("田中さんはコーヒーが好き", "コーヒー, 田中"),
        ("김철수는 커피를 좋아한다", "김철수, 좋아한다, 커피"),
        ("أحمد يحب الشاي", "أحمد, الشاي, يحب"),
        ("राम को चाय पसंद है", "चाय, पसंद, राम"),
    ];
    each_gives(&rows, names);
    assert_ne!(names("Ann likes tea. Bob likes coffee."), names("Ann likes tea. Carl likes coffee."));
}

#[test]
fn a_negation_is_seen_in_many_languages() {
    for (plain, negated) in [
        ("Use tabs", "Do not use tabs"),
        ("Use tabs", "Don't use tabs"),
        ("Use tabs", "Never use tabs"),
        ("Use tabs", "Avoid tabs"),
        ("It works", "It cannot work"),
        ("with sugar", "without sugar"),
        ("she may deploy", "nobody may deploy"),
        ("wir nutzen tabs", "wir nutzen keine tabs"),
        ("das ist gut", "das ist nicht gut"),
        ("il faut le faire", "il ne faut pas le faire"),
        ("usar esto", "nunca usar esto"),
        ("questo va bene", "questo non va bene"),
        ("isso funciona", "isso não funciona"),
        ("使いたい", "使いたくない"),
        ("我喜欢茶", "我不喜欢茶"),
        ("он любит чай", "он не любит чай"),
        ("هو يحب", "هو لا يحب"),
        ("यह अच्छा है", "यह अच्छा नहीं है"),
    ] {
        let has = |text: &str| specifics(text).iter().any(|s| s.kind == Kind::Polarity && s.value == "not");
        assert!(!has(plain), "{plain}");
        assert!(has(negated), "{negated}");
    }
    assert_eq!(shown("Don't push"), shown("Never push"));
    assert_ne!(shown("Enable it"), shown("Disable it"));
    assert_ne!(shown("Only on demand"), shown("On demand"));
    assert!(shown("没有非常大").contains("Polarity"));
    assert!(!shown("非常大").contains("Polarity"));
}

#[test]
fn what_tokens_spell_stands_in_order_and_apart() {
    for text in [
        "on 5 March 2024 at least 3 to 5 days",
        "USD 5 per second, 1\u{a0}000 ms",
        "half an hour, twenty one",
    ] {
        let tokens = tokens(text);
        let mut from = 0;
        for found in spelled(&tokens) {
            assert!(found.tokens.start >= from && found.tokens.end > found.tokens.start);
            from = found.tokens.end;
        }
        assert!(from <= tokens.len());
    }
}

#[test]
fn hostile_texts_are_read_in_linear_time() {
    for text in [
        "\"".repeat(100_000),
        "1,".repeat(50_000),
        "March 1 ".repeat(20_000),
        "a@".repeat(50_000),
        "1 to ".repeat(50_000),
        "no more than ".repeat(30_000),
        "hundred and ".repeat(30_000),
        "9".repeat(100_000),
        "1\u{a0}".repeat(50_000),
        "$ ".repeat(50_000),
        "Ann of ".repeat(30_000),
        "不".repeat(50_000),
        "1/".repeat(50_000),
        "-".repeat(100_000),
        "1-".repeat(50_000),
    ] {
        let _ = specifics(&text);
    }
}

proptest! {
    #[test]
    fn any_text_has_specifics_without_a_fault(text in "\\PC{0,60}") {
        let _ = specifics(&text);
    }

    #[test]
    fn thousands_marks_never_matter(n in 1_000_u64..=999_999_999) {
        let plain = n.to_string();
        let mut grouped = String::new();
        for (at, digit) in plain.chars().enumerate() {
            if at > 0 && (plain.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        prop_assert_eq!(shown(&plain), shown(&grouped));
        prop_assert_ne!(shown(&plain), shown(&(n + 1).to_string()));
    }

    #[test]
    fn figures_that_differ_are_told_apart(a in 0_u32..100_000, b in 0_u32..100_000, unit in "( s| min| days|%| MB| kg|)") {
        prop_assume!(a != b);
        prop_assert_ne!(shown(&format!("takes {a}{unit}")), shown(&format!("takes {b}{unit}")));
    }
}
