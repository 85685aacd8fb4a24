//! __SUMMARY__
//!
//!     share = (now - goal of the iteration) / (what all units cost)
//!     keep  = floor((1 - share) * units), but no fewer than the family's minimum
//!
//! `keep` is rounded down, so that the goal is reached if the minimum allows it.
mod abi;
#[macro_use]
mod border;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use abi::{Allocation, Allocator, Budget, Family, Host, Model, Share, Status};
use border::{create_nothing, destroy_nothing, guarded, list, Failure};
use std::ffi::{c_char, c_void};
use std::mem::size_of;

/// All families, layer by layer. The host wants its answers in this order.
unsafe fn families(allocation: &Allocation) -> Vec<&Family> {
    let mut all = Vec::new();
    for &layer in list(allocation.layers, allocation.layer_count) {
        for &family in list((*layer).families, (*layer).family_count) {
            all.push(&*family);
        }
    }
    all
}

fn common_share(families: &[&Family], budget: &Budget) -> f64 {
    let cost: f64 = families
        .iter()
        .map(|f| f.count as f64 * f.cost as f64)
        .sum();
    let excess = (budget.now - budget.iteration_goal) as f64;
    if excess > 0.0 && cost > 0.0 {
        (excess / cost).min(1.0)
    } else {
        0.0
    }
}

fn answer(family: &Family, share: f64, answer: &mut Share) {
    let left = ((1.0 - share) * family.count as f64).floor() as i64;
    answer.keep = left.max(family.minimum.min(family.count));
    answer.sparsity = if family.original_count > 0 {
        1.0 - answer.keep as f64 / family.original_count as f64
    } else {
        0.0
    };
}

unsafe extern "C" fn allocate(
    _instance: *mut c_void,
    host: *const Host,
    _model: *const Model,
    allocation: *const Allocation,
    shares: *const *mut Share,
) -> Status {
    guarded(host, |_| {
        let families = families(&*allocation);
        // The one unit of a whole sublayer or layer stays or leaves.
        if families.iter().any(|family| family.minimum < 1) {
            let sentence =
                "there is no share of a whole layer or sublayer; prune attention and mlp";
            return Err(Failure::Said(abi::UNSUPPORTED, sentence.to_string()));
        }
        let share = common_share(&families, &*(*allocation).budget);
        for (index, family) in families.iter().enumerate() {
            answer(family, share, &mut **shares.add(index));
        }
        Ok(())
    })
}

/// Zero: the host does not check each iteration's goal. It goes on until the stage's goal is passed.
unsafe extern "C" fn meets_goal(_instance: *mut c_void) -> i32 {
    0
}

static TABLE: Allocator = Allocator {
    struct_size: size_of::<Allocator>() as u32,
    create: create_nothing,
    destroy: destroy_nothing,
    statistics: None,
    allocate,
    meets_goal,
};

library! {
    kind: abi::ALLOCATOR,
    interface: TABLE,
    options_schema: cr#"{"type": "object", "properties": {}}"#,
    statistics: [], // for example c"layer_cosine": see section 6 of the header
}
