// Random histories that keep the rules, as bytes of every format. Here: making. Not here: claims.

import History
import Support

/// A random history: what happened, without any format.
struct RandomRecord {
  struct Step {
    var process: Int
    var type: EventType
    var function: String
    var key: String?
    var value: Value
    var error: String?
  }

  var steps: [Step] = []

  /// About `count` events of five clients on a register; after `info` a client takes a new number.
  init(_ count: Int, keyed: Bool, using random: inout SplitMix64) {
    var clients = Array(0..<5)
    var open = [Step?](repeating: nil, count: 5)
    for _ in 0..<count {
      let client = Int.random(in: 0..<5, using: &random)
      if var step = open[client] {
        open[client] = nil
        step.type = [.ok, .ok, .ok, .fail, .info].randomElement(using: &random) ?? .ok
        if step.function == "read", step.type == .ok { step.value = number(&random) }
        if step.type == .info {
          step.error = "timeout"
          clients[client] += 5
        }
        steps.append(step)
      } else {
        let function = ["read", "write", "cas"].randomElement(using: &random) ?? "read"
        let value: Value =
          switch function {
          case "write": number(&random)
          case "cas": .list([number(&random), number(&random)])
          default: .absent
          }
        let step = Step(
          process: clients[client], type: .invoke, function: function,
          key: keyed ? "k\(Int.random(in: 0..<3, using: &random))" : Optional.none, value: value,
          error: .none)
        open[client] = step
        steps.append(step)
      }
    }
  }

  private func number(_ random: inout SplitMix64) -> Value {
    .integer(Int64.random(in: -9...9, using: &random))
  }

  /// The history in `format`.
  func text(_ format: HistoryFormat) -> String {
    switch format {
    case .jsonl:
      var bytes: [UInt8] = []
      for (index, step) in steps.enumerated() {
        JSONLines.append(
          Event(
            index: index, time: 0, process: .client(step.process), type: step.type,
            function: step.function, key: step.key, value: step.value, error: step.error),
          to: &bytes)
      }
      return String(decoding: bytes, as: UTF8.self)
    case .jepsenEDN:
      return steps.map { step in
        "{:type :\(step.type.rawValue), :f :\(step.function), :value \(edn(step)), "
          + ":process \(step.process)\(step.error.map { ", :error :\($0)" } ?? "")}\n"
      }.joined()
    case .porcupineKV:
      return steps.map { step in
        "{:process \(step.process), :type :\(step.type.rawValue), :f :\(step.function), "
          + ":key \"\(step.key ?? "")\", :value \(Self.edn(step.value))"
          + "\(step.error.map { ", :error \"\($0)\"" } ?? "")}\n"
      }.joined()
    case .jepsenLog:
      return steps.map { step in
        "INFO  jepsen.util - \(step.process)\t:\(step.type.rawValue)\t:\(step.function)\t"
          + edn(step) + (step.error.map { "\t:\($0)" } ?? "") + "\n"
      }.joined()
    }
  }

  private func edn(_ step: Step) -> String {
    step.key.map { "[:\($0) \(Self.edn(step.value))]" } ?? Self.edn(step.value)
  }

  private static func edn(_ value: Value) -> String {
    switch value {
    case .absent: "nil"
    case .integer(let number): "\(number)"
    case .boolean(let truth): "\(truth)"
    case .text(let text): "\"\(text)\""
    case .list(let members): "[\(members.map(edn).joined(separator: " "))]"
    }
  }
}
