//! What the operator sees and does, with the real `groved admin` on a real server.

mod door;
mod invites;
mod numbers;
mod people;
mod rooms;

use harness::World;
use serde_json::Value;

/// What a command says with `--json`; it must succeed.
async fn ask(world: &World, arguments: &[&str]) -> Value {
    let all = [arguments, &["--json"]].concat();
    world.process().admin(&all).await.json()
}

/// What a command says for people; it must succeed.
async fn read(world: &World, arguments: &[&str]) -> String {
    world.process().admin(arguments).await.ok()
}

/// How a command ends.
async fn code(world: &World, arguments: &[&str]) -> i32 {
    world.process().admin(arguments).await.code
}

/// An amount that was counted to its end.
#[track_caller]
fn exact(value: &Value) -> u64 {
    assert_eq!(value["exact"], true, "{value}");
    value["value"].as_u64().expect("a number")
}
