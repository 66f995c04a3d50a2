//! Values of contracts as people read them. They come as JSON by the contract's schema, whatever the contract.

use serde_json::Value;

use super::{
    html::{Data, Html},
    lang::Lang,
};

/// Milliseconds since 1970 that can be a date; less is a duration.
const DATE_MS_MIN: u64 = 100_000_000_000;
/// Entries of a list that are shown; the rest is counted.
const ENTRIES_SHOWN_MAX: usize = 50;
/// Characters of a text from which on it is broken like a code where it has no spaces.
const CODE_CHARACTERS_MIN: usize = 24;
/// Characters that are shown; the rest is counted.
const CHARACTERS_SHOWN_MAX: usize = 2_000;

/// A whole number, also one that stands as a text because it is beyond 2^53.
pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A whole number with its sign.
pub(super) fn signed(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// A text, empty where there is none.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Anything, nested as it is.
pub(super) fn shown(lang: Lang, value: &Value) -> Html {
    match value {
        Value::Null => Html::none(),
        Value::Bool(true) => Html::text(lang.t("yes")),
        Value::Bool(false) => Html::text(lang.t("no")),
        Value::Number(number) => Html::text(number),
        Value::String(text) => shown_text(lang, text),
        Value::Array(entries) if entries.is_empty() => Html::none(),
        Value::Array(entries) => {
            let mut pieces: Vec<Html> =
                entries.iter().take(ENTRIES_SHOWN_MAX).map(|entry| shown(lang, entry)).collect();
            if entries.len() > ENTRIES_SHOWN_MAX {
                pieces.push(Html::text(lang.t1("value-more", "count", entries.len() - ENTRIES_SHOWN_MAX)));
            }
            Html::list(pieces)
        }
        Value::Object(members) => {
            let mut data = Data::default();
            for (name, member) in members {
                let date = number(member).filter(|ms| name.ends_with("_ms") && *ms >= DATE_MS_MIN);
                let what = date.map_or_else(|| shown(lang, member), |ms| Html::time(lang, ms));
                data.push(name.clone(), what);
            }
            data.html()
        }
    }
}

fn shown_text(lang: Lang, text: &str) -> Html {
    let count = text.chars().count();
    if let Some((end, _)) = text.char_indices().nth(CHARACTERS_SHOWN_MAX) {
        let rest = lang.t1("value-cut", "count", count - CHARACTERS_SHOWN_MAX);
        return Html::joined([Html::mono(&text[..end]), Html::text(rest)], " ");
    }
    let is_code = count >= CODE_CHARACTERS_MIN && !text.contains(char::is_whitespace);
    if is_code { Html::mono(text) } else { Html::text(text) }
}

/// A key in one line.
pub(super) fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(key_text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_value_is_shown_and_nothing_in_it_is_markup() {
        let value = json!({ "at_ms": 1_709_251_199_999_u64, "delay_ms": 5, "<b>": ["<i>", null, true, { "x": [] }] });
        let html = shown(Lang::En, &value).to_string();
        assert!(html.contains("<time datetime=\"2024-02-29T23:59:59Z\">") && html.contains("<dd>5</dd>"), "{html}");
        assert!(!html.contains("<b>") && !html.contains("<i>") && html.contains("&lt;i&gt;"), "{html}");
        let long = shown(Lang::En, &Value::String("a".repeat(5_000))).to_string();
        assert!(long.len() < 3_000 && long.contains("3000"), "{long}");
    }

    #[test]
    fn numbers_beyond_what_json_readers_keep_are_texts() {
        assert_eq!(number(&json!("18446744073709551615")), Some(u64::MAX));
        assert_eq!((number(&json!(7)), number(&json!("x")), signed(&json!(-3))), (Some(7), None, Some(-3)));
    }
}
