//! What becomes of statements in small stores, and the laws the judge keeps on all of them.

use proptest::prelude::*;

use super::super::forget::ForgetList;
use super::super::testimony::Testimony;
use super::*;
use crate::memory::{Memory, MemoryPath};

mod evidence;
mod moves;
mod pairs;

pub(super) fn store(entries: &[(&str, &str)]) -> Snapshot {
    entries.iter().map(|&(path, text)| Memory::new(MemoryPath::parse(path).unwrap(), text)).collect()
}

/// Judges without testimony or rules.
pub(super) fn judged<'a>(before: &'a Snapshot, after: &'a Snapshot) -> Ledger<'a> {
    let context = Context { testimony: &Testimony::default(), forget: &ForgetList::default(), now: None };
    judge(before, after, &context)
}

/// Makes a store of numbered lines over a few memories.
fn lines() -> impl Strategy<Value = Vec<(usize, String)>> {
    let line = "(Use|Keep|Never run|Ask Ann about|The limit of) [a-z]{3,7} [a-z]{3,7} (with|before|at) [a-z]{3,6} [1-9][0-9]{0,3}";
    proptest::collection::vec((0..4_usize, line), 1..14)
}

fn written(lines: &[(usize, String)]) -> Snapshot {
    let mut texts: std::collections::BTreeMap<usize, String> = Default::default();
    for (memory, line) in lines {
        texts.entry(*memory).or_default().push_str(&format!("- {line}\n"));
    }
    texts
        .into_iter()
        .map(|(memory, text)| Memory::new(MemoryPath::parse(&format!("/notes/m{memory}.md")).unwrap(), text))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_store_against_itself_is_all_kept(lines in lines()) {
        let store = written(&lines);
        let ledger = judged(&store, &store);
        prop_assert_eq!(ledger.counts.kept as usize, lines.len());
        prop_assert_eq!(ledger.counts.new, 0);
    }

    #[test]
    fn a_permutation_loses_nothing(lines in lines(), seed in any::<u64>()) {
        let mut moved = lines.clone();
        let mut state = seed;
        for at in (1..moved.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            moved.swap(at, (state >> 33) as usize % (at + 1));
        }
        let (before, after) = (written(&lines), written(&moved));
        prop_assert_eq!(judged(&before, &after).counts.lost, 0);
    }

    #[test]
    fn an_empty_candidate_loses_everything(lines in lines()) {
        let (before, after) = (written(&lines), Snapshot::default());
        let ledger = judged(&before, &after);
        prop_assert_eq!(ledger.counts.lost as usize, lines.len());
    }

    #[test]
    fn every_statement_has_one_fate_and_the_counts_add_up(a in lines(), b in lines()) {
        let (before, after) = (written(&a), written(&b));
        let ledger = judged(&before, &after);
        prop_assert_eq!(ledger.fates.len(), ledger.before.len());
        prop_assert_eq!(ledger.counts.before() as usize, ledger.before.len());
        prop_assert_eq!(ledger.counts.new as usize, ledger.new_statements().count());
        for judged in &ledger.fates {
            prop_assert!(judged.heirs.iter().all(|&heir| heir < ledger.after.len()));
        }
    }

    #[test]
    fn judging_twice_gives_the_same(a in lines(), b in lines()) {
        let (before, after) = (written(&a), written(&b));
        prop_assert_eq!(judged(&before, &after).fates, judged(&before, &after).fates);
    }

    #[test]
    fn a_changed_digit_is_never_kept(lines in lines(), which in any::<proptest::sample::Index>()) {
        let at = which.index(lines.len());
        let mut changed = lines.clone();
        let line = &mut changed[at].1;
        let last = line.pop().unwrap().to_digit(10).unwrap();
        line.push(char::from_digit((last + 1) % 10, 10).unwrap());
        let same = lines.iter().filter(|(_, line)| *line == lines[at].1).count();
        prop_assume!(same == 1 && !lines.iter().any(|(_, line)| *line == changed[at].1));
        let (before, after) = (written(&lines), written(&changed));
        let ledger = judged(&before, &after);
        let place = ledger.before.iter().position(|s| s.statement.text == lines[at].1).unwrap();
        prop_assert_eq!(ledger.fates[place].fate, Fate::Lost);
    }
}
