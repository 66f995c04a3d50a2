//! Writes the [`model`](crate::model) back as Rust: the user's item, what its generated code is, and its schema
//! entries. Nothing here can fail; what could has been refused by the parser.
//!
//! Generated code names everything by its full path under `::chancery_sdk`, stands in `const _` blocks so that it adds
//! no name to the user's module, and carries the user's spans wherever the compiler may find fault with it.

mod calls;
mod contract;
mod data;
mod error;
mod event;
mod handle;
mod methods;
mod section;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

pub(crate) use contract::contract;
pub(crate) use data::data;
pub(crate) use error::error;
pub(crate) use event::event;
pub(crate) use handle::handle;
pub(crate) use methods::methods;

/// The span of what no line of the user's stands for.
fn here() -> proc_macro2::Span {
    proc_macro2::Span::call_site()
}

/// The user's item without our attributes, and the errors beside it.
pub(crate) fn refused(item: TokenStream, error: &syn::Error) -> TokenStream {
    let errors = error.to_compile_error();
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(mut item) => {
            strip(&mut item);
            quote!(#item #errors)
        }
        Err(_) => quote!(#item #errors),
    }
}

/// Takes our attributes off an item, wherever they may stand.
fn strip(item: &mut syn::Item) {
    match item {
        syn::Item::Struct(item) => {
            retain_foreign(&mut item.attrs);
            item.fields.iter_mut().for_each(|field| retain_foreign(&mut field.attrs));
        }
        syn::Item::Enum(item) => {
            retain_foreign(&mut item.attrs);
            for variant in &mut item.variants {
                retain_foreign(&mut variant.attrs);
                variant.fields.iter_mut().for_each(|field| retain_foreign(&mut field.attrs));
            }
        }
        syn::Item::Impl(item) => item.items.iter_mut().for_each(|member| {
            if let syn::ImplItem::Fn(function) = member {
                retain_foreign(&mut function.attrs);
                for argument in &mut function.sig.inputs {
                    if let syn::FnArg::Typed(argument) = argument {
                        argument.attrs.retain(|attribute| !attribute.path().is_ident("doc"));
                    }
                }
            }
        }),
        _ => {}
    }
}

fn retain_foreign(attributes: &mut Vec<syn::Attribute>) {
    const OURS: &[&str] = &[
        "init",
        "access",
        "query",
        "migrate",
        "on_message",
        "on_bounce",
        "reentrant",
        "public",
        "index",
        "code",
        "message",
        "codec",
    ];
    attributes.retain(|attribute| !OURS.iter().any(|ours| attribute.path().is_ident(ours)));
}

/// Lets the compiler check that each type the schema names is explained under that very name.
fn checks(named: &[crate::model::NamedType]) -> impl ToTokens {
    let checks = named.iter().map(|named| {
        let (ty, name) = (&named.ty, &named.name);
        quote::quote_spanned!(syn::spanned::Spanned::span(ty) => const _: () = ::chancery_sdk::__private::explained::<#ty>(#name);)
    });
    quote!(#(#checks)*)
}
