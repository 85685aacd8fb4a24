import Foundation
import Checkpoints
import Transformer
import Tensors
let args = CommandLine.arguments
let d = try Decoder(Checkpoint.open(args[1]))
let w = Workers(count: 2)
func ids(_ f: String, _ k: String) throws -> [[Int32]] {
  let o = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: f))) as! [String: Any]
  return (o[k] as! [[Int]]).map { $0.map(Int32.init) }
}
let c = ContinuousClock()
print(d.parameters)
let calib = try ids("/work/shared/reference/smollm2/calibration_ids.json", "ids")
let ev = try ids("/work/shared/reference/smollm2/evaluation_ids.json", "windows")
func rss() -> Int { var u = rusage(); getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &u); return u.ru_maxrss / 1024 }
for lim in [0, 256 << 20] {
  var marks: [Double] = []
  let t0 = c.now
  let r = try d.calibrate(CalibrationRequest(sequences: calib, batchSize: 16, gradients: .sum, activationLimit: lim), workers: w, observer: { p in
    if p.done == p.total { marks.append((c.now - t0) / .seconds(1)) } }) { _ in }
  print("calibrate", lim, (c.now - t0) / .seconds(1), marks, r.losses, rss())
}
for n in [8] {
  let t0 = c.now
  var marks: [Double] = []
  let l = try d.logLikelihoods(ev.prefix(n).map { ($0, 1) }, workers: w) { p in
    if p.done == p.total { marks.append((c.now - t0) / .seconds(1)) } }
  let s = (c.now - t0) / .seconds(1)
  print("forward", s, Double(n * 512) / s, marks, -l.joined().reduce(0, +) / Double(l.joined().count), rss())
}
if args.count > 2 {
  let t0 = c.now
  let l = try d.logLikelihoods(ev.map { ($0, 1) }, workers: w)
  print("nll", -l.joined().reduce(0, +) / 20440, (c.now - t0) / .seconds(1), rss())
}
