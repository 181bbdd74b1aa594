//! Pairs: one statement before, one after, and what became of it.

use super::*;

/// Judges one statement against what stands instead, beside neighbours that stay.
fn fate(before: &str, after: &str) -> Fate {
    let write = |text: &str| {
        format!(
            "# Notes\n\n- Lunch is at one in the blue kitchen.\n{text}\n- The office plants get water on Mondays.\n"
        )
    };
    let (before, after) = (store(&[("/notes.md", &write(before))]), store(&[("/notes.md", &write(after))]));
    let ledger = judged(&before, &after);
    let worst = ledger.fates.iter().map(|judged| judged.fate).max();
    worst.unwrap_or(Fate::Kept)
}

/// Returns the rows whose fate is none of those allowed.
fn wrong(rows: &[(&str, &str)], allowed: &[Fate]) -> Vec<String> {
    rows.iter()
        .filter_map(|&(before, after)| {
            let fate = fate(&format!("- {before}"), &format!("- {}", after.replace('\n', "\n- ")));
            (!allowed.contains(&fate)).then(|| format!("{fate}: {before} / {after}"))
        })
        .collect()
}

#[test]
fn a_faithful_paraphrase_is_carried_on() {
    let rows = [
        ("Use `ripgrep` to search the repository", "Search the repository using `ripgrep`"),
        ("The API rate limit is 100 requests per minute", "API rate limit: 100 requests/minute"),
        ("Deploys happen on Fridays at 14:30", "We deploy on Fridays at 14:30"),
        ("Do not push to main", "Don't push to main"),
        ("Never push directly to main", "Do not push directly to main"),
        ("The user prefers dark mode in the editor", "Prefers dark mode in the editor"),
        ("Ann manages the Berlin office", "The Berlin office is managed by Ann"),
        ("Please utilise tabs for indentation", "Use tabs for indentation"),
        ("On Fridays, run the linter before every commit", "Run the linter before every commit on Fridays"),
        ("The timeout is 30 seconds", "The timeout is 30s"),
        ("Backups are kept for two weeks", "Backups are kept for 2 weeks"),
        ("The release was on March 5, 2024", "The release was on 2024-03-05"),
        ("Tests should be run using `cargo nextest`", "Tests should be run with `cargo nextest`"),
        ("It's important to note that the cache is disabled in staging", "The cache is disabled in staging"),
        ("Ann, Bob and Carol review the billing code", "Carol, Ann and Bob review the billing code"),
        ("Migrate the tables from MySQL to Postgres", "Migrate the tables to Postgres from MySQL"),
        ("The favourite colour of the user is purple", "The user's favorite color is purple"),
        ("All tests must pass before merging", "Before merging, all tests must pass"),
        ("The cache is disabled in staging", "The cache is not enabled in staging"),
        ("Set `max_retries` to 1,000", "`max_retries` is set to 1000"),
        ("Ann's dog is called Rex", "Ann has a dog called Rex"),
        ("Les sauvegardes ne sont pas chiffrées", "Les sauvegardes ne sont **pas** chiffrées !"),
        ("Die Sicherung läuft jede Nacht um 3 Uhr", "Die Sicherung läuft um 3 Uhr jede Nacht"),
        ("Резервные копии хранятся 30 дней", "Резервные копии хранятся 30 дней."),
        ("部署在周五进行", "在周五进行部署"),
        ("Réunion d'équipe le mardi à 10:00", "Le mardi à 10:00 : réunion d'équipe"),
        ("The build takes 12 minutes on CI", "On CI, the build takes 12 min"),
        ("Run the tests prior to each commit", "Run the tests prior to every commit"),
        ("See https://example.com/docs for the API reference", "API reference: see https://example.com/docs"),
        (
            "The worker retries failed jobs 5 times before it gives up",
            "Failed jobs are retried 5 times by the worker before it gives up",
        ),
    ];
    assert_eq!(wrong(&rows, &[Fate::Kept, Fate::Reworded, Fate::Merged]), [""; 0]);
}

