//! The counter of docs/contracts/compared.md with concordium's SDK. This line is not counted there.
use concordium_std::*;

#[derive(Serialize, SchemaType)]
pub struct State {
    owner: AccountAddress,
    count: u64,
}

#[derive(Serialize, SchemaType)]
pub struct Counted {
    by: Address,
    count: u64,
}

#[derive(Debug, PartialEq, Eq, Reject, Serialize, SchemaType)]
pub enum CounterError {
    #[from(ParseError)]
    ParseParams,
    #[from(LogError)]
    Log,
    Full,
    NotOwner,
}

#[init(contract = "counter", event = "Counted")]
fn init(ctx: &InitContext, _state_builder: &mut StateBuilder) -> InitResult<State> {
    Ok(State { owner: ctx.init_origin(), count: 0 })
}

#[receive(contract = "counter", name = "add", parameter = "u64", return_value = "u64", error = "CounterError", mutable, enable_logger)]
fn add(ctx: &ReceiveContext, host: &mut Host<State>, logger: &mut impl HasLogger) -> Result<u64, CounterError> {
    let step: u64 = ctx.parameter_cursor().get()?;
    let count = host.state().count.checked_add(step).ok_or(CounterError::Full)?;
    host.state_mut().count = count;
    logger.log(&Counted { by: ctx.sender(), count })?;
    Ok(count)
}

#[receive(contract = "counter", name = "reset", error = "CounterError", mutable)]
fn reset(ctx: &ReceiveContext, host: &mut Host<State>) -> Result<(), CounterError> {
    ensure!(ctx.sender().matches_account(&host.state().owner), CounterError::NotOwner);
    host.state_mut().count = 0;
    Ok(())
}

#[receive(contract = "counter", name = "value", return_value = "u64")]
fn value(_ctx: &ReceiveContext, host: &Host<State>) -> ReceiveResult<u64> {
    Ok(host.state().count)
}
