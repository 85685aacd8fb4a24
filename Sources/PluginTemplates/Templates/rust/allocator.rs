//! __SUMMARY__
//!
//!     share = (now - goal of the iteration) / (what all units cost)
//!     keep  = floor((1 - share) * units), but no fewer than the family's minimum
//!
//! Rounded down, so that the goal is reached wherever the minimum lets it be.
mod abi;
mod border;
#[cfg(test)]
mod tests;

use abi::{Allocation, Allocator, Budget, Descriptor, Family, Host, Library, Model, Share, Status};
use border::{guarded, list, Constant, Failure};
use std::ffi::{c_char, c_void};
use std::mem::size_of;
use std::ptr::{null, null_mut};

/// All families, in the order in which the host wants its answers: layer by layer.
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

unsafe extern "C" fn create(
    _host: *const Host,
    _options: *const c_char,
    instance: *mut *mut c_void,
) -> Status {
    *instance = null_mut(); // no options, nothing to keep
    abi::OK
}

unsafe extern "C" fn destroy(_instance: *mut c_void) {}

unsafe extern "C" fn allocate(
    _instance: *mut c_void,
    host: *const Host,
    _model: *const Model,
    allocation: *const Allocation,
    shares: *const *mut Share,
) -> Status {
    guarded(host, |_| {
        let families = families(&*allocation);
        // A whole sublayer or layer: the one unit stays or leaves.
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

/// Zero: the host does not ask for the goal to within one unit, and goes on until it is passed.
unsafe extern "C" fn meets_goal(_instance: *mut c_void) -> i32 {
    0
}

static TABLE: Allocator = Allocator {
    struct_size: size_of::<Allocator>() as u32,
    create,
    destroy,
    statistics: None,
    allocate,
    meets_goal,
};
// c"layer_cosine".as_ptr(), say: section 6 of the header
static STATISTICS: Constant<[*const c_char; 1]> = Constant([null()]);
static DESCRIPTOR: Constant<Descriptor> = Constant(Descriptor {
    struct_size: size_of::<Descriptor>() as u32,
    kind: abi::ALLOCATOR,
    id: c"__ID__".as_ptr(),
    version: c"__VERSION__".as_ptr(),
    summary: c"__SUMMARY__".as_ptr(),
    licence: c"0BSD".as_ptr(),
    paper: null(),
    options_schema: cr#"{"type": "object", "properties": {}}"#.as_ptr(),
    statistics: STATISTICS.0.as_ptr(),
    interface: &TABLE as *const Allocator as *const c_void,
    scores_compare: 0,
});
static DESCRIPTORS: Constant<[*const Descriptor; 1]> = Constant([&DESCRIPTOR.0]);
static LIBRARY: Constant<Library> = Constant(Library {
    struct_size: size_of::<Library>() as u32,
    abi_major: abi::ABI_MAJOR,
    abi_minor: abi::ABI_MINOR,
    count: 1,
    descriptors: DESCRIPTORS.0.as_ptr(),
});

#[no_mangle]
pub extern "C" fn adapt_pruner_plugin() -> *const Library {
    &LIBRARY.0
}
