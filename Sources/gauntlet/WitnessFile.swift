// A witness on disk: a JSON object a line, one for each key.

import FoundationEssentials
import History
import Linearizability

/// `{"key":"x","order":[0,4,2]}`: invocation indexes in the order in which they took effect.
struct WitnessFile {
  private struct Line: Codable {
    var key: String?
    var order: [Int]
  }

  /// Writes the witness of each key that has one.
  static func write(_ keys: [KeyResult], to path: String) throws {
    var file = try OutputFile(path)
    for key in keys {
      guard let order = key.witness else { continue }
      let name = try key.key.map { "\"key\":\(try quoted($0))," } ?? ""
      let numbers = order.lazy.map(String.init).joined(separator: ",")
      try file.write("{\(name)\"order\":[\(numbers)]}\n".utf8)
    }
    try file.finish()
  }

  private static func quoted(_ text: String) throws -> String {
    String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
  }

  /// The orders by key.
  ///
  /// - Throws: `HistoryError` with the line and what was due.
  static func read(_ path: String) throws(HistoryError) -> [String?: [Int]] {
    func failure(_ line: Int?, _ text: String) -> HistoryError {
      HistoryError(file: path, line: line, reason: .file(text))
    }
    let data: Data
    do { data = try Data(contentsOf: URL(filePath: path)) } catch {
      throw failure(nil, "cannot be read; give the file that --witness wrote")
    }
    var orders: [String?: [Int]] = [:]
    let decoder = JSONDecoder()
    for (number, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
      do {
        let one = try decoder.decode(Line.self, from: line)
        guard orders.updateValue(one.order, forKey: one.key) == nil else {
          throw failure(number + 1, "a second order of one key")
        }
      } catch let error as HistoryError {
        throw error
      } catch {
        throw failure(number + 1, "not an order such as {\"key\":\"x\",\"order\":[0,2,1]}")
      }
    }
    return orders
  }
}
