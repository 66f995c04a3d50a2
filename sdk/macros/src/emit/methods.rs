//! `#[methods]`: the impl block, and for each method its exported entry point and schema entry.
//!
//! An entry point checks the caller first, then reads the input, then runs the method, then hands over what it
//! returned. It has no arguments and no result: both go through the host.

use chancery_abi::schema::{EXPORT_PREFIX, Entry, MethodKind};
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Type, spanned::Spanned};

use super::{calls::calls, checks, section::section};
use crate::model::{Method, Methods, Returns, Rule};

pub(crate) fn methods(methods: &Methods) -> TokenStream {
    let item = &methods.item;
    let entries = methods.methods.iter().map(|method| entry(&item.self_ty, method));
    let calls = calls(methods);
    quote!(#item #(#entries)* #calls)
}

fn entry(contract: &Type, method: &Method) -> TokenStream {
    let export = format!("{EXPORT_PREFIX}{}", method.entry.name);
    let rule = rule(&method.rule);
    let places: Vec<_> = (0..method.arguments.len()).map(|place| format_ident!("__argument{place}")).collect();
    let reads = places.iter().zip(&method.arguments).map(|(place, ty)| {
        quote_spanned!(ty.span() => let #place: #ty = ::chancery_sdk::__private::Input::take::<#ty>(&mut __input);)
    });
    let ident = &method.ident;
    let cx = method.takes_cx.then(|| quote!(&__cx,));
    let call = quote!(__contract.#ident(#cx #(#places),*));
    let finish = finish(&method.returns, &call);
    let once = once(contract, method);
    let schema = section(&Entry::Method(method.entry.clone()));
    let named = checks(&method.named);
    quote! {
        const _: () = {
            #[cfg_attr(target_arch = "wasm32", unsafe(export_name = #export))]
            #[allow(dead_code, unused_mut, unused_variables)]
            extern "C" fn entry() {
                let __cx = ::chancery_sdk::__private::cx();
                let mut __contract = <#contract as ::chancery_sdk::__private::Contract>::open();
                #rule
                let mut __input = ::chancery_sdk::__private::Input::read();
                #(#reads)*
                ::chancery_sdk::__private::Input::end(__input);
                #finish
            }
            #once
            #named
            #schema
        };
    }
}

/// Makes a second method that runs when the contract is deployed or upgraded a mistake wherever it stands: a trait is
/// implemented once.
fn once(contract: &Type, method: &Method) -> TokenStream {
    let name = match method.entry.kind {
        MethodKind::Init => "ThereIsOneInitMethodSoMergeThem",
        MethodKind::Migrate => "ThereIsOneMigrateMethodSoMergeThem",
        MethodKind::Bounce => "ThereIsOneBounceMethodSoMergeThem",
        MethodKind::Call | MethodKind::Query | MethodKind::Message => return TokenStream::new(),
    };
    let name = syn::Ident::new(name, method.ident.span());
    quote_spanned!(method.ident.span() => impl ::chancery_sdk::__private::#name for #contract {})
}

fn rule(rule: &Rule) -> TokenStream {
    match rule {
        Rule::Nothing => TokenStream::new(),
        Rule::Only(field) => {
            quote_spanned!(field.span() => ::chancery_sdk::__private::only(&__contract.#field, &__cx);)
        }
        Rule::Member(field) => {
            quote_spanned!(field.span() => ::chancery_sdk::__private::member(&__contract.#field, &__cx);)
        }
        Rule::Role(role) => quote!(::chancery_sdk::__private::role(#role, &__cx);),
    }
}

fn finish(returns: &Returns, call: &TokenStream) -> TokenStream {
    match returns {
        Returns::Nothing => quote!(#call;),
        Returns::Value(ty) => quote_spanned!(ty.span() => ::chancery_sdk::__private::output::<#ty>(&#call);),
        Returns::Fallible(ty) => quote_spanned! {ty.span() =>
            match #call {
                ::core::result::Result::Ok(__value) => ::chancery_sdk::__private::output::<#ty>(&__value),
                ::core::result::Result::Err(__error) => ::chancery_sdk::__private::refuse(&__error),
            }
        },
    }
}
