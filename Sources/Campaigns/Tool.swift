// Programs of others that are asked something: git, Slurm's commands.

import Bench
import FoundationEssentials

/// Asks programs.
enum Tool {
  /// The lines that `program` prints.
  ///
  /// - Parameter purpose: what it is asked to do, for the error.
  /// - Throws: `BenchError` with the last line of what it said when it fails, or takes ten minutes.
  static func lines(
    _ program: String, _ arguments: [String], purpose: String
  ) async throws -> [String] {
    let output = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: output) }  // what it said
    let process = ChildProcess(
      program: program, arguments: arguments, log: output, limit: .seconds(600))
    let code = try await process.run()
    guard code == 0 else {
      throw BenchError("\(program) \(purpose): \(process.lastLine ?? "failed without a word")")
    }
    let data = FileManager.default.contents(atPath: output) ?? Data()
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}