#[test]
fn what_says_something_else_is_lost() {
    let rows = [
        ("The retry limit is 3", "The retry limit is 4"),
        ("The timeout is 30 s", "The timeout is 30 min"),
        ("Ann reports to Bob", "Bob reports to Ann"),
        ("Ann manages Bob", "Ann is managed by Bob"),
        ("Ann's favourite colour is purple", "Ann's favourite colour is cyan"),
        ("Ann's favourite colour is purple", "Bob's favourite colour is purple"),
        ("Always rebase before review", "Never rebase before review"),
        ("Enable the cache for production", "Disable the cache for production"),
        ("The cache is enabled in production", "The cache is not enabled in production"),
        ("Do not push to main", "Push to main"),
        ("Run the tests before the deploy", "Run the tests after the deploy"),
        ("Keep at least 5 backups", "Keep at most 5 backups"),
        ("Needs Python >= 3.10", "Needs Python < 3.10"),
        ("Migrate from MySQL to Postgres", "Migrate from Postgres to MySQL"),
        ("Use tabs, not spaces", "Use spaces, not tabs"),
        ("The dog chased the cat around the garden", "The cat chased the dog around the garden"),
        ("The minimum is 3 and the maximum is 10", "The minimum is 10 and the maximum is 3"),
        ("Call the billing team about invoices over 500 EUR", "Call the billing team about invoices"),
        ("Set `max_retries` for the worker pool", "Set `min_retries` for the worker pool"),
        ("Only admins can deploy", "Admins can deploy"),
        ("Clients must authenticate with a token", "Clients may authenticate with a token"),
        ("All tests must pass before merging", "Some tests must pass before merging"),
        ("Deploy the api service with `make ship`", "Deploy the api service with `make push`"),
        ("The config is in ./conf/app.toml", "The config is in ./conf/web.toml"),
        ("Uses version v1.2.3 of the library", "Uses version v1.2.4 of the library"),
        ("Stand-up is at 9:30", "Stand-up is at 9:45"),
        ("Bob lives in Berlin and works at Acme", "Bob lives in Berlin"),
        ("The user is allergic to peanuts and shellfish", "The user is allergic to peanuts"),
        ("Backups run nightly and are kept for 30 days in eu-west-1", "Backups run nightly"),
        ("Dashboards are public", "Dashboards are private"),
        ("Ann likes tea", "Ann likes coffee and Bob tea"),
        ("The primary database is Postgres", "The primary database is MySQL"),
        ("Die Sicherung läuft jede Nacht um 3 Uhr", "Die Sicherung läuft jede Nacht um 4 Uhr"),
        ("Die Sicherung ist verschlüsselt", "Die Sicherung ist nicht verschlüsselt"),
        ("Les sauvegardes sont chiffrées", "Les sauvegardes ne sont pas chiffrées"),
        ("部署在周五进行", "部署在周六进行"),
        ("周五可以部署", "周五不可以部署"),
        ("Резервные копии хранятся 30 дней", "Резервные копии хранятся 60 дней"),
        ("Не отправляйте код в main", "Отправляйте код в main"),
        ("バックアップは毎晩実行する", "バックアップは毎朝実行する"),
        ("Ask Ann about invoices", "Ask Bob about invoices"),
        ("The staging host is stage.example.com", "The staging host is prod.example.com"),
        (
            "Escalate to the on-call engineer within 15 minutes",
            "Escalate to the on-call engineer within 50 minutes",
        ),
        ("Restart the worker, then drain the queue", "Drain the queue, then restart the worker"),
        ("Likes tea in the morning", "Dislikes tea in the morning"),
        (
            "Push every release of the booking service to master before the train leaves",
            "Push every release of the booking service to main before the train leaves",
        ),
        ("Turn on the feature flag for beta users", "Turn off the feature flag for beta users"),
    ];
    assert_eq!(wrong(&rows, &[Fate::Lost]), [""; 0]);
}

#[test]
fn an_exception_that_comes_or_goes_is_a_loss() {
    let plain = "Deploys of the billing service run on Fridays";
    for exception in [
        ", except hotfixes",
        " (except for hotfixes)",
        " — except hotfixes",
        " unless there is an incident",
        ", apart from hotfixes",
        ", other than hotfixes",
        " but not from forks",
        " with the exception of hotfixes",
        "; except hotfixes",
        ". Except hotfixes.",
        " only",
        ", außer bei Störungen",
        ", sauf les correctifs",
        ", excepto los parches",
    ] {
        let narrowed = format!("{plain}{exception}");
        let rows = [(plain, narrowed.as_str()), (narrowed.as_str(), plain)];
        assert_eq!(wrong(&rows, &[Fate::Lost]), [""; 0]);
        assert_eq!(wrong(&[(&narrowed, &narrowed)], &[Fate::Kept]), [""; 0]);
    }
    let rows = [
        ("Apart from Ann, all admins can deploy", "All admins can deploy"),
        ("All admins can deploy", "All but two admins can deploy"),
        ("每个周五进行部署", "除了周五进行部署"),
    ];
    assert_eq!(wrong(&rows, &[Fate::Lost]), [""; 0]);
    let rows = [
        ("Deploys run on Fridays, except hotfixes", "Except for hotfixes, deploys run on Fridays"),
        ("Use tabs for code, but not in YAML", "Use tabs for code, but not in YAML."),
        (plain, "Deploys of the billing service run on Fridays. Except for admins, nobody opens the vault."),
        ("Covers formats such as CSV", "Covers formats such as CSV, including but not limited to exports"),
    ];
    assert_eq!(wrong(&rows, &[Fate::Kept, Fate::Reworded, Fate::Merged]), [""; 0]);
}

