//! Calls the plugin as the host does. The expected numbers are worked out by hand.
use crate::abi::*;
use crate::testing::{made, matrix, nothing, table};
use std::ffi::CStr;
use std::mem::{size_of, zeroed};
use std::ptr::null;

#[test]
fn scores_are_means_of_powers() {
    // Two channels: the rows of up_proj and the columns of down_proj.
    let mut up: [f32; 4] = [1.0, -2.0, 3.0, 4.0];
    let mut down: [f32; 4] = [5.0, -6.0, 7.0, 8.0];
    // (1 + 2 + 5 + 7) / 4, (3 + 4 + 6 + 8) / 4
    assert_eq!(scores(c"{\"power\":1}", &mut up, &mut down), [3.75, 5.25]);
    // (1 + 4 + 25 + 49) / 4, (9 + 16 + 36 + 64) / 4
    assert_eq!(scores(c"{\"power\":2}", &mut up, &mut down), [19.75, 31.25]);
}

fn scores(options: &CStr, up: &mut [f32; 4], down: &mut [f32; 4]) -> [f32; 2] {
    let (shape, strides, original) = ([2, 2], [2, 1], [0, 1]);
    let part = |name: &'static CStr, axis, values: &mut [f32; 4]| Matrix {
        struct_size: size_of::<Matrix>() as u32,
        axis,
        name: name.as_ptr(),
        repeats: 1,
        positions: 1,
        weight: matrix(values, &shape, &strides),
        statistics: null(),
    };
    let rows = part(c"up_proj", ROWS, up);
    let columns = part(c"down_proj", COLUMNS, down);
    let matrices: [*const Matrix; 2] = [&rows, &columns];
    let units = Units {
        struct_size: size_of::<Units>() as u32,
        count: 2,
        original: original.as_ptr(),
        matrix_count: 2,
        matrices: matrices.as_ptr(),
        ..unsafe { zeroed() }
    };
    let (host, model) = nothing();
    let criterion: &Criterion = table(CRITERION);
    let mut scores = [0.0; 2];
    unsafe {
        let instance = made(criterion.create, &host, options);
        let status = (criterion.score)(instance, &host, &model, &units, scores.as_mut_ptr());
        assert_eq!(status, OK);
        (criterion.destroy)(instance);
    }
    scores
}
