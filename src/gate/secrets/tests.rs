//! What is found, what is not, and that no value gets out.

use proptest::prelude::*;

use super::super::testing::*;
use super::*;
use crate::spec::pipeline::GateSpec;

/// Puts a token together at run time, so that no scanner takes this file for a leak.
fn token(prefix: &str, alphabet: &str, length: usize) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let body = (0..length).map(|i| letters[(i * i * 7 + i * 31 + 11) % letters.len()]);
    prefix.chars().chain(body).collect()
}

const BASE62: &str = "q7Zr2Lk9VxT4bN8wHd3YpF6mJc5Gs1QaKv0uWeXiRoDyCtBhPfMgEnSzUjAlO";
const HEX: &str = "9f3a7c1e5b0d8246";
const BASE32: &str = "QX7RL2KVZT4BNWHD3YPF6MJC5GSA";

fn samples() -> Vec<(&'static str, String)> {
    let pem = |kind: &str| {
        let body = token("", BASE62, 64);
        format!("-----BEGIN {kind}-----\n{body}\n{body}\n-----END {kind}-----")
    };
    vec![
        ("private-key", pem("RSA PRIVATE KEY")),
        ("private-key", pem("OPENSSH PRIVATE KEY")),
        ("private-key", pem("PGP PRIVATE KEY BLOCK")),
        ("private-key", pem("PRIVATE KEY").replace('\n', "\\n")),
        ("private-key", format!("-----BEGIN EC PRIVATE KEY-----\n{}\n", token("", BASE62, 64))),
        ("aws-access-key", token("AKIA", BASE32, 16)),
        ("aws-access-key", token("ASIA", BASE32, 16)),
        ("aws-secret-key", format!("aws_secret_access_key = {}", token("", BASE62, 40))),
        ("gcp-api-key", token("AIza", BASE62, 35)),
        ("google-oauth-secret", token("GOCSPX-", BASE62, 28)),
        ("google-oauth-token", token("ya29.", BASE62, 60)),
        ("azure-storage-key", format!("AccountKey={}==", token("", BASE62, 86))),
        ("azure-client-secret", token("a1B8Q~", BASE62, 34)),
        ("azure-sas", format!("?sv=2024-11-04&ss=b&sig={}%3D", token("", BASE62, 43))),
        ("github-token", token("ghp_", BASE62, 36)),
        ("github-token", token("ghs_", BASE62, 36)),
        ("github-token", token("github_pat_", BASE62, 82)),
        ("gitlab-token", token("glpat-", BASE62, 20)),
        ("slack-token", format!("xoxb-123456789012-123456789012-{}", token("", BASE62, 24))),
        (
            "slack-webhook",
            format!("https://hooks.slack.com/services/T0123ABCD/B0123ABCD/{}", token("", BASE62, 24)),
        ),
        ("stripe-key", token("sk_live_", BASE62, 24)),
        ("stripe-key", token("rk_live_", BASE62, 24)),
        ("openai-key", token("sk-", BASE62, 48)),
        ("openai-key", token("sk-proj-", BASE62, 74)),
        ("anthropic-key", token("sk-ant-api03-", BASE62, 95)),
        ("npm-token", token("npm_", BASE62, 36)),
        ("pypi-token", token("pypi-AgEIcHlwaS5vcmc", BASE62, 70)),
        ("huggingface-token", token("hf_", "qZrLkVxTbNwHdYpFmJcGsQaKvuWe", 34)),
        ("digitalocean-token", token("dop_v1_", HEX, 64)),
        ("twilio-key", token("SK", HEX, 32)),
        ("sendgrid-key", format!("{}.{}", token("SG.", BASE62, 22), token("", BASE62, 43))),
        ("telegram-token", token("110201543:AA", BASE62, 33)),
        (
            "discord-token",
            format!(
                "discord {}.{}.{}",
                token("MT", BASE62, 24),
                token("G", BASE62, 5),
                token("", BASE62, 38)
            ),
        ),
        (
            "jwt",
            format!("{}.{}.{}", token("eyJ", BASE62, 20), token("eyJ", BASE62, 40), token("", BASE62, 43)),
        ),
        ("basic-auth", format!("Authorization: Basic {}==", token("", BASE62, 22))),
        ("bearer-token", format!("Authorization: Bearer {}", token("", BASE62, 40))),
        ("url-password", "postgres://app:at5G6zi!m@db.internal:5432/app".to_owned()),
        ("password", "Server=db;User Id=app;Password=at5G6zi!m;".to_owned()),
        ("env-default", r#"os.environ.get("DB_PASSWORD", "at5G6zi!m")"#.to_owned()),
    ]
}

#[test]
fn secrets_are_found_by_their_published_formats() {
    for (rule, text) in samples() {
        for around in ["{}", "key: {}\n", "see `{}`, or ask", "\"{}\"", "- über {} — é", "+{}"] {
            let text = around.replace("{}", &text);
            let found = find(&text);
            assert_eq!(found.iter().map(|s| s.rule).collect::<Vec<_>>(), [rule], "{text}");
        }
    }
}

#[test]
fn what_is_redacted_is_gone_and_nothing_else() {
    for (rule, text) in samples() {
        let shown = redact(&text).into_owned();
        assert!(find(&shown).is_empty(), "{rule}: {shown}");
    }
    let text = format!("Deploy with {} and nothing else.\n", token("ghp_", BASE62, 36));
    insta::assert_snapshot!(redact(&text), @"Deploy with [redacted: GitHub token] and nothing else.");
    insta::assert_snapshot!(
        redact("url: postgres://app:at5G6zi!m@db/app\npassword: `IhqSb1Gg`\n"),
        @r"
    url: postgres://app:[redacted: password in a URL]@db/app
    password: `[redacted: password]`
    "
    );
}

#[test]
fn two_secrets_side_by_side_are_both_found() {
    let (one, two) = (token("AIza", BASE62, 35), token("AIza", BASE32, 35));
    assert_eq!(find(&format!("{one} {two}")).len(), 2);
    assert_eq!(find(&format!("{one}\n{two}")).iter().map(|s| s.line).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn ordinary_memory_text_holds_no_secret() {
    let commit = token("", HEX, 40);
    for text in [
        "Commit 9f3a7c1e5b0d8246 fixed the build; see https://example.com/a:b@c.",
        "Use `sk-` keys from the vault, never in the repository.",
        "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
        "Set password to ${DB_PASSWORD} in postgres://app:${DB_PASSWORD}@db/app",
        "postgres://postgres:postgres@localhost:5432/test",
        "GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "A file that starts with -----BEGIN PRIVATE KEY----- must not be committed.",
        "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQsw\n-----END CERTIFICATE-----",
        "Mentioned in 2024-11-04T10:11:12Z, run 550e8400-e29b-41d4-a716-446655440000.",
        "The bearer token expires after 24 hours.",
        "Basic authentication is switched off.",
        "task-management-for-everybody-who-works-here-and-there",
        "curl -u \"$USER:$PASSWORD\" https://127.0.0.1",
        &format!("pinned to {commit}"),
        "",
    ] {
        assert_eq!(find(text), [], "{text}");
    }
}

#[test]
fn every_rule_builds_and_has_keywords_in_lower_case() {
    let mut ids = std::collections::BTreeSet::new();
    for rule in rules::RULES {
        assert!(ids.insert(rule.id), "{} is there twice", rule.id);
        assert!(regex::bytes::RegexBuilder::new(rule.pattern).unicode(false).build().is_ok(), "{}", rule.id);
        assert!(!rule.keywords.is_empty(), "{}", rule.id);
        assert!(
            rule.keywords.iter().all(|word| *word == word.to_lowercase() && !word.is_empty()),
            "{}",
            rule.id
        );
    }
}

#[test]
fn the_gate_tells_new_secrets_from_old_ones_and_quotes_none() {
    let (old, new) = (token("ghp_", BASE62, 36), token("glpat-", BASE62, 20));
    let before = store(&[("/a", &format!("token {old}")), ("/b", "plain")]);
    let after = store(&[("/moved", &format!("we use {old}")), ("/b", &format!("plain\n{new}\n"))]);
    let verdict = judged(&GateSpec::Secrets(Level::Block), &before, &after);
    insta::assert_json_snapshot!(verdict, @r#"
    {
      "gate": "secrets",
      "outcome": "block",
      "measured": "2 secrets, 1 already in the live store",
      "limit": "block at 1",
      "findings": [
        {
          "path": "/b",
          "line": 2,
          "note": "GitLab token"
        },
        {
          "path": "/moved",
          "line": 1,
          "note": "GitHub token, already in the live store"
        }
      ]
    }
    "#);
}

#[test]
fn a_secret_in_a_path_is_found_and_not_shown() {
    let secret = token("ghp_", BASE62, 36);
    let path = format!("/notes/{secret}.md");
    let after = store(&[(&path, "plain"), ("/3f2a9c41d7e84b6f9a0c1d2e3f405162/notes.md", "plain")]);
    let verdict = judged(&GateSpec::Secrets(Level::Block), &store(&[]), &after);
    assert_eq!(verdict.outcome, Outcome::Block);
    assert_eq!(verdict.findings.len(), 1);
    assert_eq!(verdict.findings[0].path, None);
    assert_eq!(verdict.findings[0].note, "GitHub token, in the path /notes/[redacted: GitHub token].md");
    let kept = judged(&GateSpec::Secrets(Level::Block), &after, &after);
    assert_eq!(kept.measured, "1 secret, 1 already in the live store");
}

#[test]
fn each_level_means_what_it_says() {
    let clean = store(&[("/a", "nothing here")]);
    let leak = store(&[("/a", &token("ghp_", BASE62, 36))]);
    let table = [
        (Level::Block, &clean, Outcome::Pass),
        (Level::Block, &leak, Outcome::Block),
        (Level::Review, &leak, Outcome::Review),
    ];
    for (level, after, outcome) in table {
        // A secret that was there before counts as well.
        for before in [&clean, after] {
            assert_eq!(judged(&GateSpec::Secrets(level), before, after).outcome, outcome);
        }
    }
}

fn anything() -> impl Strategy<Value = String> {
    let samples: Vec<String> = samples().into_iter().map(|(_, text)| text).collect();
    let pieces = prop_oneof![
        proptest::sample::select(samples),
        "[ -~é\n\"'=:@/]{0,30}",
        proptest::sample::select(vec![
            "password = ",
            "pw:",
            "token is ",
            "://",
            "-----BEGIN",
            " PRIVATE KEY-----",
            "eyJ",
            "é",
            "\"",
            "\n",
            "aws ",
        ])
        .prop_map(str::to_owned),
    ];
    proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn spans_are_in_order_apart_and_on_character_boundaries(text in anything()) {
        let mut end = 0;
        for secret in find(&text) {
            prop_assert!(secret.span.start >= end && !secret.span.is_empty());
            prop_assert!(text.get(secret.span.clone()).is_some());
            prop_assert_eq!(secret.line, 1 + text[..secret.span.start].matches('\n').count());
            end = secret.span.end;
        }
    }

    #[test]
    fn no_value_that_was_found_is_shown(text in anything()) {
        let shown = redact(&text);
        let mut rest: &str = &shown;
        let mut at = 0;
        for secret in find(&text) {
            let kept = &text[at..secret.span.start];
            prop_assert!(rest.starts_with(kept));
            rest = &rest[kept.len()..];
            let mark = format!("[redacted: {}]", secret.name);
            prop_assert!(rest.starts_with(&mark));
            rest = &rest[mark.len()..];
            at = secret.span.end;
        }
        prop_assert_eq!(rest, &text[at..]);
    }
}
