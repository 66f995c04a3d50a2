//! Pieces of pages: what is written the same way wherever it stands.
//!
//! [`Html`] holds markup whose parts are escaped. It is made here and by templates, nowhere else.

use std::fmt::{self, Display, Write as _};

use askama::Template;
use chancery_verify::Utc;

use super::lang::Lang;

/// Markup that may stand in a page as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Html {}

impl Html {
    /// What a template makes.
    pub(super) fn of(template: &impl Template) -> Self {
        // Templates write to memory, and what they show cannot fail to be shown.
        Self(template.render().unwrap_or_default())
    }

    /// A text.
    pub(super) fn text(text: impl Display) -> Self {
        Self(escaped(&text.to_string()))
    }

    /// A text in another language than the page's, where it is.
    pub(super) fn text_in(page: Lang, (text, lang): (String, Lang)) -> Self {
        match page == lang {
            true => Self::text(text),
            false => Self(format!("<span lang=\"{}\">{}</span>", lang.tag(), escaped(&text))),
        }
    }

    /// A digest, key or other code.
    pub(super) fn mono(text: impl Display) -> Self {
        Self(format!("<span class=\"mono\">{}</span>", escaped(&text.to_string())))
    }

    /// A link. The address is one of this portal's own, made of names and numbers.
    pub(super) fn link(href: impl Display, text: impl Display) -> Self {
        Self(format!("<a href=\"{}\">{}</a>", escaped(&href.to_string()), escaped(&text.to_string())))
    }

    /// A link whose text is a code.
    pub(super) fn mono_link(href: impl Display, text: impl Display) -> Self {
        let (href, text) = (escaped(&href.to_string()), escaped(&text.to_string()));
        Self(format!("<a class=\"mono\" href=\"{href}\">{text}</a>"))
    }

    /// A moment, in UTC.
    pub(super) fn time(lang: Lang, timestamp_ms: u64) -> Self {
        let moment = Moment(Utc::of(timestamp_ms));
        Self(format!("<time datetime=\"{}\">{}</time>", moment.machine(), moment.text(lang)))
    }

    /// Several pieces, one after the other.
    pub(super) fn joined(pieces: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let pieces: Vec<String> = pieces.into_iter().map(|piece| piece.0).collect();
        Self(pieces.join(&escaped(between)))
    }

    /// Several pieces as a list.
    pub(super) fn list(pieces: impl IntoIterator<Item = Self>) -> Self {
        let mut text = String::from("<ul class=\"plain\">");
        for piece in pieces {
            // Writing to a string cannot fail.
            write!(text, "<li>{piece}</li>").ok();
        }
        Self(text + "</ul>")
    }

    /// Nothing, said so.
    pub(super) fn none() -> Self {
        Self("—".into())
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A number with commas between its thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The first digits of a digest, to tell it from its neighbours.
pub(super) fn short(digest: &str) -> String {
    match digest.char_indices().nth(12) {
        Some((end, _)) => format!("{}…", &digest[..end]),
        None => digest.to_owned(),
    }
}

/// A moment as the pages write it.
struct Moment(Utc);

impl Moment {
    fn clock(&self) -> String {
        let Utc { hour, minute, second, .. } = self.0;
        format!("{hour:02}:{minute:02}:{second:02}")
    }

    fn machine(&self) -> String {
        let Utc { year, month, day, .. } = self.0;
        format!("{year:04}-{month:02}-{day:02}T{}Z", self.clock())
    }

    fn text(&self, lang: Lang) -> String {
        let Utc { year, month, day, .. } = self.0;
        match lang {
            Lang::En => format!("{year:04}-{month:02}-{day:02} {} UTC", self.clock()),
            Lang::Zh => format!("{year}年{month}月{day}日 {}（协调世界时 UTC）", self.clock()),
        }
    }
}

/// A cell of a table's head.
pub(super) struct Head {
    pub(super) text: String,
    pub(super) is_number: bool,
}

/// A table with its caption, in a frame that scrolls.
#[derive(Template)]
#[template(path = "table.html")]
pub(super) struct Table {
    pub(super) id: String,
    pub(super) caption: String,
    pub(super) heads: Vec<Head>,
    pub(super) rows: Vec<Vec<Html>>,
    /// What is said when there are no rows.
    pub(super) empty: String,
    /// Whether the table stands there without rows, for more to come.
    pub(super) is_kept: bool,
}

impl Table {
    /// A table without rows. A head that begins with `#` stands over numbers.
    pub(super) fn new(id: impl Into<String>, caption: String, heads: &[String], empty: String) -> Self {
        let head = |text: &String| match text.strip_prefix('#') {
            Some(rest) => Head { text: rest.trim_start().into(), is_number: true },
            None => Head { text: text.clone(), is_number: false },
        };
        Self {
            id: id.into(),
            caption,
            heads: heads.iter().map(head).collect(),
            rows: Vec::new(),
            empty,
            is_kept: false,
        }
    }

    /// As markup.
    pub(super) fn html(&self) -> Html {
        Html::of(self)
    }
}

/// Names with what they are, as a definition list.
#[derive(Default, Template)]
#[template(path = "data.html")]
pub(super) struct Data {
    pub(super) items: Vec<(String, Html)>,
}

impl Data {
    /// One more.
    pub(super) fn push(&mut self, name: String, what: Html) {
        self.items.push((name, what));
    }

    /// As markup.
    pub(super) fn html(&self) -> Html {
        Html::of(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(Moment(Utc::of(0)).machine(), "1970-01-01T00:00:00Z");
        // 2024-02-29 23:59:59 UTC.
        let leap = Moment(Utc::of(1_709_251_199_999));
        assert_eq!(leap.machine(), "2024-02-29T23:59:59Z");
        assert_eq!(leap.text(Lang::En), "2024-02-29 23:59:59 UTC");
        assert_eq!(leap.text(Lang::Zh), "2024年2月29日 23:59:59（协调世界时 UTC）");
    }

    #[test]
    fn what_is_shown_is_escaped() {
        let hostile = "<script>\"'&";
        assert_eq!(Html::text(hostile).to_string(), "&lt;script&gt;&quot;&#39;&amp;");
        for piece in [Html::link(hostile, hostile), Html::mono(hostile), Html::mono_link(hostile, hostile)] {
            assert!(!piece.to_string().contains("<script>"), "{piece}");
        }
    }
}
