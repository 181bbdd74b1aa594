//! The one table of diagnostic codes: number, severity, title and meaning.
//!
//! A code is for good: scripts filter on it and `docs/diagnostics.md` explains it (a test keeps that
//! page complete). A retired code is never given to something else.

use std::fmt;

use serde::{Serialize, Serializer};

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file is not used.
    Error,
    /// The file is used; something in it does not do what it seems to.
    Warning,
}

impl Severity {
    /// Returns the word people and programs see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($name:ident $number:literal $severity:ident $title:literal $meaning:literal)*) => {
        /// What kind of problem a diagnostic is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            /// Every code, by number.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// Returns the number, such as `DR0101`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $number,)* }
            }

            /// Returns whether the file can still be used.
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)* }
            }

            /// Returns the title, which holds no user text.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }

            /// Returns what the code means, in sentences.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning,)* }
            }
        }
    };
}

codes! {
    YamlSyntax "DR0101" Error "YAML syntax error"
        "The file is not YAML from the marked place on."
    Tab "DR0102" Error "tab used for indentation"
        "YAML indents with spaces only."
    DuplicateKey "DR0103" Error "duplicate key"
        "A mapping names the same key twice; other tools would silently keep one of the two."
    AliasBudget "DR0104" Error "aliases expand to too much"
        "Aliases (`*name`) copy what their anchor holds. Together they may copy 10,000 values or 1 MB per file, so that a small file cannot fill the memory."
    UnknownAnchor "DR0105" Error "alias without an anchor"
        "An alias (`*name`) must come after the end of the value that its anchor (`&name`) stands on."
    TooDeep "DR0106" Error "nested too deeply"
        "Values nest more than 64 levels deep."
    ManyDocuments "DR0107" Error "more than one document"
        "A file holds one document; `---` may only stand before it."
    MergeKey "DR0108" Error "merge key"
        "`<<` belongs to YAML 1.1 and would hide which keys are set. Write the keys out."
    Tag "DR0109" Error "unsupported tag"
        "Only the tags of plain YAML (`!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq`, `!!map`) are read, and the value must fit its tag."
    NumberRange "DR0110" Error "number out of range"
        "Not-a-number, infinities and integers beyond 64 bits have no meaning here."
    LeadingZero "DR0111" Error "number with leading zeros"
        "`010` is ten to some YAML readers and eight to others. Quote it or drop the zeros."
    KeyNotText "DR0112" Error "key is not text"
        "Keys are plain text. A number, boolean, null or collection as a key is refused."
    FileTooLarge "DR0113" Error "file is too large"
        "A pipeline or project file may have 1 MB."
    NotUtf8 "DR0114" Error "file is not UTF-8"
        "Files are read as UTF-8, with or without a byte order mark."
    ControlCharacter "DR0115" Error "control character"
        "YAML allows no control characters except tab and line ends. U+0085, U+2028 and U+2029 end a line, and with it a comment, for some of its readers and not for others; write them as escapes in double quotes."
    EmptyFile "DR0116" Error "file holds no mapping"
        "The file is empty, or its top level is not a mapping of keys."

    UnknownKey "DR0201" Error "unknown key"
        "The key is not one that this place knows. Keys are never ignored, because a misspelt one would silently do nothing."
    UnknownGate "DR0202" Error "unknown gate"
        "No gate has this name. A misspelt gate would never fire."
    WrongType "DR0203" Error "wrong type"
        "The value is of another kind (text, number, boolean, list, mapping) than the key takes."
    Yaml11Boolean "DR0204" Error "not a boolean in YAML 1.2"
        "`yes`, `no`, `on` and `off` are plain text in YAML 1.2. Write `true` or `false`."
    UnknownWord "DR0205" Error "unknown value"
        "The key takes one of a few words, and this is none of them."
    MissingKey "DR0206" Error "missing key"
        "A key that this mapping needs is not there."
    EmptyValue "DR0207" Error "empty value"
        "The key has no value. Give it one or remove the key."
    OutOfRange "DR0208" Error "value out of range"
        "The value is outside what the key accepts."
    FormatVersion "DR0209" Error "unsupported format version"
        "`dreamrun:` names the format of the file. This version reads format 1."

    InvalidName "DR0301" Error "invalid name"
        "Names become keys, file names and parts of run ids: 1 to 64 of a-z, 0-9 and, after the first character, `-`."
    DuplicateName "DR0302" Error "pipeline name used twice"
        "Two files of a project give the same pipeline name."
    UnknownStore "DR0303" Error "unknown store"
        "The pipeline names a store that `stores` in dreamrun.yaml does not have."
    RawStoreAuto "DR0304" Error "raw store id with automatic adoption"
        "A raw `memstore_` id cannot follow adoption: the next run would read the old store again. Name the store in dreamrun.yaml, or set `adopt.mode: review`."
    OneSource "DR0305" Error "not exactly one session source"
        "A session source is one of `agent`, `deployment`, `store`, `ids` or `files`; several go into a list under `from`."
    RepeatedSource "DR0306" Error "session source given twice"
        "Two sources of the pipeline are the same, or one session is listed by id twice."
    TakeZero "DR0307" Error "take is zero"
        "`take: 0` would read no session, ever. Leave `take` out to read all that wait."
    MinAboveTake "DR0308" Error "min is above take"
        "At least `min` sessions must wait and at most `take` are read, so `min` cannot be above `take`."
    BatchSize "DR0309" Error "batch size out of range"
        "One dream reads 1 to 100 sessions."
    TakeBeyondBatch "DR0310" Warning "take is beyond one batch"
        "Without `batch.chain: true` a run makes one dream, and sessions beyond its first batch wait for the next run."
    Threshold "DR0311" Error "invalid threshold"
        "A threshold is a share with a percent sign from 0% to 1000%, such as `60%`, or a whole number. A share trips above it, a count at it."
    ThresholdOrder "DR0312" Error "review is above block"
        "`review` must not be above `block`: nobody would ever be asked."
    DefaultStands "DR0313" Warning "default block stands below review"
        "Only `review` is set, and it is above the default `block` of the gate, which still blocks first. Set `block` as well."
    Duration "DR0314" Error "invalid duration"
        "A duration is a positive amount in weeks, days, hours, minutes or seconds, such as `20h`, `30d` or `2h 30m`."
    Since "DR0315" Error "invalid since"
        "`since` takes `last_adopted`, `beginning`, a date, an RFC 3339 time, or a duration such as `30d`."
    OutsideProject "DR0316" Error "path leaves the project"
        "A pipeline file reads and writes only inside its project: no absolute path, no `~`, no `..` beyond the root. To read elsewhere, name the folder on the command line with `--allow-read DIR`."
    InvalidPath "DR0317" Error "invalid path or glob"
        "The path or glob cannot be used."
    TargetSetting "DR0318" Error "adoption target lacks a setting"
        "`target: directory` needs `directory`, `deployment` needs `deployments`, and `session` needs `agent` and `environment`."
    UnusedSetting "DR0319" Error "setting of another adoption target"
        "The setting belongs to a target that is not chosen, so it would do nothing."
    Amount "DR0320" Error "invalid amount"
        "An amount of dollars is a number from 0 to 1,000,000."
    InvalidId "DR0321" Error "invalid id"
        "Ids are 1 to 256 printable ASCII characters without spaces."
    Requires "DR0322" Error "version requirement not met"
        "`requires` is a list of comparisons such as `>=0.1, <2` that this version of dreamrun must satisfy."
    Bootstrap "DR0323" Error "invalid bootstrap"
        "`bootstrap` is `dir:FOLDER` or a `memstore_` id."
    UnknownProfile "DR0324" Error "unknown profile"
        "The profile asked for is not in dreamrun.yaml."
    BackendSetting "DR0325" Error "invalid backend setting"
        "A setting of the backend is not usable, or belongs to the other kind of backend."
    Notify "DR0326" Error "invalid notification"
        "A notification names its events under `on` and exactly one way to send, whose URL comes from an environment variable."
    VariableName "DR0327" Error "invalid variable name"
        "Templates reach a variable as `vars.name`: letters, digits and `_`, not starting with a digit."
    PinnedStatement "DR0328" Error "not one statement"
        "A pin under `protected.statements` is one statement of a memory: a list item, a table row, a `key: value` line or a sentence. Headings are no statements."
    Price "DR0329" Error "invalid price"
        "A price is of a model that is called, and dated: `input` and `output` in US dollars per million tokens, and the day it was last seen to hold."
    Pattern "DR0341" Error "pattern cannot be used"
        "A pattern is a regular expression without look-around and back-references, of at most 1,000 bytes, that does not match everything and stays small when compiled. A file has at most 1,000 of them."
    Probe "DR0342" Error "probe cannot be judged"
        "A probe asks in one way (`ask` or `pattern`) and expects something: `must_know`, `must_abstain: true`, or, of the whole store and without a question, `must_not_know`."
    ForgetRule "DR0343" Error "invalid forget rule"
        "A rule of a forget list has a name of its own and covers one thing: a `pattern`, a `statement` by its hash, or what is older than `keep` under `paths`."
    RuleFile "DR0344" Error "file named here cannot be read"
        "A pipeline's probes and a store's forget list are files of the project. Without them the gate could not decide, and would block."

    NoFile "DR0345" Warning "no file matches"
        "The pattern of transcripts matches no file now. A run that finds no other session has nothing to do, and a misspelt pattern never has."
    NoFolder "DR0346" Warning "folder is not there"
        "`bootstrap` names the folder that the store is imported from before its first run. Once the store lives, the folder is not needed any more."

    TemplateSyntax "DR0401" Error "template syntax error"
        "The instructions or expression cannot be read."
    UndefinedVariable "DR0402" Error "undefined template variable"
        "The template names something that is neither declared under `vars` nor given by dreamrun."
    InstructionsTooLong "DR0403" Error "instructions can be too long"
        "Rendered instructions may have 4,096 characters. The worst case counts: a full batch of the longest ids and the largest numbers."
    TemplateFails "DR0404" Error "template cannot be rendered"
        "Rendering the template with sample values failed."
    TemplateFeature "DR0405" Error "template feature not available"
        "Templates have `if`, `for`, `set` and pure filters. Constructs that load other text or can grow without bound are left out."
    UnusedVariable "DR0406" Warning "unused variable"
        "A variable is declared and the instructions never use it."
    AssertExpression "DR0407" Error "invalid assert expression"
        "An `assert` expression must be true or false over the numbers of `diff`."

    GateNotAvailable "DR0501" Error "gate not available in this version"
        "The gate is part of the format, and this version cannot judge it. It is refused, because a gate that never fires is worse than none."
    KeyNotAvailable "DR0502" Error "key not available in this version"
        "The key is part of the format, and this version cannot carry it out."
    StateAddress "DR0503" Error "state cannot be kept there"
        "`state` is the path of a SQLite file, `git:BRANCH@REMOTE`, `s3://…`, `gs://…`, `az://…`, `file:FOLDER` or `postgres://…`. It holds no secret: credentials come from the environment."
    NotifyNotSent "DR0504" Warning "notifications are not sent in this version"
        "`notify` is checked, and this version sends nothing."
    ArchiveNotAvailable "DR0505" Error "archive not available in this version"
        "`ledger.archive` names a folder of the project. Object storage is no place for it in this version."
    NeedsManagedAgents "DR0511" Error "needs backend managed_agents"
        "The local backend cannot serve this."
    NeedsLocal "DR0512" Error "needs backend local"
        "Only the local backend can serve this."
    UnknownMind "DR0513" Error "unknown model for the local backend"
        "On the local backend `model` names a mind that is built in."
    LockFile "DR0514" Warning "file without an id"
        "On a server, agents, environments and deployments have ids. A pipeline may name the file that one is made from, and `claude-lock.json` tells its id once `ant apply` has created it; nothing that needs the id can run before."
    SeedRule "DR0601" Error "the world breaks a rule"
        "What a file for `serve --seed` holds follows the API's rules on names, paths, sizes and references, as if it had come in requests. Ids begin as the API's do, and none is given twice."
    UnknownPipeline "DR0611" Error "tests of an unknown pipeline"
        "`pipelines/NAME.test.yaml` tests the pipeline `NAME`, and the project has none of that name."
    TestCase "DR0612" Error "case cannot be carried out"
        "A case of a fixture file contradicts itself or its pipeline, or leaves out what it needs."
    MoreProblems "DR0999" Error "more problems"
        "The file has more problems than are shown."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_number_and_they_stand_in_order() {
        let numbers: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(numbers.is_sorted());
        assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len());
    }

    #[test]
    fn titles_are_lowercase_fragments_unless_they_begin_with_a_name() {
        for code in Code::ALL {
            let title = code.title();
            assert!(!title.ends_with('.'), "{title}");
            assert!(title.starts_with(|c: char| c.is_lowercase()) || title.starts_with("YAML"), "{title}");
            assert!(code.meaning().ends_with('.'), "{title}");
        }
    }
}
