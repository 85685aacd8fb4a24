import PluginABI
import Testing

/// Calls the plugin as the host does. The expected numbers are worked out by hand.
@Test func theBiasGainsTheMeanOfWhatLeft() throws {
  let compensator = try #require(table(AP_COMPENSATOR, as: ap_compensator.self))
  var (host, model, instance) = (ap_host(), ap_model(), UnsafeMutableRawPointer?.none)
  try #require(compensator.create(&host, "{}", &instance) == ap_status(AP_OK))
  defer { compensator.destroy(instance) }
  #expect(compensator.adds_bias(instance) != 0)

  // Of three columns the middle one leaves. The mean of its input is 0.5.
  var projection = ap_projection()
  projection.weight = tensor([1, 2, 3, 4, 5, 6], rows: 2, columns: 3)
  (projection.kept_count, projection.kept) = (2, UnsafePointer(memory([0, 2])))
  projection.statistics = UnsafePointer(memory([tensor([9, 0.5, 9], rows: 1, columns: 3)]))
  var (weight, bias): ([Float], [Float]) = ([1, 3, 4, 6], [10, 20])
  #expect(
    compensator.compensate(instance, &host, &model, &projection, &weight, &bias) == ap_status(AP_OK))
  #expect(bias == [11, 22.5])  // 10 + 2 · 0.5, 20 + 5 · 0.5
  #expect(weight == [1, 3, 4, 6])
}
