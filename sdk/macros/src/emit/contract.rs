//! `#[contract]`: the struct, how it is opened over its slots, and the entries of the contract, its fields and the
//! SDK's own errors.

use chancery_abi::{
    schema::{Docs, Entry, ErrorType, FORMAT},
    slot,
};
use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::{ext::IdentExt, spanned::Spanned};

use super::{checks, section::section};
use crate::model::Contract;

/// The errors with which the SDK itself refuses: constant in `chancery_sdk::__private`, number, name, sentences.
const SDK_ERRORS: &[(&str, u32, &str, &str, &str)] = &[
    (
        "BAD_INPUT",
        0xFFFF_0000,
        "BadInput",
        "the input is not the encoding of the method's arguments",
        "输入不是该方法参数的正确编码",
    ),
    ("NOT_ALLOWED", 0xFFFF_0001, "NotAllowed", "the caller may not call this method", "调用者无权调用此方法"),
    (
        "BAD_STATE",
        0xFFFF_0002,
        "BadState",
        "a stored entry is not of the type that this code expects",
        "存储的条目与本版代码所期望的类型不符",
    ),
];

pub(crate) fn contract(contract: &Contract) -> TokenStream {
    let (item, ident) = (&contract.item, &contract.item.ident);
    let fields = contract.fields.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        let mut prefix = Vec::new();
        slot::push_field(&mut prefix, field.entry.name.as_str());
        let prefix = Literal::byte_string(&prefix);
        quote_spanned!(ty.span() => #ident: <#ty as ::chancery_sdk::__private::Stored>::at(#prefix))
    });
    let storage = contract.fields.iter().map(|field| section(&Entry::Storage(field.entry.clone())));
    let named = contract.fields.iter().map(|field| checks(&field.named));
    let itself = section(&Entry::Contract {
        format: FORMAT,
        name: ident.unraw().to_string(),
        // The package that is being compiled; cargo says which.
        version: std::env::var("CARGO_PKG_VERSION").unwrap_or_default(),
        sdk: env!("CARGO_PKG_VERSION").into(),
        docs: contract.docs.clone(),
    });
    let errors = SDK_ERRORS.iter().map(|&(constant, code, name, en, zh)| {
        let message = Docs { en: en.into(), zh: zh.into() };
        let entry = section(&Entry::Error(ErrorType { code, name: name.into(), fields: Vec::new(), message }));
        let constant = syn::Ident::new(constant, proc_macro2::Span::call_site());
        quote! {
            #entry
            const _: () = assert!(::chancery_sdk::__private::#constant == #code, "chancery-sdk and chancery-macros are of different releases");
        }
    });
    quote! {
        #item

        const _: () = {
            impl ::chancery_sdk::__private::Contract for #ident {
                #[inline(always)]
                fn open() -> Self {
                    Self { #(#fields),* }
                }
            }
            #[cfg(not(target_arch = "wasm32"))]
            impl ::chancery_sdk::calls::Package for #ident {
                const DIRECTORY: &'static str = ::core::env!("CARGO_MANIFEST_DIR");
            }
            #(#named)*
            #itself
            #(#storage)*
            #(#errors)*
        };
    }
}
