// gauntlet run: flags to a workload, runs one after the other, and what is printed of them.

import ArgumentParser
import Bench
import Campaigns
import Fleet
import FoundationEssentials
import History
import Hosts
import Nemesis
import Reports
import Synchronization
import Systems
import UnixSignals
import Workloads

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Deploy a cluster, drive it, break it, and check what its clients saw.",
    discussion: """
      The cluster runs in a lab of its own: namespaces that end with this
      command, whatever happens to it. Root is not needed.

      EXAMPLES
        gauntlet run Workloads/register.yaml --time 60s --seed 7
        gauntlet run Workloads/register.yaml --build my/raft-node --count 20
        gauntlet run Workloads/register.yaml --hosts hosts.yaml
      """)

  @Argument(help: "The workload file (YAML).")
  var file: String

  @Option(help: ArgumentHelp("How long clients and faults go on.", valueName: "60s"))
  var time: String?

  @Option(help: "How many nodes.")
  var nodes: Int?

  @Option(help: "How many clients.")
  var clients: Int?

  @Option(help: "Operations a second in all.")
  var rate: Double?

  @Option(help: "Only these kinds of the workload's faults, such as partition,kill; or none.")
  var faults: String?

  @Option(help: "Fixes every random choice.")
  var seed: UInt64?

  @Option(
    help:
      "A file of machines that are reached over SSH (YAML; see gauntlet help doctor); a lab if left out."
  )
  var hosts: String?

  @Option(
    help: ArgumentHelp(
      "With --hosts: a host that has not heard from us for so long undoes everything by itself.",
      valueName: "15s"))
  var lease: String?

  @Option(help: ArgumentHelp("The executable of a node; raft-node beside gauntlet if left out."))
  var build: String?

  @Option(help: "A second build of it, which `upgrade` goes to and comes back from.")
  var upgrade: String?

  @OptionGroup var settings: SettingOption

  @Option(help: "How many runs; each has the seed after the one before.")
  var count: Int = 1

  @Flag(help: "With --count: stop at the first violation.")
  var stopAtViolation = false

  /// For `gauntlet replay`.
  @Option(help: .hidden)
  var plan: String?

  /// For `gauntlet replay --by-node`: whose faults say which nodes are hit.
  @Option(help: .hidden)
  var planHistory: String?

  @OptionGroup var store: StoreOption

  /// For `gauntlet campaign`: the run's folder, which is there.
  @Option(help: .hidden)
  var folder: String?

  /// For `gauntlet campaign`: ends early when the standard input has a byte, and at once when it ends.
  @Flag(help: .hidden)
  var leash = false

  @Flag(help: "Print one JSON object for each run.")
  var json = false

  func validate() throws {
    guard (1...1_000_000).contains(count) else {
      throw ValidationError("--count is a whole number from 1.")
    }
    for (flag, value) in [("--nodes", nodes), ("--clients", clients)] {
      if let value, value < 1 { throw ValidationError("\(flag) is a whole number from 1.") }
    }
    if let rate, rate <= 0 {
      throw ValidationError("--rate is above zero; leave it out for as fast as they go.")
    }
    if let time, Duration(workload: time) == nil {
      throw ValidationError("--time is a time above zero, such as 500ms, 60s or 2m.")
    }
    if let lease {
      guard hosts != nil else { throw ValidationError("--lease goes with --hosts.") }
      guard let time = Duration(workload: lease), time >= .seconds(3), time <= .seconds(3600) else {
        throw ValidationError("--lease is 3s to 60m.")
      }
    }
    guard folder == nil || count == 1 else { throw ValidationError("--folder is for one run.") }
  }

  /// The workload with all flags put over it. Bad input ends the command here.
  func workload() throws -> Workload {
    var overrides = settings.overrides
    let flags: [(String, String?)] = [
      ("time", time), ("nodes", nodes.map { "\($0)" }), ("clients", clients.map { "\($0)" }),
      ("rate", rate.map { "\($0)" }), ("seed", seed.map { "\($0)" }),
    ]
    overrides += flags.compactMap { key, value in value.map { Override(key, $0) } }
    do {
      var workload = try WorkloadFile.read(path: file, overrides: overrides)
      try select(&workload.faults)
      try checkNames(in: workload)
      return workload
    } catch let code as ExitCode {
      throw code  // it is said already
    } catch {
      throw Failure.report(error)
    }
  }

  /// That faults name nodes which there are.
  private func checkNames(in workload: Workload) throws {
    // A plan is done as far as there are nodes for it: with fewer, to shrink it, or elsewhere.
    guard plan == nil else { return }
    let names =
      try entries(for: workload)?.map(\.name) ?? (1...workload.nodes).map { "n\($0)" }
    for word in workload.faults.flatMap(\.kind.choices).flatMap({ $0.split(separator: " ") }) {
      let target = NodeTarget(rawValue: word.filter { $0 != ";" })
      guard case .named(let named) = target,
        let stranger = named.first(where: { !names.contains($0) })
      else { continue }
      throw WorkloadError(
        file: file,
        reason: "faults: there is no node \(stranger); they are \(names.joined(separator: ", "))")
    }
  }

  private func select(_ specifications: inout [FaultSpecification]) throws(WorkloadError) {
    guard let faults else { return }
    let names = faults == "none" ? [] : faults.split(separator: ",").map(String.init)
    for name in names where !specifications.contains(where: { $0.kind.name == name }) {
      let known = Set(specifications.map(\.kind.name)).sorted().joined(separator: ", ")
      throw WorkloadError(
        file: "--faults", reason: "the workload has no \(name); it has \(known)")
    }
    specifications.removeAll { !names.contains($0.kind.name) }
  }

  func run() async throws {
    let workload = try workload()
    let store = store.path
    let first = workload.seed ?? UInt64.random(in: 0..<1_000_000_000)
    let activity = Activity()
    let watchdog = Watchdog(activity: activity)
    let interruption = Interruption()
    let signals = Task { await Self.watchSignals(interruption) }
    defer { signals.cancel() }
    if let folder { RunFolder(path: folder).hold() }
    if leash { Leash.obey(interruption, isLab: hosts == nil) }
    let tally = Mutex(Tally())
    var codes: Set<Int32> = []
    do {
      let plan = try plannedFaults()
      try await withHosts(workload, activity, watchdog) { hosts, probe in
        for place in 0..<UInt64(count) {
          // What is done again is the same each time.
          let seed = plan == nil ? first &+ place : first
          let system = try system(workload, hosts)
          let build = try BuildSum.sum(of: system.program)
          if place == 0 { warnOfAnotherBuild(build) }
          let folder =
            try folder.map { RunFolder(path: $0) }
            ?? RunFolder.make(in: store, for: workload, seed: seed)
          if self.folder == nil { folder.hold() }
          let run = try Run(
            workload, seed: seed, system: system, hosts: hosts, probe: probe, build: build,
            plan: plan, folder: folder, activity: activity, watchdog: watchdog,
            interruption: interruption)
          let (results, history) = try await run.perform()
          tally.withLock { $0.add(results.outcome, seed: seed) }
          await Self.index(folder, in: store)
          try print(results, history, workload, seed: seed, folder: folder)
          if interruption.isRaised || (stopAtViolation && results.outcome == .violation) { break }
        }
        watchdog.expect("healing the hosts", within: .seconds(60), dump: nil)
      }
    } catch {
      // What was found before still counts.
      codes.insert(Failure.report(error).rawValue)
    }
    watchdog.rest()
    let total = tally.withLock { $0 }
    if count > 1, !json { Swift.print(total.text) }
    codes.insert(total.worst.exitCode)
    let code = Failure.worst(of: codes)
    if code != 0 { throw ExitCode(code) }
  }

  /// A finding that does not come again may be another program's.
  private func warnOfAnotherBuild(_ sum: String) {
    guard plan != nil, folder == nil, self.build == nil,
      let own = RunFolder.note("sha256", in: file), own != sum
    else { return }
    FileHandleOutput.standardError.write(
      "gauntlet: this is another program than the run's own; name that with --build\n")
  }

  /// The faults of the plan that is to be done again; nil for those that the seed draws. Bad input ends
  /// the command here.
  func plannedFaults() throws -> [PlannedFault]? {
    guard let plan else { return nil }
    guard let data = FileManager.default.contents(atPath: plan) else {
      throw Failure.report(WorkloadError(file: plan, reason: "cannot be read"))
    }
    let faults: [PlannedFault]
    do {
      faults = try Plan.read(data)
    } catch {
      throw Failure.report(WorkloadError(file: plan, reason: "\(error)"))
    }
    if try workload().load.reads == .lease, faults.contains(where: \.bendsTime) {
      throw Failure.report(
        WorkloadError(
          file: plan, reason: "clocks that go fast or slow break what a lease rests on"))
    }
    guard let planHistory else { return faults }
    do {
      let recorded = try History(file: planHistory).faults
      return faults.map { fault in
        guard let record = recorded.first(where: { $0.number == fault.fault }) else { return fault }
        return fault.pinned(
          to: record.details + record.endDetails.filter { $0.name == "lasted" })
      }
    } catch {
      throw Failure.report(error)
    }
  }

  /// The machines of the hosts file that the workload needs; nil for the lab. Bad input ends the
  /// command here.
  func entries(for workload: Workload) throws -> [HostEntry]? {
    guard let hosts else { return nil }
    do {
      let entries = try HostsFile.read(path: hosts)
      guard entries.count >= workload.nodes else {
        throw WorkloadError(
          file: hosts,
          reason:
            "has \(entries.count) hosts, and the workload \(workload.nodes) nodes; add hosts, "
            + "or say --nodes \(entries.count)")
      }
      return Array(entries.prefix(workload.nodes))
    } catch {
      throw Failure.report(error)
    }
  }

  /// Has hosts for as long as `body` runs: the lab's, or those of the hosts file.
  private func withHosts(
    _ workload: Workload, _ activity: Activity, _ watchdog: Watchdog,
    _ body: @Sendable ([any Host], any NetworkProbe) async throws -> Void
  ) async throws {
    guard let entries = try entries(for: workload) else {
      watchdog.expect("lab", within: .seconds(30), dump: nil)
      activity.set("run", "makes the lab's network")
      let hosts = try await LabNetwork.create(
        nodes: workload.nodes, family: workload.network)
      return try await body(hosts, try ReachabilityProbe(hosts))
    }
    watchdog.expect("connecting", within: .seconds(300), dump: nil)
    activity.set("run", "connects to the hosts")
    var fleet = Fleet(
      entries, agent: try Agent.besideThisExecutable(),
      programs: try programs(of: workload),
      run: RunFolder.timestamp() + "-\(UInt32.random(in: 0 ... .max))")
    if let lease, let time = Duration(workload: lease) { fleet.leaseSeconds = time / .seconds(1) }
    fleet.sending = { host, what, size in
      FileHandleOutput.standardError.write("\(host): sends the \(what), \(size >> 20) MB\n")
    }
    try await fleet.with { hosts in try await body(hosts, FleetProbe(hosts)) }
  }

  /// What hosts are sent for the nodes.
  private func programs(of workload: Workload) throws(HostError) -> [String] {
    let kinds = workload.faults.map(\.kind)
    return [program(of: workload)] + (upgrade.map { [$0] } ?? [])
      // Without our file system, faults of disks are left out where no shim can be.
      + (kinds.contains(where: \.needsShim) ? [try Shim.library()] : [])
      + (kinds.contains(where: \.needsDisk) ? [try? DiskServer.program()].compactMap { $0 } : [])
  }

  /// What the nodes run.
  private func program(of workload: Workload) -> String {
    switch workload.system {
    case .raftNode: build ?? OwnProgram.sibling("raft-node")
    case .redis: build ?? RedisServer.usualProgram ?? "redis-server"
    }
  }

  private func system(_ workload: Workload, _ hosts: [any Host]) throws -> any System {
    switch workload.system {
    case .raftNode: RaftNode(program: program(of: workload), upgrade: upgrade, hosts: hosts)
    case .redis: try RedisServer(program: build, host: hosts[0])
    }
  }

  private func print(
    _ results: RunResults, _ history: History, _ workload: Workload, seed: UInt64,
    folder: RunFolder
  ) throws {
    var resolved = workload
    resolved.seed = seed
    let report = RunReport(results, history: history, workload: resolved, folder: folder)
    try RunFolder.write(Data(try report.html().utf8), to: folder.report)
    let summary = RunSummary(
      results: results, workload: resolved, folder: folder, repeats: seed)
    Swift.print(json ? try summary.json() : summary.text)
  }

  /// Takes a run into the store's index. Without it the run is as good, and `gauntlet runs reindex` finds
  /// it.
  private static func index(_ folder: RunFolder, in store: String) async {
    guard folder.path.hasPrefix("\(store)/") else { return }
    do {
      try await RunIndex(store: store).add(String(folder.path.dropFirst(store.count + 1)))
    } catch {
      FileHandleOutput.standardError.write("gauntlet: not in the index: \(error)\n")
    }
  }

  /// The first Ctrl-C ends the run early and in order; the second ends the process.
  static func watchSignals(
    _ interruption: Interruption, saying what: String = "healing, then checking what there is"
  ) async {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    for await _ in signals {
      if interruption.isRaised { exitProcess(130) }
      FileHandleOutput.standardError.write(
        "\ngauntlet: interrupted; \(what) (again to end at once)\n")
      interruption.raise()
    }
  }
}

/// How several runs ended.
private struct Tally {
  private var counts: [RunOutcome: [UInt64]] = [:]

  mutating func add(_ outcome: RunOutcome, seed: UInt64) {
    counts[outcome, default: []].append(seed)
  }

  var worst: RunOutcome { RunOutcome.worst(of: Set(counts.keys)) ?? .valid }

  var text: String {
    let parts = RunOutcome.byPrecedence.compactMap { outcome in
      counts[outcome].map { seeds in
        outcome == .valid
          ? "\(seeds.count) valid"
          : "\(seeds.count) \(outcome.rawValue) (seeds \(seeds.map { "\($0)" }.joined(separator: " ")))"
      }
    }
    return "runs: \(parts.joined(separator: ", "))"
  }
}
