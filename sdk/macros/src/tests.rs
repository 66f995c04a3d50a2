//! The generated code, word for word: changing a snapshot is a decision, since every contract is made of this.

use insta::assert_snapshot;
use proc_macro2::TokenStream;
use syn::parse_quote;

use crate::{Expanded, emit, parse};

/// Generated code as people would write it.
fn pretty(expanded: Expanded) -> String {
    let tokens: TokenStream = expanded.expect("the item is accepted");
    prettyplease::unparse(&syn::parse2(tokens).expect("generated code can be parsed"))
}

#[test]
fn a_contract() {
    let expanded = parse::contract(parse_quote! {
        /// A counter.
        /// zh: 计数器
        pub struct Counter {
            owner: Value<Address>,
            /// By whom it was counted.
            #[public]
            counts: Map<(Address, u32), Count>,
        }
    });
    assert_snapshot!(pretty(expanded.map(|model| emit::contract(&model))));
}

#[test]
fn methods() {
    let expanded = parse::methods(parse_quote! {
        impl Counter {
            #[init]
            pub fn init(&mut self, cx: &Cx, owner: Address) {
                self.owner.set(&owner);
            }

            /// Counts on.
            #[access(only(owner))]
            #[reentrant]
            pub fn add(&mut self, /** By so much. */ step: u64) -> Result<u64, CounterError> {
                Ok(step)
            }

            #[access(member(clerks))]
            pub fn clear(&mut self) -> Result<(), CounterError> {
                Ok(())
            }

            #[query]
            pub fn count(&self, of: Kind) -> Option<Count> {
                self.private(of)
            }

            #[migrate]
            pub fn migrate(&mut self) {}

            fn private(&self, of: Kind) -> Option<Count> {
                None
            }
        }
    });
    assert_snapshot!(pretty(expanded.map(|model| emit::methods(&model))));
}

#[test]
fn data() {
    let expanded = parse::data(parse_quote! {
        /// A count.
        #[derive(Clone)]
        pub struct Count {
            /// How many.
            pub number: u64,
            pub kind: Kind,
        }
    });
    assert_snapshot!("struct", pretty(expanded.map(|model| emit::data(&model))));
    let expanded = parse::data(parse_quote! {
        pub enum Kind {
            /// Nothing special.
            Plain,
            Named(String, [u8; 4]),
            Special { reason: Vec<u8> } = 7,
        }
    });
    assert_snapshot!("enum", pretty(expanded.map(|model| emit::data(&model))));
}

#[test]
fn an_event() {
    let expanded = parse::event(parse_quote! {
        /// It was counted.
        pub struct CountedOn {
            #[index]
            pub by: Address,
            pub count: Count,
            #[index]
            pub step: u64,
        }
    });
    assert_snapshot!(pretty(expanded.map(|model| emit::event(&model))));
}

#[test]
fn an_error() {
    let expanded = parse::error(parse_quote! {
        #[derive(Debug)]
        pub enum CounterError {
            #[code(1)]
            #[message(en = "the counter is full", zh = "计数器已满")]
            Full,
            #[code(7)]
            #[message(en = "{step} is more than {most}", zh = "{step}超过{most}")]
            TooMuch { step: u64, most: u64 },
            #[code(8)]
            #[message(en = "{value} is unknown", zh = "未知:{value}")]
            Unknown(Kind),
        }
    });
    assert_snapshot!(pretty(expanded.map(|model| emit::error(&model))));
}

#[test]
fn a_handle() {
    let schema = include_bytes!("../../../tests/contracts/caller/interfaces/evidence.schema");
    let input = parse_quote!(
        /// The department's evidence.
        pub(crate) mod evidence = "interfaces/evidence.schema"
    );
    let model = parse::handle_model(&input, schema).expect("the schema is one");
    assert_snapshot!(pretty(Ok(emit::handle(&model))));
}

#[test]
fn refused_items_keep_their_place_without_our_attributes() {
    let item: TokenStream = parse_quote! {
        impl Office {
            pub fn unmarked(&mut self) {}
            #[access(anyone)]
            pub fn marked(&mut self, /** Why. */ reason: String) {}
        }
    };
    let error = syn::Error::new(proc_macro2::Span::call_site(), "the error");
    assert_snapshot!(pretty(Ok(emit::refused(item, &error))));
}
