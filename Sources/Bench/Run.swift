// One run from start to end: deploy, drive and disturb, heal, read back, stop, check, store.

import FoundationEssentials
import History
import Hosts
import Linearizability
import NIOCore
import NIOPosix
import Nemesis
import Systems
import Workloads

/// One run of a workload.
public struct Run: Sendable {
  private let workload: Workload
  private let seed: UInt64
  private let folder: RunFolder
  private let cluster: Cluster
  private let recorder: Recorder
  private let nemesis: Nemesis
  private let leaders: LeaderWatch
  private let calls: CallsUnderWay
  private let lag = LagWatch()
  private let activity: Activity
  private let watchdog: Watchdog
  private let interruption: Interruption
  private let build: String
  private let plan: [PlannedFault]
  private let group: any EventLoopGroup

  /// A run of `workload` with `seed` of `system` on `hosts`, whose network `probe` sees, stored in
  /// `folder`. `build` is the checksum of the system's program; `plan` what is done to it, nil for what
  /// the seed draws.
  ///
  /// - Throws: when the folder or the hosts' network cannot be used.
  public init(
    _ workload: Workload, seed: UInt64, system: any Systems.System, hosts: [any Host],
    probe: any NetworkProbe, build: String, plan: [PlannedFault]? = nil, folder: RunFolder,
    activity: Activity, watchdog: Watchdog, interruption: Interruption
  ) throws {
    var resolved = workload
    resolved.seed = seed
    self.workload = resolved
    self.seed = seed
    self.folder = folder
    self.activity = activity
    self.watchdog = watchdog
    self.interruption = interruption
    group = MultiThreadedEventLoopGroup.singleton
    self.build = build
    self.plan = plan ?? Plan.draw(for: workload, seed: seed)
    let recorder = try Recorder(
      path: folder.history, header: Header(model: workload.load.model, initial: .absent))
    self.recorder = recorder
    cluster = Cluster(
      system: system, hosts: hosts, folder: folder.nodes,
      usesShims: workload.faults.contains(where: \.kind.needsShim),
      usesDisks: workload.faults.contains(where: \.kind.needsDisk), clock: { recorder.now })
    let calls = CallsUnderWay()
    self.calls = calls
    nemesis = Nemesis(
      cluster: cluster, probe: probe, recorder: recorder, group: group,
      envelope: workload.envelope, held: { calls.nodes })
    leaders = LeaderWatch(cluster: cluster, clock: { recorder.now }, group: group)
  }

  /// Does the run. Whatever happens, faults are healed, nodes are ended, and what was recorded is
  /// judged and stored.
  public func perform() async throws -> (results: RunResults, history: History) {
    try RunFolder.write(Data(description.utf8), to: folder.workload)
    try RunFolder.write(Plan.jsonLines(plan), to: folder.plan)
    var circumstances = Circumstances()
    circumstances.build = build
    var clock = PhaseClock(activity: activity, watchdog: watchdog, dump: folder.hang)
    let flusher = Task { try await recorder.flushRegularly() }
    var capture: PacketCapture?
    do {
      if workload.capturesPackets {
        clock.begin("capture", within: .seconds(60))
        capture = try await PacketCapture(on: cluster.hosts, folder: folder.nodes)
      }
      circumstances.clockOffsets = try await clockOffsets()
      try await drive(plan, &clock, &circumstances)
    } catch {
      circumstances.problems.append("\(error)")
    }
    await stop(&clock, &circumstances)
    await collectLogs(&clock, &circumstances)
    circumstances.missing += await capture?.end(folder: folder.nodes) ?? []
    flusher.cancel()
    do { try await flusher.value } catch { circumstances.problems.append("\(error)") }
    circumstances.isInterrupted = interruption.isRaised
    circumstances.faults = await nemesis.outcomes.sorted { $0.fault < $1.fault }
    circumstances.leaders = leaders.changes
    circumstances.claims = leaders.claims
    circumstances.crashes = await cluster.crashes.map { "\($0.node) \($0.reason)" }
    circumstances.missing += await cluster.lost.sorted().map { "\($0) went out of reach" }
    circumstances.worstLag = lag.worstSeconds
    circumstances.processorSeconds = await cluster.processorSeconds
    clock.begin(Judgement.phase, within: .seconds(600))
    circumstances.phases = clock.finished
    let history = try recorded()
    let results = try await Judgement.judge(
      history, of: workload, circumstances, limits: Limits(time: .seconds(300)))
    watchdog.rest()
    activity.set("run", nil)
    try results.write(to: folder.results)
    if results.outcome == .valid { discardData() } else { await keepData() }
    return (results, history)
  }

