//! The reader against hostile files, and against a second opinion.

use std::time::Instant;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::spec::codes::Code;
use crate::spec::problem::Problem;
use crate::spec::source::SourceFile;

fn tree(text: &str) -> (SourceFile, Node) {
    let file = SourceFile::new("p.yaml", text);
    let node = read(&file).unwrap_or_else(|problems| panic!("{problems:?}"));
    (file, node)
}

fn problems(text: &str) -> Vec<Problem> {
    read(&SourceFile::new("p.yaml", text)).unwrap_err()
}

fn code(text: &str) -> Code {
    problems(text).remove(0).code
}

#[test]
fn spans_name_keys_and_values() {
    let (file, root) =
        tree("a: 1\nü:\n  - x y\n  - \"q\"\nflow: {k: [1, 2]}\nlit: |\n  one\n  two\nlast: end # c\n");
    let text = |steps: &[Step<'_>]| file.slice(&root.find(steps).node.span).to_owned();
    assert_eq!(text(&[Step::Key("a")]), "1");
    assert_eq!(text(&[Step::Key("ü")]), "- x y\n  - \"q\"");
    assert_eq!(text(&[Step::Key("ü"), Step::Index(0)]), "x y");
    assert_eq!(text(&[Step::Key("ü"), Step::Index(1)]), "\"q\"");
    assert_eq!(text(&[Step::Key("flow")]), "{k: [1, 2]}");
    assert_eq!(text(&[Step::Key("flow"), Step::Key("k")]), "[1, 2]");
    assert_eq!(text(&[Step::Key("last")]), "end");
    let key = root.entry("flow").unwrap().key_span.clone();
    assert_eq!(file.slice(&key), "flow");
    assert!(!root.find(&[Step::Key("flow"), Step::Key("none")]).is_whole);
}

#[test]
fn line_ends_and_byte_order_marks_change_nothing() {
    let plain = tree("a: 1\nb: |\n  x\n  y\nc: [z]\n").1.to_json();
    assert_eq!(tree("\u{feff}a: 1\r\nb: |\r\n  x\r\n  y\r\nc: [z]\r\n").1.to_json(), plain);
}

#[test]
fn aliases_copy_values_and_point_at_themselves() {
    let (file, root) = tree("base: &b {x: [1, two]}\ncopy: *b\n");
    assert_eq!(root.to_json(), json!({"base": {"x": [1, "two"]}, "copy": {"x": [1, "two"]}}));
    let inner = root.find(&[Step::Key("copy"), Step::Key("x"), Step::Index(1)]);
    assert_eq!(file.slice(&inner.value_span()), "*b");
}

#[test]
fn what_hides_meaning_is_refused() {
    assert_eq!(code("a: 1\na: 2\n"), Code::DuplicateKey);
    assert_eq!(code("a: {b: 1, b: 2}\n"), Code::DuplicateKey);
    assert_eq!(code("a: &x {k: 1}\nb:\n  <<: *x\n"), Code::MergeKey);
    assert_eq!(code("a: !secret x\n"), Code::Tag);
    assert_eq!(code("a: !!python/object:os.system x\n"), Code::Tag);
    assert_eq!(code("a: !!int x\n"), Code::Tag);
    assert_eq!(code("a: .inf\n"), Code::NumberRange);
    assert_eq!(code("a: 010\n"), Code::LeadingZero);
    assert_eq!(code("1: a\n"), Code::KeyNotText);
    assert_eq!(code("? [a]\n: b\n"), Code::KeyNotText);
    assert_eq!(code("a: 1\n---\nb: 2\n"), Code::ManyDocuments);
    assert_eq!(code("a:\n\t- b\n"), Code::Tab);
    assert_eq!(code("a: b: c\n"), Code::YamlSyntax);
    assert_eq!(code("a: \"open\n"), Code::YamlSyntax);
    assert_eq!(code("a: *nowhere\n"), Code::YamlSyntax);
    assert_eq!(code("a: &x [*x]\n"), Code::UnknownAnchor);
    assert_eq!(code("- a\n"), Code::EmptyFile);
    assert_eq!(code(""), Code::EmptyFile);
    for character in ['\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{2028}', '\u{2029}'] {
        assert_eq!(code(&format!("a: {character}[0m\n")), Code::ControlCharacter, "{character:?}");
        assert_eq!(code(&format!("a: b # {character}c: d\n")), Code::ControlCharacter, "{character:?}");
    }
    assert_eq!(code(&format!("a: {}", "x".repeat(1_000_000))), Code::FileTooLarge);
}

#[test]
fn escaped_separators_are_text() {
    let root = tree(r#"a: "x\N\L\P\x7Fy""#).1;
    assert_eq!(root.to_json(), json!({"a": "x\u{85}\u{2028}\u{2029}\u{7f}y"}));
}

#[test]
fn tags_of_plain_yaml_are_read() {
    let root = tree("a: !!str 10\nb: !!int \"7\"\nc: !!seq [x]\nd: !!map {}\ne: yes\n").1;
    assert_eq!(root.to_json(), json!({"a": "10", "b": 7, "c": ["x"], "d": {}, "e": "yes"}));
}

#[test]
fn every_duplicate_key_of_a_file_is_told() {
    let told: Vec<_> = problems("a: 1\na: 2\nb: {c: 1, c: 2}\n").into_iter().map(|p| p.code).collect();
    assert_eq!(told, [Code::DuplicateKey, Code::DuplicateKey]);
}

#[test]
fn hostile_files_are_refused_at_once() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..20 {
        let copies = vec![format!("*a{}", i - 1); 10].join(",");
        bomb.push_str(&format!("a{i}: &a{i} [{copies}]\n"));
    }
    // One long text, copied: few values, many bytes.
    let mut long = format!("a: &a \"{}\"\nb: [", "x".repeat(10_000));
    long.push_str(&"*a,".repeat(5_000));
    long.push_str("]\n");
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for i in 1..200 {
        deep.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
    }
    let cases = [
        (bomb, Code::AliasBudget),
        (long, Code::AliasBudget),
        (deep, Code::TooDeep),
        ("[".repeat(100_000), Code::TooDeep),
        ("{a: ".repeat(100_000), Code::TooDeep),
        ("- ".repeat(100_000), Code::TooDeep),
        (format!("a: {}", "[".repeat(100_000)), Code::TooDeep),
        (format!("{}x: 1\n", "k: &a 1\n".repeat(50_000)), Code::DuplicateKey),
    ];
    for (text, expected) in cases {
        let started = Instant::now();
        let told = problems(&text);
        let head: String = text.chars().take(20).collect();
        assert!(told.iter().any(|p| p.code == expected), "{head}: {:?}", told[0]);
        // Generous: what it guards against took half a minute.
        assert!(started.elapsed().as_secs() < 5, "{head}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z ]{0,8}",
        "\\PC{0,8}",
        "(yes|no|on|off|null|true|~|1_000|0x1f|1e3|-|:|#|%|&a|\\*a|!t|0b1|60%|2026-11-22)",
        "[a-z\n ]{0,12}",
    ]
    // The writers emit some characters as they are that the reader refuses.
    .prop_filter("allowed in YAML", |t: &String| {
        !t.chars().any(|c| c.is_control() && c != '\n' || matches!(c, '\u{2028}' | '\u{2029}'))
    });
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-zäé][a-z0-9_ ]{0,6}x", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Checks that every scalar's bytes, read alone, say what the tree says.
fn assert_spans_hold(file: &SourceFile, node: &Node) {
    match &node.value {
        Content::Scalar(value) => {
            let written = file.slice(&node.span);
            assert_eq!(scalar::resolve(written), Ok(Some(value.clone())), "{written:?}");
        }
        Content::Text(text, Style::Plain) if !text.contains('\n') => assert_eq!(file.slice(&node.span), text),
        Content::Text(text, Style::Quoted) => {
            let written = file.slice(&node.span);
            let again: String = serde_yaml::from_str(written).unwrap();
            assert_eq!(&again, text);
        }
        Content::Text(..) => {}
        Content::List(items) => items.iter().for_each(|item| assert_spans_hold(file, item)),
        Content::Mapping(entries) => {
            for entry in entries {
                let written: String = serde_yaml::from_str(file.slice(&entry.key_span)).unwrap();
                assert_eq!(written, entry.key);
                assert_spans_hold(file, &entry.value);
            }
        }
    }
}

proptest! {
    #[test]
    fn spans_name_the_bytes_of_their_values(inner in value()) {
        let text = serde_yaml::to_string(&json!({ "top": inner })).unwrap();
        let (file, node) = tree(&text);
        assert_spans_hold(&file, &node);
    }

    #[test]
    fn our_json_equals_serde_yaml_on_valid_documents(inner in value()) {
        let document = json!({ "top": inner });
        let text = serde_yaml::to_string(&document).unwrap();
        let ours = tree(&text).1.to_json();
        let theirs: Value = serde_yaml::from_str(&text).unwrap();
        prop_assert_eq!(&ours, &theirs);
    }

    #[test]
    fn flow_style_says_the_same_as_block_style(inner in value()) {
        let document = json!({ "top": inner });
        let text = serde_json::to_string(&document).unwrap();
        prop_assert_eq!(tree(&text).1.to_json(), document);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-c:\\- \n\t\"'|>&*!?{}\\[\\],#%é\u{1f600}0-9~<]{0,60}") {
        let file = SourceFile::new("p.yaml", text);
        if let Err(problems) = read(&file) {
            for place in problems.iter().filter_map(|p| p.place.as_ref()) {
                prop_assert!(file.text().get(place.span.clone()).is_some());
            }
        }
    }
}
