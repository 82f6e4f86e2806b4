// gauntlet simulate: the node's own code in a world where everything comes from one seed.

import ArgumentParser
import Bench
import FoundationEssentials
import History
import Linearizability
import Simulation

#if canImport(Glibc)
  import Glibc
#endif

struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Run raft-node's consensus code in a simulated, broken world.",
    discussion: """
      Time, chance, network and disks are simulated; the code is the same. Nodes
      crash and lose what was not synced, messages are lost, repeated and late.
      After every step Raft's promises are checked, and at the end what the clients
      saw. The same seed does the same, always.

      EXAMPLES
        gauntlet simulate --seed 42
        gauntlet simulate --seeds 1000 --minutes 1
        gauntlet simulate --seed 42 --shrink
      """)

  @Option(help: "The first seed.")
  var seed: UInt64 = 1

  @Option(help: "How many seeds, one after the other.")
  var seeds: UInt64 = 1

  @Option(help: "Voters.")
  var nodes = 5

  @Option(help: "Simulated minutes of each seed.")
  var minutes = 1.0

  @Option(help: "Simulated hours of each seed, instead of minutes.")
  var hours: Double?

  @Option(help: "Let only these disturbances happen, by number: 3,17.")
  var onlyFaults: String?

  @Flag(help: "Of a broken seed, find the fewest disturbances that break it.")
  var shrink = false

  @Flag(help: "Stop at the first broken seed.")
  var stopAtViolation = false

  @Flag(help: "Print one JSON object a seed.")
  var json = false

  func validate() throws {
    guard (1...99).contains(nodes) else { throw ValidationError("--nodes is 1 to 99.") }
    guard seeds >= 1, !seed.addingReportingOverflow(seeds - 1).overflow else {
      throw ValidationError("--seeds is at least 1, and no seed is above 18446744073709551615.")
    }
    guard hours == nil || minutes == 1 else {
      throw ValidationError("--hours stands in place of --minutes; say one of them.")
    }
    guard faultNumbers?.isEmpty != true else {
      throw ValidationError("--only-faults takes numbers: 3,17.")
    }
    guard minutes > 0, minutes <= 100_000, hours ?? 1 > 0, hours ?? 1 <= 1000 else {
      throw ValidationError("--minutes and --hours are above 0, and 1000 hours at most.")
    }
  }

  private var faultNumbers: Set<Int>? {
    onlyFaults.map { Set($0.split(separator: ",").compactMap { Int($0) }) }
  }

  private struct Line: Encodable {
    var seed: UInt64
    var valid: Bool?
    var violation: String?
    var operations: Int
    var answered: Int
    var steps: Int
    var trace: String
    var faults: [String]
    var seconds: Double
  }

  func run() async throws {
    var isBroken = false
    var isUnknown = false
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    for seed in seed...(seed + seeds - 1) {
      let start = ContinuousClock.now
      var (result, violation, verdict) = try await simulate(seed, only: faultNumbers)
      if violation != nil, shrink {
        let faults = try await fewest(result.faults.map(\.number), seed)
        (result, violation, verdict) = try await simulate(seed, only: Set(faults))
      } else if shrink {
        note("seed \(seed) is not broken: there is nothing to shrink")
      }
      let absent = (faultNumbers ?? []).subtracting(result.faults.map(\.number)).sorted()
      if !absent.isEmpty {
        note("seed \(seed) has no disturbance \(absent.map(String.init).joined(separator: ", "))")
      }
      isUnknown = isUnknown || violation == nil && verdict != .valid
      isBroken = isBroken || violation != nil
      let line = Line(
        seed: seed, valid: violation == nil ? (verdict == .valid ? true : nil) : false,
        violation: violation, operations: result.history.operations.count,
        answered: result.answered, steps: result.steps,
        trace: Self.hexadecimal(result.trace.sum),
        faults: result.faults.map { "\($0.number) at \($0.time): \($0.what)" },
        seconds: start.duration(to: .now) / .seconds(1))
      print(json ? String(decoding: try encoder.encode(line), as: UTF8.self) : text(line))
      fflush(nil)  // what was found must be there even if the next seed traps
      if isBroken, stopAtViolation { break }
    }
    if isBroken { throw ExitCode(1) }
    if isUnknown { throw ExitCode(2) }
  }

  private func note(_ text: String) {
    FileHandleOutput.standardError.write("gauntlet: \(text)\n")
  }

  private static func hexadecimal(_ sum: UInt64) -> String {
    let digits = String(sum, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// What a seed comes to.
  private func simulate(
    _ seed: UInt64, only faults: Set<Int>?
  ) async throws -> (SimulationResult, violation: String?, Verdict) {
    var options = SimulationOptions(seed: seed)
    options.nodes = nodes
    options.time = .seconds(hours.map { $0 * 3600 } ?? minutes * 60)
    options.onlyFaults = faults
    let result = Simulation(options).run()
    let verdict = try await Check(model: .casRegister).run(result.history).verdict
    let violation =
      result.violation?.description
      ?? (verdict == .invalid ? "what the clients saw is not linearizable" : nil)
    return (result, violation, verdict)
  }

  /// The fewest of `faults` that still break the seed, as far as leaving out some at a time tells:
  /// halves first, single ones at the end.
  private func fewest(_ faults: [Int], _ seed: UInt64) async throws -> [Int] {
    var faults = faults
    var size = max(faults.count / 2, 1)
    while true {
      var place = 0
      while place < faults.count {
        let rest = Array(faults[..<place] + faults[min(place + size, faults.count)...])
        if try await simulate(seed, only: Set(rest)).violation != nil {
          faults = rest
        } else {
          place += size
        }
      }
      guard size > 1 else { return faults }
      size /= 2
    }
  }

  private func text(_ line: Line) -> String {
    let verdict =
      line.violation.map { "BROKEN: \($0)" } ?? (line.valid == true ? "valid" : "unknown")
    var again = ""
    if line.violation != nil {
      let numbers = line.faults.compactMap { $0.split(separator: " ").first }.joined(separator: ",")
      let only = shrink || onlyFaults != nil ? " --only-faults \(numbers)" : ""
      let size = nodes == 5 ? "" : " --nodes \(nodes)"
      let time =
        hours.map { " --hours \($0)" } ?? (minutes == 1 ? "" : " --minutes \(minutes)")
      again =
        line.faults.map { "\n  fault \($0)" }.joined()
        + "\n  again: gauntlet simulate --seed \(line.seed)\(size)\(time)\(only)"
    }
    return "seed \(line.seed): \(verdict) (\(line.answered) of \(line.operations) operations "
      + "answered, \(line.steps) steps, trace \(line.trace), "
      + "\((line.seconds * 100).rounded() / 100) s)\(again)"
  }
}
