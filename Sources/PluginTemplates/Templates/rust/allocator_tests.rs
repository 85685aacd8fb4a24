//! Calls the plugin as the host does. The expected numbers are worked out by hand.
use crate::abi::*;
use crate::testing::{made, nothing, table};
use std::mem::{size_of, zeroed};

/// 4 of 8 groups cost 20 each, and 10 channels cost 3 each: 110 of the 200 that are spent.
fn family(count: i64, original_count: i64, cost: i64, minimum: i64) -> Family {
    Family {
        struct_size: size_of::<Family>() as u32,
        count,
        original_count,
        positions: 1,
        cost,
        minimum,
        ..unsafe { zeroed() }
    }
}

/// The status, and for both families what stays and the sparsity.
fn allocate(iteration_goal: i64, minimum: i64) -> (Status, [(i64, f64); 2]) {
    let (attention, mlp) = (family(4, 8, 20, minimum), family(10, 10, 3, minimum));
    let families: [*const Family; 2] = [&attention, &mlp];
    let layer = Layer {
        struct_size: size_of::<Layer>() as u32,
        family_count: 2,
        families: families.as_ptr(),
        ..unsafe { zeroed() }
    };
    let layers: [*const Layer; 1] = [&layer];
    let budget = Budget {
        struct_size: size_of::<Budget>() as u32,
        now: 200,
        original: 280,
        iteration_goal,
        iterations: 1,
        ..unsafe { zeroed() }
    };
    let allocation = Allocation {
        struct_size: size_of::<Allocation>() as u32,
        budget: &budget,
        layer_count: 1,
        layers: layers.as_ptr(),
        scores_compare: 0,
    };
    let share = || Share {
        struct_size: size_of::<Share>() as u32,
        sparsity: -1.0,
        keep: -1,
    };
    let (mut first, mut second) = (share(), share());
    let shares: [*mut Share; 2] = [&mut first, &mut second];
    let (host, model) = nothing();
    let allocator: &Allocator = table(ALLOCATOR);
    let status = unsafe {
        let instance = made(allocator.create, &host, c"{}");
        let status = (allocator.allocate)(instance, &host, &model, &allocation, shares.as_ptr());
        (allocator.destroy)(instance);
        status
    };
    let answers = [(first.keep, first.sparsity), (second.keep, second.sparsity)];
    (status, answers)
}

#[test]
fn every_family_loses_the_same_share() {
    // 55 of 110 have to leave; 2 of the original 8 stay.
    assert_eq!(allocate(145, 1), (OK, [(2, 0.75), (5, 0.5)]));
}

#[test]
fn the_minimum_stays() {
    assert_eq!(allocate(0, 1), (OK, [(1, 0.875), (1, 0.9)]));
}

#[test]
fn nothing_leaves_once_the_goal_is_reached() {
    assert_eq!(allocate(200, 1), (OK, [(4, 0.5), (10, 0.0)]));
}

#[test]
fn whole_layers_are_refused() {
    assert_eq!(allocate(145, 0).0, UNSUPPORTED);
}
