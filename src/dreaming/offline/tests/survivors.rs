//! Which of several memories keeps what they share, and what no other memory says.

use super::*;

const FACTS: [&str; 6] = [
    "The disk of the old build server in Graz is full at 80 GB.",
    "Backups run at 02:00.",
    "Port: 8080",
    "Owner: Ada",
    "The certificate is renewed by hand.",
    "Logs are kept for 14 days.",
];

fn list(facts: &[&str]) -> String {
    let lines: Vec<String> = facts.iter().map(|fact| format!("- {fact}\n")).collect();
    format!("# Server\n\n{}", lines.concat())
}

/// Returns each memory of a store with its list.
fn lists(made: &Consolidated) -> Vec<(&str, Vec<&str>)> {
    made.store
        .iter()
        .map(|m| (m.path.as_str(), m.content.lines().filter_map(|l| l.strip_prefix("- ")).collect()))
        .collect()
}

#[test]
fn versions_of_a_document_stand_side_by_side() {
    let v1 = "# Limits\n\n- Rate limit: 60 per minute\n- Page size: 100\n- Requests are counted per key and day.\n\
              - Uploads end after 30 minutes.\n- Errors carry a code.\n";
    let v2 = "# Limits\n\n- Rate limit: 600 per minute\n- Page size: 100\n- Requests are counted per key and day.\n\
              - Streams end after an hour.\n- Errors carry a code.\n";
    for (old, new) in [("v1", "v2"), ("1.2.0", "1.10.0")] {
        let (old, new) = (format!("/api/{old}/limits.md"), format!("/api/{new}/limits.md"));
        let made = dream(&store(&[(&old, v1, 0), (&new, v2, 900)]), &[]);
        assert_eq!(made.changes, [], "{old} {new}");
    }
}

#[test]
fn what_a_later_edition_leaves_out_stays() {
    let input =
        store(&[("/2026-01/server.md", &list(&FACTS), 0), ("/2026-02/server.md", &list(&FACTS[..3]), 0)]);
    let made = dream(&input, &[]);
    assert_eq!(
        lists(&made),
        [("/2026-01/server.md", FACTS[3..].to_vec()), ("/2026-02/server.md", FACTS[..3].to_vec())]
    );
}

#[test]
fn a_later_edition_takes_over_what_it_says_again_or_anew() {
    let mut later = FACTS;
    later[2] = "Port: 9090";
    later[5] = "The rack was moved to the second floor.";
    let input = store(&[("/2026-01/server.md", &list(&FACTS), 0), ("/2026-02/server.md", &list(&later), 0)]);
    let made = dream(&input, &[]);
    assert_eq!(
        lists(&made),
        [("/2026-01/server.md", vec![FACTS[5]]), ("/2026-02/server.md", later.to_vec())]
    );
    for replaced in made.changes.iter().filter(|c| c.kind == ChangeKind::Superseded) {
        assert_eq!(replaced.statement.as_deref(), Some("Port: 9090"));
        assert_eq!(replaced.replaced.len(), 1);
        assert_eq!(replaced.replaced[0].statement, "Port: 8080");
    }
}

#[test]
fn a_copy_gives_way_to_its_original() {
    let sentences = [
        "The disk of the old build server in Graz is full at 80 GB.",
        "Spare parts for the label printer come from the depot in Linz.",
        "The night shift counts the returned boxes before the trucks arrive.",
        "Damaged pallets are photographed and reported within two working days.",
    ];
    for (original, copy) in [
        ("/parts.md", "/parts-old.md"),
        ("/bookings.md", "/bookings-reminders.md"),
        ("/x.md", "/x-copy.md"),
        ("/x.md", "/x-2.md"),
        ("/z.md", "/archive/a.md"),
    ] {
        // Whatever their clocks say, and however many statements they share.
        for (day, copy_day) in [(0, 0), (0, 5), (5, 0)] {
            for shared in [1, 4] {
                let facts =
                    [&sentences[..shared], &["The copy says one thing more, about the roof."]].concat();
                let input =
                    store(&[(original, &list(&sentences[..shared]), day), (copy, &list(&facts), copy_day)]);
                let made = dream(&input, &[]);
                let kept = made.store.get(&MemoryPath::parse(original).unwrap());
                let kept = kept.map_or(0, |m| m.content.lines().filter(|l| l.starts_with("- ")).count());
                assert_eq!(kept, shared, "{original} {copy} {day} {copy_day} {shared}\n{}", shown(&made));
                assert_eq!(
                    made.store.iter().map(|m| m.content.matches("- ").count()).sum::<usize>(),
                    shared + 1
                );
            }
        }
    }
}

#[test]
fn a_stated_day_outweighs_a_name() {
    let input = store(&[
        (
            "/plan.md",
            "---\ndate: 2026-01-01\n---\n\n- The launch of the new booking page is planned for the second week of May.\n",
            0,
        ),
        (
            "/plan-old.md",
            "---\ndate: 2026-03-01\n---\n\n- The launch of the new booking page is planned for the second week of May.\n",
            0,
        ),
    ]);
    let made = dream(&input, &[]);
    let text = shown(&made);
    assert!(text.contains("Merged /plan-old.md"), "{text}");
}