#[test]
fn and_is_not_or_and_some_are_not_all() {
    let rows = [
        ("Ann and Bob approve each release", "Ann or Bob approve each release"),
        ("Ann or Bob approves each release", "Bob and Ann approve each release"),
        ("Run `fmt`, `clippy` and `nextest`", "Run `nextest`, `fmt` or `clippy`"),
        ("Ann & Bob approve each release", "Ann or Bob approve each release"),
        ("Anna und Bernd geben frei", "Anna oder Bernd geben frei"),
        ("All tests of each module must pass", "Some tests of each module must pass"),
        ("Most customers of the region pay by card", "All customers of the region pay by card"),
        ("Both replicas of the database are backed up", "Either replica of the database is backed up"),
        ("All of the jobs restart on failure", "One of the jobs restarts on failure"),
        ("Many customers ask for exports", "Few customers ask for exports"),
        ("Customers ask for exports by mail", "Few customers ask for exports by mail"),
        ("None of the servers run Windows", "All of the servers run Windows"),
        ("Always squash commits of each branch", "Sometimes squash commits of each branch"),
        ("Do not restart any of the workers", "Do not restart all of the workers"),
    ];
    assert_eq!(wrong(&rows, &[Fate::Lost]), [""; 0]);
    let rows = [
        ("Ann and Bob approve each release", "Each release is approved by Bob and Ann"),
        ("Do not commit keys or passwords", "Do not commit keys and passwords"),
        (
            "Run the linter and the tests before every commit",
            "Before each commit, run the linter and the tests",
        ),
        ("Use either tabs or spaces", "Use tabs or spaces"),
        ("Any admin can read the logs", "All admins can read the logs"),
        ("Ann likes tea and lives in Berlin or Rome", "Ann lives in Berlin or Rome and likes tea"),
    ];
    assert_eq!(wrong(&rows, &[Fate::Kept, Fate::Reworded, Fate::Merged]), [""; 0]);
}

#[test]
fn several_may_carry_one_on() {
    let rows = [
        ("Ann likes tea and lives in Berlin", "Ann likes tea\nAnn lives in Berlin"),
        (
            "The API listens on port 8080 and logs to /var/log/api",
            "The API listens on port 8080\nThe API logs to /var/log/api",
        ),
    ];
    assert_eq!(wrong(&rows, &[Fate::Merged]), [""; 0]);
    let joined = fate("- Ann likes tea\n- Bob likes coffee", "- Ann likes tea and Bob likes coffee");
    assert_eq!(joined, Fate::Merged);
    let swapped = fate("- Ann likes tea\n- Bob likes coffee", "- Ann likes coffee and Bob likes tea");
    assert_eq!(swapped, Fate::Lost);
    let swapped = fate("- Ann likes tea and Bob likes coffee", "- Ann likes coffee\n- Bob likes tea");
    assert_eq!(swapped, Fate::Lost);
    let values =
        fate("- Alpha port is 8080\n- Beta port is 9090", "- Alpha port is 9090\n- Beta port is 8080");
    assert_eq!(values, Fate::Lost);
    assert_eq!(fate("- Likes tea\n- Likes tea", "- Likes tea"), Fate::Merged);
}

#[test]
fn what_a_statement_stands_under_is_part_of_it() {
    let people =
        "# People\n\n## Ann\n\n- likes tea\n- lives in Rome\n\n## Bob\n\n- likes coffee\n- lives in Oslo\n";
    let swapped =
        "# People\n\n## Ann\n\n- likes coffee\n- lives in Rome\n\n## Bob\n\n- likes tea\n- lives in Oslo\n";
    let (before, after) = (store(&[("/p.md", people)]), store(&[("/p.md", swapped)]));
    assert_eq!(judged(&before, &after).counts.lost, 2);
    for (from, to, lost) in [
        ("## Ann\n\n- likes tea\n", "## Bob\n\n- likes tea\n", 1),
        ("## Deploy\n\n- run the linter first\n", "## Deployment\n\n- run the linter first\n", 0),
        ("## Ann\n\n- likes tea\n", "## Team\n\n### Ann\n\n- likes tea\n", 0),
        ("## Ann\n\n- likes tea\n", "- Ann likes tea\n", 0),
        ("- Ann likes tea\n", "## Ann\n\n- likes tea\n", 0),
        ("Always:\n\n- push to main\n", "Never:\n\n- push to main\n", 2),
        ("## Do\n\n- push to main\n", "## Do not\n\n- push to main\n", 1),
        (
            "## Misc\n\n- Use tabs for the indentation of code\n\n## Style\n\n- Lines end at 100 columns\n",
            "## Style\n\n- Lines end at 100 columns\n- Use tabs for the indentation of code\n",
            0,
        ),
        (
            "## Upload\n\n- timeout: 30 s\n\n## Download\n\n- retries: 3\n",
            "## Upload\n\n- retries: 3\n\n## Download\n\n- timeout: 30 s\n",
            2,
        ),
        (
            "## 2026-01-05\n\n- Chose Postgres for billing\n",
            "## Decisions\n\n- Chose Postgres for billing\n",
            0,
        ),
    ] {
        let (before, after) = (store(&[("/n.md", from)]), store(&[("/n.md", to)]));
        assert_eq!(judged(&before, &after).counts.lost, lost, "{from} / {to}");
    }
    let before = store(&[("/people/ann.md", "- Drink: tea\n"), ("/people/bob.md", "- Drink: coffee\n")]);
    let after = store(&[("/people/ann.md", "- Drink: coffee\n"), ("/people/bob.md", "- Drink: tea\n")]);
    assert_eq!(judged(&before, &after).counts.lost, 2);
}
