//! What the parsers refuse, and that the error says the fix.

use syn::parse_quote;

#[test]
fn a_public_method_without_a_mark_is_refused_with_the_fix() {
    let item = parse_quote! {
        impl Counter {
            pub fn add(&mut self, step: u64) {}
        }
    };
    let error = super::methods(item).err().expect("it is refused").to_string();
    assert!(error.contains("#[access("), "{error}");
}

#[test]
fn marked_methods_are_read_and_private_ones_left_alone() {
    let item = parse_quote! {
        impl Counter {
            #[access(anyone)]
            pub fn add(&mut self, step: u64) {}
            fn helper(&self) {}
        }
    };
    assert!(super::methods(item).is_ok());
}

#[test]
fn a_field_that_is_no_collection_is_refused() {
    let item = parse_quote! {
        struct Counter {
            count: u64,
        }
    };
    assert!(super::contract(item).err().expect("it is refused").to_string().contains("Value<T>"));
}
