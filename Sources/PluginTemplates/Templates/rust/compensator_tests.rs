//! Calls the plugin as the host does. The expected numbers are worked out by hand.
use crate::abi::*;
use crate::testing::{made, matrix, nothing, table};
use std::mem::{size_of, zeroed};

#[test]
fn the_bias_gains_the_mean_of_what_left() {
    // Of three columns the middle one leaves. The mean of its input is 0.5.
    let (shape, mean_shape, strides, kept) = ([2, 3], [1, 3], [3, 1], [0, 2]);
    let mut before = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let mut means = [9.0, 0.5, 9.0];
    let mean = matrix(&mut means, &mean_shape, &strides);
    let projection = Projection {
        struct_size: size_of::<Projection>() as u32,
        weight: matrix(&mut before, &shape, &strides),
        kept_count: 2,
        kept: kept.as_ptr(),
        statistics: &mean,
        ..unsafe { zeroed() }
    };
    let mut weight: [f32; 4] = [1.0, 3.0, 4.0, 6.0];
    let mut bias: [f32; 2] = [10.0, 20.0];
    let (host, model) = nothing();
    let compensator: &Compensator = table(COMPENSATOR);
    unsafe {
        let instance = made(compensator.create, &host, c"{}");
        assert_ne!((compensator.adds_bias)(instance), 0);
        let (weight, bias) = (weight.as_mut_ptr(), bias.as_mut_ptr());
        let status = (compensator.compensate)(instance, &host, &model, &projection, weight, bias);
        assert_eq!(status, OK);
        (compensator.destroy)(instance);
    }
    assert_eq!(bias, [11.0, 22.5]); // 10 + 2 · 0.5, 20 + 5 · 0.5
    assert_eq!(weight, [1.0, 3.0, 4.0, 6.0]);
}
