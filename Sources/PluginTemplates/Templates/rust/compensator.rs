//! __SUMMARY__
//!
//!     bias += W[:, left] · mean x[left]
//!
//! The columns `left` are those that leave the output projection W [rows, columns]. x is its input before the cut.
mod abi;
#[macro_use]
mod border;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use abi::{Compensator, Host, Model, Projection, Status};
use border::{create_nothing, destroy_nothing, guarded, list};
use std::ffi::{c_char, c_void};
use std::mem::size_of;

/// Changes the bias only. The remaining weights stay as they are.
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
            // adds_bias answers 1, so there is a bias.
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

/// Zero: the means are those of the model before the cut.
unsafe extern "C" fn follows_cut(_instance: *mut c_void) -> i32 {
    0
}

unsafe extern "C" fn adds_bias(_instance: *mut c_void) -> i32 {
    1
}

static TABLE: Compensator = Compensator {
    struct_size: size_of::<Compensator>() as u32,
    create: create_nothing,
    destroy: destroy_nothing,
    statistics: None,
    follows_cut,
    adds_bias,
    compensate,
};

library! {
    kind: abi::COMPENSATOR,
    interface: TABLE,
    options_schema: cr#"{"type": "object", "properties": {}}"#,
    statistics: [c"input_mean"],
}
