//! Message content as the formats share it: a text, or a list of blocks, borrowed from the record.
//!
//! What is not read is passed over without being built. Fields of a kind nobody expects read as
//! absent, so that a newer writer's field does not cost the record.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::EventKind;

/// A short text. A number reads as its digits, anything else as nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_string(self) -> String {
        self.0.into_owned()
    }
}

/// A flag; only `true` is true.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

/// A moment: RFC 3339, a date and time without zone (read as UTC), or seconds or milliseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Date(pub(super) Option<Timestamp>);

/// Numbers of seconds above this (the year 5138) are milliseconds.
const SECONDS_LIMIT: i64 = 100_000_000_000;

impl Date {
    fn from_text(text: &str) -> Self {
        let at = text.parse::<Timestamp>().ok().or_else(|| {
            let civil: DateTime = text.parse().ok()?;
            civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        });
        Self(at)
    }

    fn from_number(number: i64) -> Self {
        if number.unsigned_abs() > SECONDS_LIMIT.unsigned_abs() {
            Self(Timestamp::from_millisecond(number).ok())
        } else {
            Self(Timestamp::from_second(number).ok())
        }
    }
}

/// Implements a visitor's answers to everything that is not the expected kind.
macro_rules! otherwise {
    ($value:expr; $($method:ident($argument:ty)),*) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
        $(fn $method<E>(self, _: $argument) -> Result<Self::Value, E> {
            Ok($value)
        })*
    };
}

/// Implements passing over lists and objects.
macro_rules! pass_over {
    ($lifetime:lifetime, $value:expr; list) => {
        fn visit_seq<A: SeqAccess<$lifetime>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
    ($lifetime:lifetime, $value:expr; map) => {
        fn visit_map<A: MapAccess<$lifetime>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            otherwise!(Text::default(); visit_bool(bool), visit_f64(f64));
            pass_over!('de, Text::default(); list);
            pass_over!('de, Text::default(); map);
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FlagVisitor;
        impl<'de> Visitor<'de> for FlagVisitor {
            type Value = Flag;
            otherwise!(Flag(false); visit_u64(u64), visit_i64(i64), visit_f64(f64), visit_str(&str));
            pass_over!('de, Flag(false); list);
            pass_over!('de, Flag(false); map);
            fn visit_bool<E>(self, is_true: bool) -> Result<Self::Value, E> {
                Ok(Flag(is_true))
            }
        }
        deserializer.deserialize_any(FlagVisitor)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DateVisitor;
        impl<'de> Visitor<'de> for DateVisitor {
            type Value = Date;
            otherwise!(Date(None); visit_bool(bool));
            pass_over!('de, Date(None); list);
            pass_over!('de, Date(None); map);
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Date::from_text(text))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Date::from_number(number))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(i64::try_from(number).map_or(Date(None), Date::from_number))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Date::from_number(number as i64))
            }
        }
        deserializer.deserialize_any(DateVisitor)
    }
}

/// The content of a message or of a tool's answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content<'a> {
    /// One text, perhaps empty.
    Text(Cow<'a, str>),
    /// Blocks, in order.
    Blocks(Vec<Block<'a>>),
}

impl Default for Content<'_> {
    fn default() -> Self {
        Self::Text(Cow::Borrowed(""))
    }
}

impl Content<'_> {
    /// Returns the text of all blocks that hold any, one after the other.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text.into_owned(),
            Self::Blocks(blocks) => {
                let mut all = String::new();
                for block in blocks {
                    let text = block.text.into_string();
                    let text = if text.is_empty() { block.content.into_text() } else { text };
                    if !text.is_empty() {
                        if !all.is_empty() {
                            all.push('\n');
                        }
                        all.push_str(&text);
                    }
                }
                all
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content<'de>;
            otherwise!(Content::default(); visit_bool(bool), visit_u64(u64), visit_i64(i64), visit_f64(f64));
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut blocks = Vec::new();
                while let Some(block) = list.next_element()? {
                    blocks.push(block);
                }
                Ok(Content::Blocks(blocks))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let block = Fields::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Content::Blocks(vec![block.into()]))
            }
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}

/// One block of a message: text, a tool call or a tool's answer. A bare string in a list is a text block.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Block<'a> {
    pub(super) kind: Text<'a>,
    pub(super) text: Text<'a>,
    pub(super) id: Text<'a>,
    pub(super) name: Text<'a>,
    pub(super) input: Json,
    pub(super) tool_use_id: Text<'a>,
    pub(super) content: Box<Content<'a>>,
    pub(super) is_error: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    input: Json,
    #[serde(borrow)]
    tool_use_id: Text<'a>,
    #[serde(borrow)]
    content: Box<Content<'a>>,
    is_error: Flag,
}