  /// What was recorded: nothing, when not even the deployment worked.
  private func recorded() throws(HistoryError) -> History {
    do {
      return try History(file: folder.history)
    } catch {
      guard error.reason == .empty else { throw error }
      return History()
    }
  }

  /// The resolved workload, with what it was run on.
  private var description: String {
    """
    # Run this file to repeat the run. gauntlet \(Version.text)
    # build \(cluster.system.program)
    # sha256 \(build)
    \(workload.yaml)
    """
  }

  private func drive(
    _ plan: [PlannedFault], _ clock: inout PhaseClock, _ circumstances: inout Circumstances
  ) async throws {
    clock.begin("deploy", within: .seconds(30))
    async let obstacles = nemesis.findObstacles(to: plan)
    try await deploy()
    for (index, host) in cluster.hosts.enumerated() where await cluster.isOnOurDisk(index) {
      FileHandleOutput.standardError.write(
        "\(host.name): no library can be in its process; its files are on gauntlet-disk\n")
    }
    for line in try await obstacles {
      FileHandleOutput.standardError.write("\(line); faults that need it are left out\n")
    }
    clock.begin("load", within: workload.time + .seconds(60))
    var workers = try await load(plan)
    let patience: Duration = interruption.isRaised ? .seconds(5) : .seconds(30)
    clock.begin("recover", within: patience + .seconds(30))
    let silent = await workers[0].callUntilAllSucceed(by: .now + patience)
    for function in silent {
      circumstances.missing.append("no \(function) succeeded within \(patience.text) of healing")
    }
    if silent.isEmpty {
      clock.begin("read back", within: patience + .seconds(30))
      circumstances.missing += await readBack(&workers[0], by: .now + patience)
    }
  }

