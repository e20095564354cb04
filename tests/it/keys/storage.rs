//! Step 3.

use super::script::{Desk, read_facts};
use vmbuild::app::{Effect, Msg};
use vmbuild::facts::{FactsPart, Part};

#[test]
fn a_pool_is_taken_with_enter_or_typed() {
    let mut desk = Desk::workstation();
    desk.keys("3 j Enter");
    assert_eq!(desk.at("/storage/default_pool"), "default");
    desk.keys("g Space");
    assert_eq!(desk.at("/storage/default_pool"), "bulk-storage");
    desk.keys("Tab Enter 'nowhere' Enter");
    assert_eq!(desk.at("/storage/default_pool"), "nowhere");
    assert!(desk.codes().contains(&"POOL-MISSING"), "{:?}", desk.codes());
}

#[test]
fn without_a_host_the_pool_can_still_be_typed() {
    let mut desk = Desk::new();
    desk.keys("3");
    assert_eq!(desk.focus(), "Fields Default pool", "there are no rows to choose from");
    desk.keys("Enter 'fast' Enter");
    assert_eq!(desk.at("/storage/default_pool"), "fast");
}

#[test]
fn pools_are_read_again_on_demand() {
    let mut desk = Desk::workstation();
    desk.keys("3 r");
    assert_eq!(desk.effects, [Effect::observe([Part::Pools])]);
}

#[test]
fn what_the_disks_will_take_is_told_per_pool() {
    let mut desk = Desk::workstation();
    desk.keys("3 j Enter 4 a");
    desk.set("storage.disks[0].size", "100");
    let pool = desk.app.facts.pools.items().iter().find(|pool| pool.name == "default").unwrap();
    let planned = vmbuild::app::steps::storage::planned(&desk.app, pool);
    assert_eq!(planned.to_string(), "100 GiB");
}

#[test]
fn the_step_opens_on_the_chosen_pool_or_on_one_that_can_be_used() {
    let mut facts = read_facts("workstation");
    facts.pools.get_mut().unwrap()[0].active = false;
    let mut desk = Desk::new();
    desk.keys("3").know(&facts);
    assert_eq!(desk.app.cursor().row, 1, "the first pool is not started");
    desk.keys("Esc k").tell(Msg::Facts(FactsPart::Pools(facts.pools.clone())));
    assert_eq!(desk.app.cursor().row, 0, "nothing moves that the user did not move");
    desk.keys("2 3");
    assert_eq!(desk.app.cursor().row, 1);
    desk.keys("G Enter 2 3");
    assert_eq!(desk.app.cursor().row, facts.pools.items().len() - 1, "the chosen one");
}
