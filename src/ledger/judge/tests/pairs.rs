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
        ("Coverage must stay above 85 %.", "Coverage must stay above 85%."),
        ("Weekend support costs EUR 180 an hour", "Weekend support costs €180 per hour"),
        ("Deploys go out from 10:00 to 15:00 CET", "Deploys go out 10:00–15:00 CET"),
        ("Mails about invoices expire after 30 days", "Emails about invoices expire after 30 days"),
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

/// Says of rows that each is a loss, forth and back.
fn not_lost_both_ways(rows: &[(&str, &str)]) -> Vec<String> {
    let back: Vec<(&str, &str)> = rows.iter().map(|&(before, after)| (after, before)).collect();
    [wrong(rows, &[Fate::Lost]), wrong(&back, &[Fate::Lost])].concat()
}

const CARRIED_ON: &[Fate] = &[Fate::Kept, Fate::Reworded, Fate::Merged];

#[test]
fn what_is_doubted_denied_or_over_is_not_what_is_so() {
    let rows = [
        ("The backup works", "It is a myth that the backup works"),
        ("The backup works", "Todo: check whether the backup works"),
        ("The backup works", "Check if the backup works"),
        ("The east printer works", "The east printer sometimes works"),
        ("The vendor is insolvent", "Someone claims the vendor is insolvent"),
        ("Acme acquires Initech", "Rumour: Acme acquires Initech"),
        ("Interns may deploy", "Draft proposal: interns may deploy"),
        ("Ann resigned", "Apparently Ann resigned"),
        ("The migration is complete", "The migration is almost complete"),
        ("The disk is full", "The disk is far from full"),
        ("The door locks at night", "The door is supposed to lock at night"),
        ("Ann paid the invoice", "Ann forgot to pay the invoice"),
        ("Ann works from home", "Ann pretends to work from home"),
        ("We use Redis for sessions", "Previously we used Redis for sessions"),
        ("We use Redis for sessions", "We used to use Redis for sessions"),
        ("Use Redis for sessions", "Outdated: use Redis for sessions"),
        ("Ann leads the platform team", "Ann formerly led the platform team"),
        ("彼は辞める", "彼は辞めるかもしれない"),
        ("服务器坏了", "服务器好像坏了"),
        ("任务完成", "任务差点完成"),
        ("أحمد هو المدير", "كان أحمد هو المدير"),
    ];
    assert_eq!(not_lost_both_ways(&rows), [""; 0]);
    let rows = [
        ("Apparently Ann resigned in May", "Ann reportedly resigned in May"),
        ("Previously we used Redis for sessions", "We used Redis for sessions"),
        ("We use Postgres for billing", "Formerly MySQL; we use Postgres for billing"),
        ("Send claims over 500 EUR to Ann", "Claims over 500 EUR: send to Ann"),
        ("Keep the draft of the contract in `drafts/`", "The draft of the contract is kept in `drafts/`"),
        ("Decide whether to ship by noon", "By noon, decide whether to ship"),
        ("The user mentioned that the port is 8080", "The port is 8080"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn a_condition_that_comes_or_goes_is_a_loss() {
    let rows = [
        ("Refund the order", "Refund the order when the manager agrees"),
        ("Refund the order", "When the manager agrees, refund the order"),
        ("Interns can merge pull requests", "Interns can merge pull requests provided a senior approves"),
        ("The badge opens the lab", "The badge opens the lab as long as security is present"),
        ("Send the invoice to Acme", "Send the invoice to Acme once legal has signed off"),
        ("Call the fire brigade", "Call the fire brigade in case the alarm is confirmed"),
        ("Bestellungen liefern wir sofort", "Bestellungen liefern wir sofort, wenn der Chef zustimmt"),
        ("Rembourser la commande", "Rembourser la commande si le chef accepte"),
        ("أعد المبلغ للعميل", "أعد المبلغ للعميل إذا وافق المدير"),
        ("返金する", "承認されたら返金する"),
        ("给客户退款", "经理同意后给客户退款"),
    ];
    assert_eq!(not_lost_both_ways(&rows), [""; 0]);
    let rows = [
        ("When deploying, run the linter", "Run the linter when you deploy"),
        ("Run the linter when committing", "Run the linter on commit"),
        ("Use feature flags whenever possible", "Where possible, use feature flags"),
        ("If the disk is full, call Ann", "Call Ann in case the disk is full"),
        ("On failure, retry the upload", "Retry the upload if it fails"),
        ("Call Ann after lunch when the office opens", "After lunch, when the office opens, call Ann"),
        ("The job copies the invoices", "The job copies the invoices; when it fails, Bob is paged"),
        ("The job copies the invoices", "The job copies the invoices and pages Bob when it fails"),
        ("Send the report once a week", "Once a week, send the report"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
    for (from, to) in [
        ("## Deploying\n\n- Run the linter\n", "## Releases\n\n- When deploying, run the linter\n"),
        ("## Releases\n\n- When deploying, run the linter\n", "## Deploying\n\n- Run the linter\n"),
    ] {
        let (before, after) = (store(&[("/n.md", from)]), store(&[("/n.md", to)]));
        assert_eq!(judged(&before, &after).counts.lost, 0, "{from} / {to}");
    }
}

#[test]
fn what_was_is_not_what_is_or_will_be() {
    let rows = [
        ("The API was deprecated", "The API will be deprecated"),
        ("We will migrate to Postgres", "We migrated to Postgres"),
        ("The invoice was already paid", "The invoice will be paid"),
        ("Bob still works at Globex", "Bob worked at Globex"),
        ("Ann would accept the offer", "Ann accepted the offer"),
        ("We pay the March invoices", "We paid the March invoices"),
        ("Anna ist die Leiterin", "Anna war die Leiterin"),
        ("Anne est directrice", "Anne était directrice"),
        ("Ana es la jefa", "Ana fue la jefa"),
    ];
    assert_eq!(not_lost_both_ways(&rows), [""; 0]);
    let rows = [
        ("Users will be notified by mail", "Users are notified by mail"),
        ("Logs stored in S3 are kept for 30 days", "Logs are stored in S3 and kept for 30 days"),
        ("The bug was fixed in v1.2.3", "Fixed the bug in v1.2.3"),
        ("The bug has been fixed in v1.2.3", "The bug was fixed in v1.2.3"),
        ("Ann said the port was 8080 on staging", "The port is 8080 on staging, Ann said"),
        ("Bob still works at Globex", "Bob works at Globex"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn small_words_that_bind_count_or_tie_are_no_dress() {
    let rows = [
        ("Agents must verify the caller", "Agents verify the caller"),
        ("Agents should verify the caller", "Agents verify the caller"),
        ("Commit messages must be in English", "Commit messages are in English"),
        ("Ann wants to sell the house", "Ann sells the house"),
        ("Ann sells the house", "Ann plans to sell the house"),
        ("Reply to complaints within 2 hours", "Reply to complaints after 2 hours"),
        ("Reply to complaints within 2 hours", "Reply to complaints in about 2 hours"),
        ("Use exactly 4 workers", "Use about 4 workers"),
        ("The cluster has been stable since March", "The cluster has been stable until March"),
        ("We left AWS because of the price", "We left AWS despite the price"),
        ("The limit is 5 uploads per user", "The limit is 5 uploads"),
        ("Rotate every key in the vault", "Rotate a key in the vault"),
        ("He approves her holidays", "She approves his holidays"),
        ("Zahlungen von Acme gehen an Paul", "Zahlungen für Acme gehen an Paul"),
        ("Cadeau de Marie", "Cadeau pour Marie"),
        ("Schalte die Heizung ein", "Schalte die Heizung aus"),
        ("他们都同意搬家", "他们同意搬家"),
        ("Memory use is ~4 GB", "Memory use is 4 GB"),
    ];
    assert_eq!(wrong(&rows, &[Fate::Lost]), [""; 0]);
    let rows = [
        ("Tests should be run with `cargo nextest`", "Run the tests with `cargo nextest`"),
        ("You must use tabs in the frontend", "Use tabs in the frontend"),
        ("Agents must verify the caller", "Agents are required to verify the caller"),
        ("Contractors must not access production", "Contractors are not allowed to access production"),
        ("The user wants to use dark mode", "The user uses dark mode"),
        ("Memory use is ~4 GB", "Memory use is about 4 GB"),
        ("Each worker handles about 20 jobs per minute", "Each worker handles approx. 20 jobs per minute"),
        ("The plan is to launch in June", "We plan to launch in June"),
        ("We left AWS because it was expensive", "We left AWS since it was expensive"),
        ("Every request needs a token of its own", "A request needs a token of its own"),
        ("The limit is 5 uploads per user", "The limit is 5 uploads for each user"),
        ("Keep at least 3 backups", "Keep a minimum of 3 backups"),
        ("He approves her holidays", "Her holidays are approved by him"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn every_value_of_a_list_and_every_sign_of_a_formula_counts() {
    let rows = [
        ("regions: eu, us, ap", "regions: eu, ap"),
        ("languages: en, de, it", "languages: en, de"),
        ("grades: a, b, c", "grades: b, c"),
        ("roles: admin, user", "roles: admin"),
        ("tags: one, all", "tags: all"),
        ("Allowed kind: type", "Allowed kind:"),
        ("Ship to us-east, us, and eu", "Ship to us-east and eu"),
        ("Total = base + tax", "Total = base - tax"),
        ("Score = hits * weight", "Score = hits / weight"),
        ("Traffic flows A -> B", "Traffic flows A <- B"),
        ("Traffic flows A <- B", "Traffic flows A -> B"),
        ("The hint is `a  b`", "The hint is `a b`"),
    ];
    assert_eq!(wrong(&rows, &[Fate::Lost]), [""; 0]);
    let rows = [
        ("regions: eu, us", "The regions are us and eu"),
        ("The regions are eu and us", "regions: eu, us"),
        ("Verified: yes, by Ann", "Verified by Ann"),
        ("Total = base + tax", "total = base + tax"),
        ("Note: also, use tabs for the indentation", "Use tabs for the indentation"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn one_word_for_another_at_its_place_is_another_fact() {
    let rows = [
        (
            "The nightly job always copies the customer invoices from the finance share to the archive server",
            "The nightly job copies the customer passwords from the finance share to the archive server",
        ),
        (
            "All new engineers receive a laptop and a building badge during the first onboarding session",
            "New engineers receive a laptop and a parking badge during the first onboarding session",
        ),
        ("The insurer pays the first damage", "The insured pays the first damage"),
        ("Restart the router in building B", "Restart the route in building B"),
        ("Ask customs about the parcel", "Ask the customer about the parcel"),
        ("Report theft to the police", "Report theft to the policy"),
        ("Share the report with the third party", "Share the report with the third part"),
        ("Ask the author for consent", "Ask the authority for consent"),
    ];
    assert_eq!(wrong(&rows, &[Fate::Lost]), [""; 0]);
    let rows = [("The depoyment runs nightly", "The deployment runs nightly")];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn the_word_before_a_time_or_an_amount_is_no_dress() {
    let rows = [
        ("Applications must be submitted by 15 March", "Applications must be submitted from 15 March"),
        ("Parking is free from 19:00", "Parking is free until 19:00"),
        ("Ship the parcel by 3 pm", "Ship the parcel after 3 pm"),
        ("Mila should be in bed by 20:00", "Mila should be in bed from 20:00"),
        ("Rent is paid on the 3rd", "Rent is paid before the 3rd"),
        ("The shop is open until noon", "The shop is open from noon"),
        ("Sessions stay open for 20 minutes", "Sessions stay open after 20 minutes"),
        ("The price rose by 8 %", "The price rose to 8 %"),
        ("The quota was cut to 200 calls", "The quota was cut by 200 calls"),
        ("Cancel 30 days before the trip", "Cancel within 30 days before the trip"),
        ("Der Antrag gilt bis 15. März", "Der Antrag gilt ab 15. März"),
        ("Das Büro ist vor 10:00 offen", "Das Büro ist nach 10:00 offen"),
        ("Le bureau est ouvert jusqu'à 18:00", "Le bureau est ouvert à partir de 18:00"),
        ("Le bureau est ouvert avant 18:00", "Le bureau est ouvert après 18:00"),
        ("La oficina abre hasta las 18:00", "La oficina abre desde las 18:00"),
        ("La oficina abre hasta las 18:00", "La oficina abre a partir de las 18:00"),
    ];
    assert_eq!(not_lost_both_ways(&rows), [""; 0]);
    let rows = [
        ("The pool opens at 7:00", "The pool opens from 7:00"),
        ("Yoga is on Monday", "Yoga is Mondays"),
        ("The desk is staffed from 08:00 to 18:00", "The desk is staffed 08:00 to 18:00"),
        ("The desk is staffed from 08:00 to 18:00", "The desk is staffed between 08:00 and 18:00"),
        ("The tax return is due by 31 July", "The tax return is due on or before 31 July"),
        ("The outage was due to 3 failures", "The outage was caused by 3 failures"),
        ("The price rose by 8 %", "The price rose 8 %"),
        ("Sessions stay open for 20 minutes", "Sessions stay open 20 minutes"),
        ("Das Büro ist von 8:00 bis 18:00 offen", "Das Büro ist 8:00 bis 18:00 offen"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn what_is_mostly_or_only_now_so_is_not_what_is_always_so() {
    let rows = [
        ("The courier usually arrives around noon", "The courier arrives around noon"),
        ("Invoices from Delta often lack a number", "Invoices from Delta lack a number"),
        ("Weekend traffic comes mostly from mobile", "Weekend traffic comes from mobile"),
        ("The cleaner normally comes on Tuesdays", "The cleaner comes on Tuesdays"),
        ("Tenants generally pay by standing order", "Tenants pay by standing order"),
        ("A full index typically takes 40 minutes", "A full index takes 40 minutes"),
        ("For now, the beta is free of charge", "The beta is free of charge"),
        ("Der Kurier kommt meistens am Dienstag", "Der Kurier kommt am Dienstag"),
        ("La navette passe généralement à 8:00", "La navette passe à 8:00"),
        ("El bar abre normalmente a las 8:00", "El bar abre a las 8:00"),
    ];
    assert_eq!(not_lost_both_ways(&rows), [""; 0]);
    let rows = [
        ("The courier usually arrives around noon", "The courier arrives around noon, usually"),
        ("The courier usually arrives around noon", "Usually the courier arrives around noon"),
        ("The courier usually arrives around noon", "The courier normally arrives around noon"),
        ("For now, the beta is free of charge", "The beta is free of charge for the time being"),
        ("Weekend traffic comes mostly from mobile", "Weekend traffic comes mainly from mobile"),
        ("Ask Ann how often the job runs", "Ask Ann how often the job is run"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn what_can_or_must_be_done_is_not_what_is_done() {
    let rows = [
        ("Passwords are hashed with argon2", "Passwords can be hashed with argon2"),
        ("Requests are signed; the secret is rotated", "Requests are signed; the secret can be rotated"),
        ("The gateway rejects unsigned requests", "The gateway could reject unsigned requests"),
        ("Archived tickets are deleted after a year", "Archived tickets should be deleted after a year"),
        ("Meeting notes are written in English", "Meeting notes must be written in English"),
    ];
    assert_eq!(not_lost_both_ways(&rows), [""; 0]);
    let rows = [
        ("The robot can lift 40 kg", "The robot lifts 40 kg"),
        ("Ann can speak Dutch", "Ann speaks Dutch"),
        ("Reports can be exported as CSV", "Reports may be exported as CSV"),
        ("The handbook can be found in `docs/`", "The handbook is found in `docs/`"),
        ("Passwords can be hashed with argon2", "With argon2, passwords can be hashed"),
        ("Notes must be written in English", "Notes are required to be written in English"),
        ("Tests must be run with `make`", "Run the tests with `make`"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn a_part_of_an_amount_is_not_more_of_it() {
    let rows = [
        (
            "The budget is 60,000 euros, of which 20,000 is for design",
            "The budget is 60,000 euros, plus 20,000 for design",
        ),
        ("The team has 12 people, 4 of them in Riga", "The team has 12 people, and 4 more in Riga"),
        ("The team has 12 people, 4 of whom are in Riga", "The team has 12 people, and another 4 in Riga"),
        ("The old VPN is still in use", "The old VPN was in use"),
    ];
    assert_eq!(not_lost_both_ways(&rows), [""; 0]);
    let rows = [
        ("The team has 12 people, 4 of them in Riga", "The team has 12 people, of whom 4 are in Riga"),
        (
            "The budget is 60,000 euros, of which 20,000 is for design",
            "The budget is 60,000 euros, including 20,000 for design",
        ),
        ("The old VPN is still in use", "The old VPN is in use"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn who_alone_can_is_not_who_can_only() {
    let rows = [
        (
            "Only admin tokens can list users of other tenants",
            "Admin tokens can only list users of other tenants",
        ),
        ("Refunds are paid only to the original card", "Only refunds are paid to the original card"),
        ("Only Nadia can restart the billing job", "Nadia can only restart the billing job"),
        ("Interns only get read access to the warehouse", "Only interns get read access to the warehouse"),
        ("Nur Admins können Konten löschen", "Admins können nur Konten löschen"),
    ];
    assert_eq!(not_lost_both_ways(&rows), [""; 0]);
    let rows = [
        ("Limited to 3 projects, for new accounts only", "Limited to 3 projects, only for new accounts"),
        ("Only deploy images which are signed", "Deploy only images which are signed"),
        ("Only use keys which are signed", "Use only keys which are signed"),
        ("Only Ann can restart the billing job", "Ann is the only one who can restart the billing job"),
        ("Refunds are paid only to the original card", "Refunds are only paid to the original card"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn a_ground_does_not_become_the_effect() {
    let rows = [
        ("The migration failed because the disk was full", "The disk was full because the migration failed"),
        ("The lease ended, so the team left Malmö", "The team left Malmö, so the lease ended"),
        ("Delays were due to a strike", "A strike was due to delays"),
    ];
    assert_eq!(not_lost_both_ways(&rows), [""; 0]);
    let rows = [
        ("The migration failed because the disk was full", "Because the disk was full, the migration failed"),
        ("The migration failed because the disk was full", "The disk was full, so the migration failed"),
        ("The migration failed because the disk was full", "The migration failed due to the full disk"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn common_nouns_keep_their_sides_of_a_verb() {
    let rows = [
        (
            "The billing service depends on the user service",
            "The user service depends on the billing service",
        ),
        ("Carla prefers tea to coffee", "Carla prefers coffee to tea"),
        ("Prefers green tea to black coffee", "Prefers black coffee to green tea"),
        ("The nurse informs the doctor about falls", "The doctor informs the nurse about falls"),
    ];
    assert_eq!(not_lost_both_ways(&rows), [""; 0]);
    let rows = [
        ("The user prefers tea on Mondays", "On Mondays, the user prefers tea"),
        ("Use `ripgrep` to search the repository", "To search the repository, use `ripgrep`"),
        ("Send the invoices to the archive", "To the archive, send the invoices"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
}

#[test]
fn a_list_that_stood_complete_has_no_more_items() {
    let rows = [
        ("Backups run on Mondays and Thursdays", "Backups run on Mondays, Tuesdays and Thursdays"),
        ("The API accepts JSON and CSV", "The API accepts JSON, XML and CSV"),
        ("The API accepts JSON and CSV files", "The API accepts JSON, XML, YAML and CSV files"),
        ("Ana, Bo and Cy have alarm codes", "Ana, Bo, Cy and Dan have alarm codes"),
        ("The offer is valid in Austria and Italy", "The offer is valid in Austria, Italy and Malta"),
        (
            "Physio is on Tuesdays and Fridays; speech on Wednesdays",
            "Physio is on Tuesdays, Wednesdays and Fridays; speech on Wednesdays",
        ),
    ];
    assert_eq!(wrong(&rows, &[Fate::Lost]), [""; 0]);
    let rows = [
        ("Ann and Bob approve each release", "Bob and Ann approve each release"),
        ("Ann likes tea and coffee", "Ann likes tea, coffee and works in Berlin"),
        ("Ann likes tea and coffee", "Ann likes tea and coffee, and Bob likes milk"),
        ("The API accepts JSON and CSV", "The API accepts JSON and CSV, logs to disk"),
    ];
    assert_eq!(wrong(&rows, CARRIED_ON), [""; 0]);
    let joined =
        fate("- The API accepts JSON and CSV\n- The API accepts XML", "- The API accepts JSON, XML and CSV");
    assert_eq!(joined, Fate::Merged);
}
