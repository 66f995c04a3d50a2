//! `#[methods]`: an impl block whose public functions are the contract's methods.

use chancery_abi::schema::{Access, Field, Method as Entry, MethodKind, TypeRef};
use syn::{Attribute, FnArg, Ident, ImplItem, ImplItemFn, Item, Meta, Pat, ReturnType, Signature, Type, Visibility};

use super::{Errors, attributes, types};
use crate::model::{Method, Methods, NamedType, Returns, Rule};

const MARKS: &[&str] = &["init", "access", "query", "migrate", "on_message", "on_bounce"];
const RULES: &str = "an access rule is `anyone`, `only(FIELD)` or `member(FIELD)`, where FIELD is a storage field, or `role(NAME)`, a role in the registry";

pub(crate) fn methods(item: Item) -> syn::Result<Methods> {
    let Item::Impl(mut item) = item else {
        return Err(syn::Error::new_spanned(item, "put #[methods] on an impl block of the contract"));
    };
    if let Some((_, path, _)) = &item.trait_ {
        return Err(syn::Error::new_spanned(path, "methods stand in the contract's own impl block, not in a trait's"));
    }
    attributes::no_generics(&item.generics, "a contract")?;
    let mut errors = Errors::default();
    let mut methods: Vec<Method> = Vec::new();
    for member in &mut item.items {
        let ImplItem::Fn(function) = member else { continue };
        let Some(found) = errors.keep(method(function)).flatten() else { continue };
        let kind = found.entry.kind;
        if matches!(kind, MethodKind::Init | MethodKind::Migrate | MethodKind::Bounce)
            && let Some(first) = methods.iter().find(|method| method.entry.kind == kind)
        {
            let message = format!("`{}` runs then already, and only one method may: join the two", first.ident);
            errors.push(syn::Error::new_spanned(&found.ident, message));
        }
        methods.push(found);
    }
    errors.finish(Methods { item, methods })
}

/// The method that a function is; `None` for a private function.
fn method(function: &mut ImplItemFn) -> syn::Result<Option<Method>> {
    let marks = attributes::take(&mut function.attrs, MARKS);
    let reentrant = attributes::take_mark(&mut function.attrs, "reentrant")?;
    let name = &function.sig.ident;
    if !matches!(function.vis, Visibility::Public(_)) {
        return match marks.first() {
            Some(mark) => Err(syn::Error::new_spanned(mark, format!("a method is public: write `pub fn {name}`"))),
            None => Ok(None),
        };
    }
    let mark = match marks.as_slice() {
        [mark] => mark,
        [] => {
            let message = format!(
                "say who may call `{name}`: put #[access(anyone)], #[access(only(FIELD))] or #[access(member(FIELD))] on it, or #[query], #[init], #[migrate], #[on_message] or #[on_bounce]; without `pub` it is no method"
            );
            return Err(syn::Error::new_spanned(name, message));
        }
        [_, second, ..] => {
            let message = "a method has exactly one of #[init], #[access(...)], #[query], #[migrate], #[on_message] and #[on_bounce]: remove this one";
            return Err(syn::Error::new_spanned(second, message));
        }
    };
    let (kind, access, rule) = purpose(mark)?;
    let mut errors = Errors::default();
    errors.keep(check_signature(&function.sig, kind));
    let mut named = Vec::new();
    let docs = attributes::docs(&function.attrs);
    let entry_name = errors.keep(attributes::schema_ident(name));
    let returned = errors.keep(returns(&function.sig.output, &mut named));
    if matches!(kind, MethodKind::Init | MethodKind::Migrate | MethodKind::Message | MethodKind::Bounce)
        && returned.as_ref().is_some_and(|(_, ty)| *ty != TypeRef::Unit)
    {
        let message = "nobody sees what this method returns: return nothing, or `Result<(), E>`";
        errors.push(syn::Error::new_spanned(&function.sig.output, message));
    }
    let arguments = errors.keep(arguments(&mut function.sig, &mut named));
    if kind == MethodKind::Bounce && arguments.as_ref().is_some_and(|arguments| !arguments.fields.is_empty()) {
        let message = "this method has no arguments: what came back is in `cx.arrived()`";
        errors.push(syn::Error::new_spanned(&function.sig.inputs, message));
    }
    let ident = function.sig.ident.clone();
    match (entry_name, returned, arguments) {
        (Some(name), Some((returns, ty)), Some(Arguments { takes_cx, fields, types: arguments })) => {
            let entry = Entry { name, kind, access, arguments: fields, returns: ty, reentrant, docs };
            errors.finish(Some(Method { ident, rule, takes_cx, arguments, returns, entry, named }))
        }
        _ => errors.finish(None),
    }
}

fn purpose(mark: &Attribute) -> syn::Result<(MethodKind, Access, Rule)> {
    let plain = |kind, access| attributes::bare(mark).map(|()| (kind, access, Rule::Nothing));
    if mark.path().is_ident("init") {
        plain(MethodKind::Init, Access::Deployer)
    } else if mark.path().is_ident("migrate") {
        plain(MethodKind::Migrate, Access::Deployer)
    } else if mark.path().is_ident("on_message") {
        plain(MethodKind::Message, Access::Messages)
    } else if mark.path().is_ident("on_bounce") {
        plain(MethodKind::Bounce, Access::Messages)
    } else if mark.path().is_ident("query") {
        plain(MethodKind::Query, Access::Anyone)
    } else {
        let (access, rule) = access(mark)?;
        Ok((MethodKind::Call, access, rule))
    }
}

