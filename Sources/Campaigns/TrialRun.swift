// Single runs outside a campaign: what shrinking and bisecting try things with.

import Bench
import FoundationEssentials
import Nemesis
import Workloads

/// Runs workloads, one at a time, into a store.
public struct TrialRun: Sendable {
  /// `gauntlet` itself.
  public var program: String
  /// The store that the runs go to.
  public var store: String
  /// The program that is tested; nil for the usual one.
  public var build: String?
  /// The hosts file; nil for a lab.
  public var hosts: String?

  /// Runs of `build` by `program`, into `store`.
  public init(program: String, store: String, build: String? = nil, hosts: String? = nil) {
    self.program = program
    self.store = store
    self.build = build
    self.hosts = hosts
  }

  /// Runs `workload` with `seed`, under `plan` or what the seed draws; returns what the index has of it
  /// then. When `interruption` is raised it ends early, and its outcome says so.
  ///
  /// - Throws: `BenchError` when it left no results.
  public func run(
    _ workload: Workload, seed: UInt64, plan: [PlannedFault]? = nil, _ interruption: Interruption
  ) async throws -> RunEntry {
    let folder = try RunFolder.make(in: store, for: workload, seed: seed)
    try RunFolder.write(Data(workload.yaml.utf8), to: folder.workload)
    var arguments = [
      "run", folder.workload, "--seed", "\(seed)", "--folder", folder.path, "--store", store,
      "--leash",
    ]
    if let plan {
      try RunFolder.write(Plan.jsonLines(plan), to: folder.plan)
      arguments += ["--plan", folder.plan]
    }
    if let build { arguments += ["--build", build] }
    if let hosts { arguments += ["--hosts", hosts] }
    let process = ChildProcess(
      program: program, arguments: arguments, log: "\(folder.path)/gauntlet.log",
      limit: workload.time + .seconds(1800))
    let leash = try Leash()
    let watch = Task {
      await interruption.wait()
      if interruption.isRaised { leash.pull() }
    }
    defer { watch.cancel() }
    let code = try await process.run(on: leash)
    guard code != nil, FileManager.default.fileExists(atPath: folder.results) else {
      throw BenchError("\(folder.path): \(process.lastLine ?? "it ended without a word")")
    }
    return try await RunIndex(store: store).add(String(folder.path.dropFirst(store.count + 1)))
  }
}