  /// How many seconds the clock of each machine of its own is ahead of ours.
  private func clockOffsets() async throws -> [String: Double]? {
    let hosts = cluster.hosts.filter { $0.control != nil }
    guard !hosts.isEmpty else { return nil }
    let offsets = try await withThrowingTaskGroup(of: (String, Double).self) { tasks in
      for host in hosts {
        tasks.addTask { (host.name, try await host.clockOffset().seconds) }
      }
      return try await tasks.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for (name, offset) in offsets.sorted(by: { $0.key < $1.key }) where abs(offset) > 0.5 {
      let side = offset > 0 ? "ahead of" : "behind"
      FileHandleOutput.standardError.write(
        "\(name): its clock is \(Figures.seconds(abs(offset))) \(side) this machine's\n")
    }
    return offsets
  }

  /// Starts all nodes, and waits until one of them leads.
  private func deploy() async throws {
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for index in cluster.hosts.indices {
        tasks.addTask { [cluster] in _ = try await cluster.start(index) }
      }
      try await tasks.waitForAll()
    }
    let end = ContinuousClock.now + .seconds(15)
    while await cluster.system.leader(group: group) == nil {
      guard ContinuousClock.now < end else {
        throw BenchError(
          "no node led within 15 s of its start; read the logs in \(folder.nodes)")
      }
      if let crash = await cluster.crashes.first {
        throw BenchError(
          "\(crash.node) \(crash.reason) while starting; read \(folder.nodes)/\(crash.node)/node.log"
        )
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Clients and faults, until the time is over or somebody interrupts. Ends with all healed.
  private func load(_ plan: [PlannedFault]) async throws -> [Worker] {
    let end = ContinuousClock.now + workload.time
    let endpoints = cluster.system.endpoints
    let lastSeen = LastSeen()
    return try await withThrowingTaskGroup(of: (Int, Worker)?.self) { tasks in
      for index in 0..<workload.clients {
        tasks.addTask {
          var worker = Worker(
            index: index, workload: workload, seed: seed, lastSeen: lastSeen,
            endpoints: endpoints, recorder: recorder, activity: activity, calls: calls,
            group: group)
          await worker.run(until: end)
          return (index, worker)
        }
      }
      tasks.addTask {
        await withTaskGroup(of: Void.self) { watches in
          watches.addTask { await leaders.run() }
          watches.addTask { await lag.run() }
          watches.addTask {
            await Progress(recorder: recorder, nemesis: nemesis, leaders: leaders)
              .show(until: end)
          }
        }
        return nil
      }
      tasks.addTask {
        activity.set("nemesis", "carries out the plan")
        await nemesis.run(plan)
        activity.set("nemesis", nil)
        return nil
      }
      tasks.addTask {
        await interruption.wait()
        return nil
      }
      var workers: [Int: Worker] = [:]
      while workers.count < workload.clients, let finished = try await tasks.next() {
        if let (index, worker) = finished { workers[index] = worker }
        if interruption.isRaised { tasks.cancelAll() }
      }
      tasks.cancelAll()
      return workers.sorted { $0.key < $1.key }.map(\.value)
    }
  }

  /// Reads every key through every node, so that whatever was lost is seen to be.
  private func readBack(
    _ worker: inout Worker, by end: ContinuousClock.Instant
  ) async -> [String] {
    var missing: [String] = []
    for (index, host) in cluster.hosts.enumerated() {
      guard await cluster.state(of: index) == .running else { continue }
      let unread = await worker.readAll(through: index, by: end)
      if !unread.isEmpty {
        missing.append("\(unread.count) keys could not be read through \(host.name)")
      }
    }
    return missing
  }

  private func stop(_ clock: inout PhaseClock, _ circumstances: inout Circumstances) async {
    clock.begin("stop", within: .seconds(30))
    await cluster.noteFallen()
    await withTaskGroup(of: String?.self) { tasks in
      for index in cluster.hosts.indices {
        tasks.addTask {
          do {
            try await cluster.retire(index)
            return nil
          } catch {
            return "\(error)"
          }
        }
      }
      for await problem in tasks { if let problem { circumstances.problems.append(problem) } }
    }
  }

  /// Gets the logs from where they are not here already.
  private func collectLogs(_ clock: inout PhaseClock, _ circumstances: inout Circumstances) async {
    clock.begin("collect", within: .seconds(600))
    await withTaskGroup(of: String?.self) { tasks in
      for host in cluster.hosts {
        tasks.addTask {
          let log = "\(folder.nodes)/\(host.name)/node.log"
          do {
            try await host.fetch(host.place(of: log), to: log)
            return nil
          } catch {
            return "\(log): \(error)"
          }
        }
      }
      for await problem in tasks { if let problem { circumstances.missing.append(problem) } }
    }
  }

  /// Keeps the nodes' data: here without the room that was only reserved, and packed where it comes from elsewhere.
  private func keepData() async {
    for host in cluster.hosts {
      let home = "\(folder.nodes)/\(host.name)"
      let there = host.place(of: home)
      guard there != home else {
        await digHoles(in: "\(home)/data", on: host)
        continue
      }
      let pack = Command("tar", ["-C", there, "-czf", "\(there)/data.tar.gz", "data"])
      // What cannot be had is not there; the verdict does not rest on it.
      guard let packed = try? await host.run(pack, deadline: .seconds(120)),
        packed.status.isSuccess
      else { continue }
      try? await host.fetch("\(there)/data.tar.gz", to: "\(home)/data.tar.gz")  // as above
    }
  }

  /// Copies each large file with holes for its zeros, which read the same, and puts the copy in its place once it is
  /// on the disk. `fallocate --dig-holes` would leave what was reserved and never written.
  private func digHoles(in data: String, on host: any Host) async {
    let mark = ".gauntlet-sparse"
    let dig = Command(
      "find",
      [data, "-type", "f", "-size", "+1M", "!", "-name", "*\(mark)"] + [
        "-exec", "cp", "--sparse=always", "--preserve=mode,ownership,timestamps", "{}", "{}\(mark)",
        ";",
        "-exec", "sync", "{}\(mark)", ";", "-exec", "mv", "{}\(mark)", "{}", ";",
      ])
    // Where it cannot be done they only take more room, and no half copy is left.
    _ = try? await host.run(dig, deadline: .seconds(120))
    let halves = Command("find", [data, "-type", "f", "-name", "*\(mark)", "-delete"])
    _ = try? await host.run(halves, deadline: .seconds(20))
  }

  /// What the nodes stored is evidence only after something went wrong.
  private func discardData() {
    for host in cluster.hosts {
      try? FileManager.default.removeItem(atPath: "\(folder.nodes)/\(host.name)/data")  // evidence
    }
  }
}

/// Measures phases, and gives each its limit.
struct PhaseClock {
  private let activity: Activity
  private let watchdog: Watchdog
  private let dump: String
  private var phases: [RunResults.Phase] = []
  private var current: (name: String, start: ContinuousClock.Instant)?

  init(activity: Activity, watchdog: Watchdog, dump: String) {
    self.activity = activity
    self.watchdog = watchdog
    self.dump = dump
  }

  mutating func begin(_ name: String, within limit: Duration) {
    phases = finished
    current = (name, .now)
    activity.set("run", "phase \(name)")
    watchdog.expect(name, within: limit, dump: dump)
  }

  /// The phases that ended, and the current one as of now.
  var finished: [RunResults.Phase] {
    guard let current, current.name != Judgement.phase else { return phases }
    return phases + [
      RunResults.Phase(
        name: current.name, seconds: (ContinuousClock.now - current.start) / .seconds(1))
    ]
  }
}
