// gauntlet simulate: the node's own code in a world where everything comes from one seed.

import ArgumentParser
import FoundationEssentials
import History
import Linearizability
import Simulation

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

  @Flag(help: "Print one JSON object a seed.")
  var json = false

  func validate() throws {
    guard (1...99).contains(nodes) else { throw ValidationError("--nodes is 1 to 99.") }
    guard seeds >= 1 else { throw ValidationError("--seeds is at least 1.") }
    guard minutes > 0, minutes <= 100_000, hours ?? 1 > 0, hours ?? 1 <= 1000 else {
      throw ValidationError("--minutes and --hours are above 0, and 1000 hours at most.")
    }
  }

  private struct Line: Encodable {
    var seed: UInt64
    var valid: Bool?
    var violation: String?
    var operations: Int
    var answered: Int
    var steps: Int
    var trace: String
    var seconds: Double
  }

  func run() async throws {
    var isBroken = false
    for seed in seed...(seed + seeds - 1) {
      let start = ContinuousClock.now
      var options = SimulationOptions(seed: seed)
      options.nodes = nodes
      options.time = .seconds(hours.map { $0 * 3600 } ?? minutes * 60)
      let result = Simulation(options).run()
      let verdict = try await Check(model: .casRegister).run(result.history)
      let violation =
        result.violation?.description
        ?? (verdict.verdict == .invalid ? "what the clients saw is not linearizable" : nil)
      isBroken = isBroken || violation != nil
      let line = Line(
        seed: seed, valid: violation == nil ? (verdict.verdict == .valid ? true : nil) : false,
        violation: violation, operations: result.history.operations.count,
        answered: result.answered, steps: result.steps,
        trace: String(result.trace.sum, radix: 16),
        seconds: start.duration(to: .now) / .seconds(1))
      print(json ? String(decoding: try JSONEncoder().encode(line), as: UTF8.self) : text(line))
    }
    if isBroken { throw ExitCode(1) }
  }

  private func text(_ line: Line) -> String {
    let verdict =
      line.violation.map { "BROKEN: \($0)" } ?? (line.valid == true ? "valid" : "unknown")
    let again = line.violation == nil ? "" : "; again: gauntlet simulate --seed \(line.seed)"
    return "seed \(line.seed): \(verdict) (\(line.answered) of \(line.operations) operations "
      + "answered, \(line.steps) steps, trace \(line.trace), "
      + "\((line.seconds * 100).rounded() / 100) s)\(again)"
  }
}
