//! Standing: what a heading says of all that stands below it, and of nothing else.
//!
//! `Deprecated` is like a `not` over what follows. A heading with a word of its own besides
//! (`Archive server`, `Definition of done`) is a topic.

use std::sync::LazyLock;

use crate::text::lexicon::{self, Table};

use super::place::SECTION_WORDS;

/// Whether what stands below a heading holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It does, as far as the heading says.
    #[default]
    Holds,
    /// Nobody has decided.
    Draft,
    /// It is done with.
    Done,
    /// It holds no longer, or never did.
    Void,
}

const DRAFT: &str = "\
draft drafts idea ideas proposal proposals proposed rumour rumours rumor rumors unconfirmed unverified hypothesis \
hypotheses speculation brainstorm brainstorming entwurf entwürfe idee ideen vorschlag vorschläge brouillon brouillons \
idées propositions borrador borradores propuestas bozza bozze proposte rascunho rascunhos ideias propostas voorstel \
voorstellen projekty черновик черновики идеи предложения 草稿 想法 アイデア";

const DONE: &str = "\
done completed finished closed resolved erledigt erledigte abgeschlossen fertig terminé terminés terminée terminées \
hecho hechos terminado terminados completado completados fatto fatti completato completati feito feitos concluído \
concluídos klaar gedaan voltooid zrobione ukończone сделано готово выполнено завершено 完了 已完成 完成";

const VOID: &str = "\
deprecated obsolete rejected wrong myth myths archive archives archived old outdated superseded retired discarded \
abandoned incorrect invalid false debunked misconception misconceptions declined cancelled canceled legacy former \
formerly stale expired revoked withdrawn discontinued historic historical veraltet veraltete veraltetes abgelehnt \
abgelehnte verworfen verworfene überholt überholte falsch falsche archiv archiviert alt alte mythen irrtümer ehemalige \
obsolète obsolètes rejeté rejetés rejetée rejetées archivé archivés archivées périmé périmés ancien anciens ancienne \
anciennes faux mythes obsoleto obsoletos obsoleta obsoletas rechazado rechazados rechazada rechazadas archivado \
archivados antiguo antiguos antigua antiguas incorrecto falso mitos descartado descartados obsoleti rifiutato rifiutati \
respinto respinti archiviato archiviati archivio vecchio vecchi vecchie sbagliato miti rejeitado rejeitados arquivado \
arquivados antigo antigos antiga antigas errado verouderd verouderde afgewezen gearchiveerd oud oude fout archief \
przestarzałe odrzucone archiwum stare błędne mity устарело устаревшее устаревшие отклонено отклонённые отклоненные \
архив старое старые неверно мифы مرفوض قديم خطأ أرشيف पुराना अस्वीकृत गलत 废弃 已废弃 弃用 已弃用 过时 已过时 已拒绝 归档 存档 \
廃止 非推奨 却下 アーカイブ";

/// Words that name what has the standing, and nothing else.
const OF_ALL: &[&str] = &[
    "item",
    "items",
    "entry",
    "entries",
    "plan",
    "plans",
    "approach",
    "approaches",
    "option",
    "options",
    "thing",
    "things",
    "stuff",
    "info",
    "information",
    "section",
    "list",
    "claim",
    "claims",
    "belief",
    "beliefs",
    "assumption",
    "assumptions",
    "statement",
    "statements",
    "content",
    "material",
    "regel",
    "regeln",
    "notizen",
    "règles",
    "reglas",
    "regole",
    "regras",
    "regels",
    "zasady",
    "правила",
    "заметки",
];

static STANDINGS: LazyLock<Table<Standing>> = LazyLock::new(|| {
    let mut table: Table<Standing> = Table::default();
    for (list, standing) in [(DRAFT, Standing::Draft), (DONE, Standing::Done), (VOID, Standing::Void)] {
        table.extend(list.split_whitespace().map(|word| (word, standing)));
    }
    table
});

/// Returns what a word, in lower case, says of what it stands over.
pub(super) fn of_word(norm: &str) -> Standing {
    STANDINGS.get(norm).copied().unwrap_or_default()
}

/// Returns what a heading says of all that stands below it.
pub(super) fn of(heading: &str) -> Standing {
    let mut worst = Standing::Holds;
    for word in heading.split(|c: char| !c.is_alphanumeric() && c != '-').filter(|word| !word.is_empty()) {
        let norm = word.to_lowercase();
        let standing = of_word(&norm);
        let is_plain = || {
            lexicon::is_function_word(&norm)
                || SECTION_WORDS.contains(&norm.as_str())
                || OF_ALL.contains(&norm.as_str())
        };
        if standing == Standing::Holds && !is_plain() {
            return Standing::Holds;
        }
        worst = worst.max(standing);
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_of_standing_words_alone_is_no_topic() {
        let table = [
            ("Deprecated", Standing::Void),
            ("Old rules", Standing::Void),
            ("Rejected proposals", Standing::Void),
            ("Myths", Standing::Void),
            ("Wrong:", Standing::Void),
            ("**Archive**", Standing::Void),
            ("The archived notes", Standing::Void),
            ("Veraltet", Standing::Void),
            ("Règles obsolètes", Standing::Void),
            ("Устаревшие правила", Standing::Void),
            ("已废弃", Standing::Void),
            ("Done", Standing::Done),
            ("Erledigt", Standing::Done),
            ("Ideas", Standing::Draft),
            ("Archive server", Standing::Holds),
            ("Old Town office", Standing::Holds),
            ("Definition of done", Standing::Holds),
            ("Rejected payments", Standing::Holds),
            ("How we archive logs", Standing::Holds),
            ("Rules", Standing::Holds),
            ("", Standing::Holds),
        ];
        for (heading, standing) in table {
            assert_eq!(of(heading), standing, "{heading}");
        }
    }
}