fn access(mark: &Attribute) -> syn::Result<(Access, Rule)> {
    let refused = |tokens: &dyn quote::ToTokens| syn::Error::new_spanned(tokens, RULES);
    let Meta::List(list) = &mark.meta else { return Err(refused(mark)) };
    match list.parse_args::<Meta>().map_err(|_| refused(mark))? {
        Meta::Path(path) if path.is_ident("anyone") => Ok((Access::Anyone, Rule::Nothing)),
        Meta::List(rule) => {
            let field: Ident = rule.parse_args().map_err(|_| refused(&rule))?;
            let name = attributes::schema_ident(&field)?;
            if rule.path.is_ident("only") {
                Ok((Access::Only(name), Rule::Only(field)))
            } else if rule.path.is_ident("member") {
                Ok((Access::Member(name), Rule::Member(field)))
            } else if rule.path.is_ident("role") {
                // Names in the registry have dashes where Rust's have underscores.
                let role = name.as_str().replace('_', "-");
                Ok((Access::Role(name), Rule::Role(role)))
            } else {
                Err(refused(&rule.path))
            }
        }
        other => Err(refused(&other)),
    }
}

fn check_signature(signature: &Signature, kind: MethodKind) -> syn::Result<()> {
    attributes::no_generics(&signature.generics, "a method")?;
    let modifier = (signature.asyncness.map(|word| word.span))
        .or(signature.unsafety.map(|word| word.span))
        .or(signature.constness.map(|word| word.span))
        .or(signature.abi.as_ref().map(|abi| abi.extern_token.span));
    if let Some(span) = modifier {
        return Err(syn::Error::new(span, "a method is a plain `pub fn`: remove this word"));
    }
    match signature.receiver() {
        Some(receiver) if receiver.reference.is_none() || receiver.colon_token.is_some() => {
            Err(syn::Error::new_spanned(receiver, "write `&mut self`, or `&self` in a query"))
        }
        Some(receiver) if kind == MethodKind::Query && receiver.mutability.is_some() => Err(syn::Error::new_spanned(
            receiver,
            "a query only reads: write `&self`, or, if it is to change the state, `#[access(...)]` in the place of `#[query]`",
        )),
        Some(_) => Ok(()),
        None => Err(syn::Error::new_spanned(&signature.ident, "a method takes `&mut self`, or `&self` in a query")),
    }
}

struct Arguments {
    takes_cx: bool,
    fields: Vec<Field>,
    types: Vec<Type>,
}

/// The arguments after `self` and `cx`. Their documentation is taken off, since the compiler allows none there.
fn arguments(signature: &mut Signature, named: &mut Vec<NamedType>) -> syn::Result<Arguments> {
    let mut errors = Errors::default();
    let mut found = Arguments { takes_cx: false, fields: Vec::new(), types: Vec::new() };
    for (place, argument) in signature.inputs.iter_mut().enumerate() {
        let FnArg::Typed(argument) = argument else { continue };
        let docs = attributes::docs(&argument.attrs);
        attributes::take(&mut argument.attrs, &["doc"]);
        match cx_of(&argument.ty) {
            Some(is_shared) if is_shared && place == 1 => {
                found.takes_cx = true;
                continue;
            }
            Some(_) => {
                errors.push(syn::Error::new_spanned(
                    &*argument,
                    "the context comes first and is borrowed: write `cx: &Cx` right after `self`",
                ));
                continue;
            }
            None => {}
        }
        let name = match &*argument.pat {
            Pat::Ident(pattern) if pattern.subpat.is_none() && pattern.by_ref.is_none() => {
                attributes::schema_ident(&pattern.ident)
            }
            pattern => Err(syn::Error::new_spanned(
                pattern,
                "name the argument: its name becomes part of the contract's interface",
            )),
        };
        let (name, ty) = (errors.keep(name), errors.keep(types::type_ref(&argument.ty, named)));
        if let (Some(name), Some(ty)) = (name, ty) {
            found.fields.push(Field { name, ty, docs });
            found.types.push((*argument.ty).clone());
        }
    }
    errors.finish(found)
}

/// Whether a type is the context's, and then whether it is `&Cx`.
fn cx_of(ty: &Type) -> Option<bool> {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Cx").then_some(false),
        Type::Reference(reference) => {
            cx_of(&reference.elem).map(|is_shared| !is_shared && reference.mutability.is_none())
        }
        _ => None,
    }
}

fn returns(output: &ReturnType, named: &mut Vec<NamedType>) -> syn::Result<(Returns, TypeRef)> {
    let ReturnType::Type(_, ty) = output else { return Ok((Returns::Nothing, TypeRef::Unit)) };
    if let Type::Path(path) = &**ty
        && let Some(segment) = path.path.segments.last().filter(|segment| segment.ident == "Result")
    {
        let parameters = types::generics(segment)?;
        let value = parameters
            .first()
            .ok_or_else(|| syn::Error::new_spanned(ty, "write `Result<T, E>`, where E is an enum with #[error]"))?;
        return Ok((Returns::Fallible(value.clone()), types::type_ref(value, named)?));
    }
    let schema_type = types::type_ref(ty, named)?;
    let returns = if schema_type == TypeRef::Unit { Returns::Nothing } else { Returns::Value((**ty).clone()) };
    Ok((returns, schema_type))
}
