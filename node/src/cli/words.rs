//! Commands that take a contract's own arguments: `chancery call main/evidence file --case-number 7 --as clerk`.
//!
//! What comes after the method's name mixes options of the command with arguments that only the deployed contract
//! knows. An option's name always means the option; `--arg NAME=VALUE` reaches an argument of the same name. The
//! options themselves are left to clap, with its checks, defaults and help.

use clap::{Args, Parser};

use super::failure::{Failure, Result};

/// Words that clap hands over unparsed.
#[derive(Args)]
pub(super) struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    words: Vec<String>,
}

/// An argument for a contract, as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawArgument {
    /// Its name, with underscores.
    pub name: String,
    /// Its value; `None` when the name stood alone.
    pub value: Option<String>,
}

/// The words sorted out.
pub(super) struct Sorted<O> {
    /// The command's options and positionals.
    pub options: O,
    /// The contract's arguments, in order.
    pub arguments: Vec<RawArgument>,
    /// Whether help is asked for.
    pub help: bool,
}

impl Words {
    /// Sorts the words of the command `name`. Help on the command itself is given here, when fewer than `wanted`
    /// positionals are there to give help on something else.
    ///
    /// # Errors
    /// When clap does not understand the options, or is asked for help.
    pub(super) fn sort<O: Parser>(self, name: &'static str, wanted: usize) -> Result<Sorted<O>> {
        let command = O::command();
        let takes_value = |long: &str| {
            command.get_arguments().find(|arg| arg.get_long() == Some(long)).map(|arg| arg.get_action().takes_values())
        };
        let (mut known, mut arguments, mut help, mut positionals) = (vec![name.to_owned()], Vec::new(), false, 0);
        let mut words = self.words.into_iter().peekable();
        while let Some(word) = words.next() {
            let Some(long) = word.strip_prefix("--") else {
                help |= word == "-h";
                if word != "-h" {
                    positionals += usize::from(!word.starts_with('-') || word == "-");
                    known.push(word);
                }
                continue;
            };
            let (long, inline) = match long.split_once('=') {
                Some((long, value)) => (long, Some(value.to_owned())),
                None => (long, None),
            };
            match takes_value(long) {
                _ if long == "help" => help = true,
                _ if long == "arg" => arguments.push(explicit(inline.or_else(|| words.next()))?),
                Some(true) if inline.is_none() => {
                    known.push(word.clone());
                    known.extend(words.next());
                }
                Some(_) => known.push(word.clone()),
                None => {
                    let value = inline.or_else(|| words.next_if(|next| !next.starts_with("--")));
                    arguments.push(RawArgument { name: long.replace('-', "_"), value });
                }
            }
        }
        if help && positionals < wanted {
            known.push("--help".into());
        }
        let options = O::try_parse_from(known)?;
        Ok(Sorted { options, arguments, help })
    }
}

/// `NAME=VALUE` as an argument.
pub(super) fn explicit(word: Option<String>) -> Result<RawArgument> {
    let word = word.ok_or_else(|| Failure::usage("--arg needs NAME=VALUE"))?;
    let (name, value) = word
        .split_once('=')
        .ok_or_else(|| Failure::usage(format!("`--arg {word}` has no `=`")).help("write --arg NAME=VALUE"))?;
    Ok(RawArgument { name: name.replace('-', "_"), value: Some(value.into()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser)]
    struct Options {
        target: Option<String>,
        method: Option<String>,
        #[arg(long = "as")]
        key: Option<String>,
        #[arg(long)]
        wait: bool,
    }

    fn sorted(words: &[&str]) -> Sorted<Options> {
        let words = Words { words: words.iter().map(|word| (*word).to_owned()).collect() };
        words.sort("chancery call", 2).unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    fn argument(name: &str, value: Option<&str>) -> RawArgument {
        RawArgument { name: name.into(), value: value.map(Into::into) }
    }

    #[test]
    fn options_and_arguments_are_told_apart_in_any_order() {
        let sorted = sorted(&[
            "--as",
            "demo",
            "main/evidence",
            "--case-number",
            "7",
            "file",
            "--wait",
            "--pages=-3",
            "--sealed",
        ]);
        assert_eq!(sorted.options.target.as_deref(), Some("main/evidence"));
        assert_eq!(sorted.options.method.as_deref(), Some("file"));
        assert_eq!(sorted.options.key.as_deref(), Some("demo"));
        assert!(sorted.options.wait);
        let expected = [argument("case_number", Some("7")), argument("pages", Some("-3")), argument("sealed", None)];
        assert_eq!(sorted.arguments, expected);
    }

    #[test]
    fn an_argument_named_like_an_option_is_reached_by_arg() {
        let sorted = sorted(&["main/x", "m", "--arg", "as=me=you", "--arg=wait=1", "--delta", "-5"]);
        let expected = [argument("as", Some("me=you")), argument("wait", Some("1")), argument("delta", Some("-5"))];
        assert_eq!(sorted.arguments, expected);
        assert_eq!(sorted.options.key, None);
    }

    #[test]
    fn help_is_the_method_s_once_a_method_is_named() {
        assert!(sorted(&["main/x", "m", "--help"]).help);
        let words = Words { words: vec!["main/x".into(), "--help".into()] };
        let help = words.sort::<Options>("chancery call", 2);
        assert!(help.is_err_and(|failure| failure.clap().is_some_and(|error| !error.use_stderr())));
    }
}
