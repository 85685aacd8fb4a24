//! __SUMMARY__
//!
//!     bias += W[:, left] · mean x[left]
//!
//! over the columns that left an output projection W [rows, columns], x being its inputs before the cut.
mod abi;
mod border;
#[cfg(test)]
mod tests;

use abi::{Compensator, Descriptor, Host, Library, Model, Projection, Status};
use border::{guarded, list, Constant};
use std::ffi::{c_char, c_void};
use std::mem::size_of;
use std::ptr::{null, null_mut};

unsafe extern "C" fn create(
    _host: *const Host,
    _options: *const c_char,
    instance: *mut *mut c_void,
) -> Status {
    *instance = null_mut(); // no options, nothing to keep
    abi::OK
}

unsafe extern "C" fn destroy(_instance: *mut c_void) {}

/// The weights that stay are left as they are.
unsafe extern "C" fn compensate(
    _instance: *mut c_void,
    host: *const Host,
    _model: *const Model,
    projection: *const Projection,
    _weight: *mut f32,
    bias: *mut f32,
) -> Status {
    guarded(host, |_| {
        let projection = &*projection;
        let mean = &*projection.statistics; // [1, columns]
        let kept = list(projection.kept, projection.kept_count); // ascending
        let (rows, columns) = projection.weight.size();
        let left: Vec<i64> = (0..columns)
            .filter(|c| kept.binary_search(c).is_err())
            .collect();
        for row in 0..rows {
            // There is one, since adds_bias says so.
            let bias = &mut *bias.offset(row as isize);
            let lost: f64 = left
                .iter()
                .map(|&column| projection.weight.element(row, column) * mean.element(0, column))
                .sum();
            *bias = (f64::from(*bias) + lost) as f32;
        }
        Ok(())
    })
}

/// Zero: the means are those of the model as it was before the cut.
unsafe extern "C" fn follows_cut(_instance: *mut c_void) -> i32 {
    0
}

unsafe extern "C" fn adds_bias(_instance: *mut c_void) -> i32 {
    1
}

static TABLE: Compensator = Compensator {
    struct_size: size_of::<Compensator>() as u32,
    create,
    destroy,
    statistics: None,
    follows_cut,
    adds_bias,
    compensate,
};
static STATISTICS: Constant<[*const c_char; 2]> = Constant([c"input_mean".as_ptr(), null()]);
static DESCRIPTOR: Constant<Descriptor> = Constant(Descriptor {
    struct_size: size_of::<Descriptor>() as u32,
    kind: abi::COMPENSATOR,
    id: c"__ID__".as_ptr(),
    version: c"__VERSION__".as_ptr(),
    summary: c"__SUMMARY__".as_ptr(),
    licence: c"0BSD".as_ptr(),
    paper: null(),
    options_schema: cr#"{"type": "object", "properties": {}}"#.as_ptr(),
    statistics: STATISTICS.0.as_ptr(),
    interface: &TABLE as *const Compensator as *const c_void,
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