impl<'a> From<Fields<'a>> for Block<'a> {
    fn from(fields: Fields<'a>) -> Self {
        let Fields { kind, text, id, name, input, tool_use_id, content, is_error } = fields;
        Self { kind, text, id, name, input, tool_use_id, content, is_error }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Block<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BlockVisitor;
        impl<'de> Visitor<'de> for BlockVisitor {
            type Value = Block<'de>;
            otherwise!(Block::default(); visit_bool(bool), visit_u64(u64), visit_i64(i64), visit_f64(f64));
            pass_over!('de, Block::default(); list);
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Block { kind: TEXT, text: Text(Cow::Borrowed(text)), ..Block::default() })
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Block { kind: TEXT, text: Text(Cow::Owned(text.to_owned())), ..Block::default() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let fields = Fields::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(fields.into())
            }
        }
        deserializer.deserialize_any(BlockVisitor)
    }
}

const TEXT: Text<'static> = Text(Cow::Borrowed("text"));

impl<'a> Block<'a> {
    /// Says what the block is, unless it is of a kind no dream looks at. `spoken` is what its text is,
    /// if it is text.
    pub(super) fn into_event(self, spoken: impl FnOnce(String) -> Option<EventKind>) -> Option<EventKind> {
        match self.kind.as_str() {
            "text" | "input_text" | "output_text" => spoken(self.text.into_string()),
            "tool_use" | "server_tool_use" | "mcp_tool_use" => Some(EventKind::ToolUse {
                id: self.id.into_string(),
                name: self.name.into_string(),
                input: self.input.0,
            }),
            "tool_result" | "mcp_tool_result" => Some(EventKind::ToolResult {
                id: self.tool_use_id.into_string(),
                text: self.content.into_text(),
                is_error: self.is_error.0,
            }),
            _ => None,
        }
    }
}

/// A tool's input as JSON text. An input that is itself a string is taken to hold the JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Json(pub(super) String);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct JsonVisitor;
        impl<'de> Visitor<'de> for JsonVisitor {
            type Value = Json;
            otherwise!(Json::default(); visit_bool(bool), visit_u64(u64), visit_i64(i64), visit_f64(f64));
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Json(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                let mut out = String::new();
                Rewrite(&mut out).visit_seq(list)?;
                Ok(Json(out))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let mut out = String::new();
                Rewrite(&mut out).visit_map(map)?;
                Ok(Json(out))
            }
        }
        deserializer.deserialize_any(JsonVisitor)
    }
}

/// Writes a value out again as compact JSON while it is being parsed, keys in their order.
struct Rewrite<'o>(&'o mut String);

impl<'de> DeserializeSeed<'de> for Rewrite<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rewrite<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push_str("null");
        Ok(())
    }
    fn visit_bool<E>(self, is_true: bool) -> Result<(), E> {
        self.0.push_str(if is_true { "true" } else { "false" });
        Ok(())
    }
    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.0.push_str(&number.to_string());
        Ok(())
    }
    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.0.push_str(&number.to_string());
        Ok(())
    }
    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.0.push_str(&number.to_string());
        Ok(())
    }
    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        push_quoted(self.0, text);
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.push('[');
        let start = self.0.len();
        loop {
            let end = self.0.len();
            if end > start {
                self.0.push(',');
            }
            if list.next_element_seed(Rewrite(self.0))?.is_none() {
                self.0.truncate(end);
                break;
            }
        }
        self.0.push(']');
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.push('{');
        let mut is_first = true;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if !std::mem::take(&mut is_first) {
                self.0.push(',');
            }
            push_quoted(self.0, key.as_str());
            self.0.push(':');
            map.next_value_seed(Rewrite(self.0))?;
        }
        self.0.push('}');
        Ok(())
    }
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        if escape.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escape);
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_a_text_or_blocks_or_nothing() {
        let read = |json| serde_json::from_str::<Content<'_>>(json).unwrap().into_text();
        assert_eq!(read(r#""a\nb""#), "a\nb");
        assert_eq!(read(r#"[{"type":"text","text":"a"},"b",{"type":"image","source":{}},3]"#), "a\nb");
        assert_eq!(read(r#"{"type":"text","text":"a"}"#), "a");
        assert_eq!(read(r#"[{"type":"search_result","content":[{"type":"text","text":"in"}]}]"#), "in");
        assert_eq!(read("null"), "");
    }

    #[test]
    fn dates_are_texts_or_numbers() {
        let read = |json| serde_json::from_str::<Date>(json).unwrap().0.map(|at| at.to_string());
        let noon = Some("2026-01-02T12:00:00Z".to_owned());
        for json in [
            r#""2026-01-02T12:00:00Z""#,
            r#""2026-01-02T13:00:00+01:00""#,
            r#""2026-01-02T12:00:00""#,
            "1767355200",
            "1767355200000",
            "1767355200.0",
        ] {
            assert_eq!(read(json), noon, "{json}");
        }
        for json in [r#""yesterday""#, "null", "1e300", "18446744073709551615", "{}", "[1]", "true"] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn an_input_is_written_out_as_it_was_read() {
        let json = r#"{"z":[1,-2,1.5,true,null,[],{}],"a":"q\"\\\n\u0001é"}"#;
        assert_eq!(serde_json::from_str::<Json>(json).unwrap().0, json);
        assert_eq!(serde_json::from_str::<Json>(r#""{\"a\":1}""#).unwrap().0, r#"{"a":1}"#);
    }
}
