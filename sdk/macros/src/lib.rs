//! The macros of the contract SDK. `chancery-sdk` re-exports them, and says there how a contract is written.
//!
//! Each macro works in two steps that know nothing of each other's tokens: `parse` reads the user's item into a typed
//! `model`, refusing what cannot be with an error at the user's own line that says the fix, and `emit` writes the item
//! back (without our attributes), its entry points, and its entries of the schema section.
//!
//! Invariants: a schema entry is made from the very item whose code is emitted, in one expansion, so the two cannot
//! differ; its bytes are made here, at expansion, by `chancery-abi` itself; and no emitted token is `unsafe` but the
//! two attributes that name an export and a section, which touch no memory.
//!
//! What is deliberately absent: types are read as they are written. A type alias would be taken for a type of the
//! contract, and is refused when the contract is compiled.

mod emit;
mod model;
mod parse;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a struct of storage fields the contract: `#[contract] pub struct Counter { owner: Value<Address> }`.
///
/// Every field is a `Value`, `Map`, `Set`, `List` or `Index`, stored under its own name. `#[public]` on a field lets
/// the API offer it to everyone.
#[proc_macro_attribute]
pub fn contract(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand(attribute, item, |item| parse::contract(item).map(|model| emit::contract(&model)))
}

/// Makes the public functions of an impl block methods of the contract.
///
/// Each is marked with exactly one of `#[init]`, `#[access(anyone)]`, `#[access(only(FIELD))]`,
/// `#[access(member(FIELD))]`, `#[query]`, `#[migrate]`, `#[on_message]` (messages of contracts on other chains; whose,
/// `cx.arrived()` says) and `#[on_bounce]` (the contract's own messages that came back); `#[reentrant]` beside it lets the method be entered while
/// the contract is already running. There may be any number of such blocks, in any file.
#[proc_macro_attribute]
pub fn methods(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand(attribute, item, |item| parse::methods(item).map(|model| emit::methods(&model)))
}

/// Lets a struct or enum stand in arguments, results, events and storage: derives SCALE and explains it in the schema.
#[proc_macro_attribute]
pub fn data(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand(attribute, item, |item| parse::data(item).map(|model| emit::data(&model)))
}

/// Makes a struct an event; up to four of its fields may be marked `#[index]`, and events are found by those.
#[proc_macro_attribute]
pub fn event(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand(attribute, item, |item| parse::event(item).map(|model| emit::event(&model)))
}

/// Makes an enum the errors a contract refuses with. Each variant has a number that never changes, `#[code(1)]`, and
/// its sentence, `#[message(en = "...", zh = "...")]`, in which `{field}` stands for a field of the variant.
#[proc_macro_attribute]
pub fn error(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand(attribute, item, |item| parse::error(item).map(|model| emit::error(&model)))
}

/// Writes a typed handle of another contract from its schema, so that calling it is calling a function:
///
/// ```ignore
/// handle!(pub mod counter = "interfaces/counter.schema");
///
/// let count = counter::Counter::at(address).add(cx, 5)?;
/// ```
///
/// The file is the contract's Wasm, or its schema alone as `chancery contract schema WHAT --save FILE` writes it; its path
/// begins at the package's Cargo.toml. The module has the contract's types, its errors as `CounterRefusal`, and the
/// handle, whose calls return `Result<T, CallError<CounterRefusal>>`. A handle gives all the gas there is, or what
/// `with_gas` says.
#[proc_macro]
pub fn handle(input: TokenStream) -> TokenStream {
    let expanded = syn::parse::<parse::HandleInput>(input).and_then(|input| parse::handle(&input));
    expanded.map_or_else(|error| error.to_compile_error(), |model| emit::handle(&model)).into()
}

type Expanded = syn::Result<proc_macro2::TokenStream>;

/// Expands, or puts the errors beside the item without our attributes, so that one mistake does not bring ten more.
fn expand(attribute: TokenStream, item: TokenStream, expand: impl FnOnce(syn::Item) -> Expanded) -> TokenStream {
    let expanded = if attribute.is_empty() {
        syn::parse::<syn::Item>(item.clone()).and_then(expand)
    } else {
        let attribute = proc_macro2::TokenStream::from(attribute);
        Err(syn::Error::new_spanned(attribute, "this attribute takes nothing in parentheses"))
    };
    expanded.unwrap_or_else(|error| emit::refused(item.into(), &error)).into()
}
