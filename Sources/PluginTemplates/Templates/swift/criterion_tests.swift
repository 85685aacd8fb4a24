import PluginABI
import Testing

/// Calls the plugin as the host does. The expected numbers are worked out by hand.
@Test(arguments: [
  (1, [Float(3.75), 5.25]),  // (1 + 2 + 5 + 7) / 4, (3 + 4 + 6 + 8) / 4
  (2, [19.75, 31.25]),  // (1 + 4 + 25 + 49) / 4, (9 + 16 + 36 + 64) / 4
])
func scoresAreMeansOfPowers(power: Int, expected: [Float]) throws {
  let criterion = try #require(table(AP_CRITERION, as: ap_criterion.self))
  var (host, model, instance) = (ap_host(), ap_model(), UnsafeMutableRawPointer?.none)
  try #require(criterion.create(&host, "{\"power\":\(power)}", &instance) == ap_status(AP_OK))
  defer { criterion.destroy(instance) }

  // Two channels: the rows of up_proj and the columns of down_proj.
  var (up, down) = (ap_matrix(), ap_matrix())
  (up.axis, up.repeats, up.positions) = (ap_axis(AP_ROWS), 1, 1)
  up.weight = tensor([1, -2, 3, 4], rows: 2, columns: 2)
  (down.axis, down.repeats, down.positions) = (ap_axis(AP_COLUMNS), 1, 1)
  down.weight = tensor([5, -6, 7, 8], rows: 2, columns: 2)
  var units = ap_units()
  (units.count, units.matrix_count) = (2, 2)
  units.matrices = UnsafePointer(memory([UnsafePointer(memory([up])), UnsafePointer(memory([down]))]))

  var scores: [Float] = [0, 0]
  #expect(criterion.score(instance, &host, &model, &units, &scores) == ap_status(AP_OK))
  #expect(scores == expected)
}
