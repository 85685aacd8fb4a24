//! __SUMMARY__
//!
//!     score(unit) = mean of |w|^power over the unit's weights w in all matrices of its family
mod abi;
#[macro_use]
mod border;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use abi::{Criterion, Host, Model, Status, Units};
use border::{failed, guarded, list, text};
use std::ffi::{c_char, c_void};
use std::mem::size_of;

struct MeanWeight {
    power: i64,
}

impl MeanWeight {
    /// The host has checked the options against the schema below and filled in defaults: {"power":1}
    fn new(options: &str) -> Option<Self> {
        let (_, rest) = options.split_once("\"power\"")?;
        let number = rest.trim_start_matches([':', ' ']);
        let end = number.find([',', '}', ' '])?;
        Some(MeanWeight {
            power: number[..end].parse().ok()?,
        })
    }

    unsafe fn score(&self, units: &Units, unit: i64) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for &matrix in list(units.matrices, units.matrix_count) {
            let matrix = &*matrix;
            let (rows, columns) = matrix.weight.size();
            let by_row = matrix.axis == abi::ROWS;
            let across = if by_row { columns } else { rows };
            let lines = matrix.repeats * matrix.positions; // rows or columns of a unit, side by side
            for i in unit * lines..(unit + 1) * lines {
                for j in 0..across {
                    let (row, column) = if by_row { (i, j) } else { (j, i) };
                    let value = matrix.weight.element(row, column);
                    sum += if self.power == 2 {
                        value * value
                    } else {
                        value.abs()
                    };
                }
            }
            weights += (lines * across) as f64;
        }
        sum / weights
    }
}

unsafe extern "C" fn create(
    host: *const Host,
    options: *const c_char,
    instance: *mut *mut c_void,
) -> Status {
    guarded(host, |_| {
        let method =
            MeanWeight::new(text(options)).ok_or_else(|| failed("power cannot be read"))?;
        *instance = Box::into_raw(Box::new(method)).cast();
        Ok(())
    })
}

unsafe extern "C" fn destroy(instance: *mut c_void) {
    drop(Box::from_raw(instance.cast::<MeanWeight>()));
}

unsafe extern "C" fn score(
    instance: *mut c_void,
    host: *const Host,
    _model: *const Model,
    units: *const Units,
    scores: *mut f32,
) -> Status {
    guarded(host, |_| {
        let method = &*instance.cast::<MeanWeight>();
        for unit in 0..(*units).count {
            *scores.offset(unit as isize) = method.score(&*units, unit) as f32;
        }
        Ok(())
    })
}

static TABLE: Criterion = Criterion {
    struct_size: size_of::<Criterion>() as u32,
    create,
    destroy,
    statistics: None,
    score,
    scores_compare: None,
};

library! {
    kind: abi::CRITERION,
    interface: TABLE,
    options_schema:
        cr#"{"type": "object", "properties": {"power": {"type": "integer", "minimum": 1,
        "maximum": 2, "default": 1, "description": "1: absolute values, 2: squares"}}}"#,
    statistics: [], // for example c"input_norm": see section 4 of the header
}
