// A campaign at work: it begins runs, several at once, notes each before and after, and can be killed at
// any moment.

import Bench
import Blocking
import FoundationEssentials
import Glibc
import Workloads

/// Does the runs of a campaign until all are done, the budget is spent, or somebody interrupts.
///
/// The journal blocks: on a queue of its own this actor cannot starve the cooperative pool.
public actor CampaignRunner {
  private let executor = QueueExecutor(label: "gauntlet.campaign")
  /// A queue of its own.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// The folder it works in.
  public nonisolated let folder: CampaignFolder
  private let plan: CampaignFolder.Plan
  private let program: String
  private let index: RunIndex
  private let interruption: Interruption
  private let progress: CampaignProgress
  private let start = ContinuousClock.now
  private var journal: Journal?
  private var state: CampaignState
  private var leashes: [CellRun: Leash] = [:]
  /// Run folders that were collected from parts, which other machines' builds may have done.
  private var collected: Set<String> = []

  /// Takes up the campaign in `folder`, with `program` as `gauntlet`.
  ///
  /// - Throws: `BenchError` when the campaign cannot be read, or the index not opened.
  public init(
    _ folder: CampaignFolder, program: String, interruption: Interruption,
    progress: CampaignProgress
  ) throws(BenchError) {
    self.folder = folder
    self.program = program
    self.interruption = interruption
    self.progress = progress
    plan = try folder.readPlan()
    index = try RunIndex(store: folder.store)
    state = CampaignState(plan.campaign, shard: plan.shard)
  }

  /// Does what there is to do; returns where the campaign stands then.
  ///
  /// - Throws: `BenchError` when another controller has the campaign, a build is not what it was, or the
  ///   journal cannot be written.
  public func run() async throws -> CampaignState {
    try checkBuilds()
    let (journal, events) = try Journal.open(folder.journal)
    self.journal = journal
    state = CampaignState(plan.campaign, after: events, shard: plan.shard)
    for case .collected(_, _, let place) in events { collected.insert(place) }
    try note(.session(time: RunFolder.timestamp()))
    for (run, attempt, folder) in state.unfinished {
      try await settle(run, attempt, folder)
    }
    let pasts = try await index.pasts(of: plan.campaign.cells, except: folder.name)
    let order = Order(plan.campaign, pasts: pasts)
    let labs = plan.hosts == nil ? plan.campaign.labs ?? Self.usualLabs : 1
    progress.begin(state, labs: labs)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [interruption] in
        await interruption.wait()
        await self.pullLeashes()
      }
      for _ in 0..<labs {
        group.addTask { try await self.work(order) }
      }
      // The first is a worker's end or a failure, unless somebody interrupted.
      for _ in 0..<labs { try await group.next() }
      if !interruption.isRaised { group.cancelAll() }
      try await group.waitForAll()
    }
    try note(.elapsed(seconds: elapsed))
    self.journal = nil
    return state
  }

  private var elapsed: Double { (ContinuousClock.now - start) / .seconds(1) }

  /// As many labs as there are cores, unless there are not two gigabytes for each.
  public static var usualLabs: Int {
    let memory = sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE))
    return max(1, min(sysconf(CInt(_SC_NPROCESSORS_ONLN)), memory >> 31))
  }

  private func checkBuilds() throws(BenchError) {
    for build in plan.campaign.builds {
      guard try BuildSum.sum(of: build.path) == build.sum else {
        throw BenchError(
          "\(build.path): another build than the campaign began with; put it back, or begin a new "
            + "campaign")
      }
    }
  }

  private func note(_ event: CampaignEvent) throws(BenchError) {
    guard let journal else { preconditionFailure("the journal is not open") }
    try journal.append(event)
    state.apply(event)
  }

  /// Finds out what became of a run whose end a controller before us did not see. One on machines may still
  /// be healing them; it is waited for.
  private func settle(_ run: CellRun, _ attempt: Int, _ folder: String) async throws {
    let place = RunFolder(path: "\(self.folder.store)/\(folder)")
    let end = ContinuousClock.now + .seconds(600)
    while place.isHeld, ContinuousClock.now < end, !interruption.isRaised {
      try await Task.sleep(for: .milliseconds(200))
    }
    guard !place.isHeld else {
      throw BenchError("\(place.path): its run goes on; wait for its end, then resume")
    }
    let stored = await stored(folder, of: run)
    // What was recorded of one that was cut off can be looked at.
    if stored == nil { _ = try? await index.add(folder) }
    let record =
      stored
      ?? RunRecord(
        folder: folder, outcome: .interrupted, summary: "The controller ended before it did.",
        seconds: 0, loadSeconds: 0)
    try note(.end(run: run, attempt: attempt, record))
  }

  /// What a run has stored of its end; nil when it has not come to one. That the index cannot have it makes
  /// no difference to what was found.
  private func stored(_ folder: String, of run: CellRun) async -> RunRecord? {
    let results = RunFolder(path: "\(self.folder.store)/\(folder)").results
    guard FileManager.default.fileExists(atPath: results) else { return nil }
    let entry: RunEntry
    do {
      let results = try RunResults.read(results)
      // Somebody may have looked at what was recorded of one that was cut off; only what he found counts.
      if let results, results.isCutOff, !results.outcome.isFinding { return nil }
      entry = try RunEntry(of: results, in: folder, of: self.folder.store)
    } catch {
      return RunRecord(
        folder: folder, outcome: .benchFailure, summary: "\(error)", seconds: 0, loadSeconds: 0)
    }
    do { try await index.add(entry) } catch { progress.warn("not in the index: \(error)") }
    var record = RunRecord(entry)
    let build = plan.campaign.builds.first { $0.name == run.cell.build }
    if let build, !entry.sum.isEmpty, entry.sum != build.sum, !collected.contains(folder) {
      record.outcome = .benchFailure
      record.summary = "\(build.path) is another program than the campaign began with; put it back."
    }
    return record
  }

  /// Does one run after the other.
  private func work(_ order: Order) async throws {
    while let choice = choose(order) { try await perform(choice) }
  }

  private func choose(_ order: Order) -> Order.Choice? {
    guard !interruption.isRaised, !Task.isCancelled, state.runsLeft > 0,
      state.hasTime(after: state.secondsBefore + elapsed)
    else {
      return nil
    }
    return order.next(in: state)
  }

  private func perform(_ choice: Order.Choice) async throws {
    let run = choice.run
    let source = plan.campaign.workloads.first { $0.name == run.cell.workload }
    let build = plan.campaign.builds.first { $0.name == run.cell.build }
    guard let source, let build, let number = state.planned.firstIndex(of: run) else {
      preconditionFailure("\(run.name) is not of this campaign")
    }
    let workload = try WorkloadFile.parse(
      source.text, file: source.name, overrides: plan.campaign.overrides(nodes: run.cell.nodes))
    let place = try RunFolder.make(in: folder.store, for: workload, seed: run.seed)
    let relative = String(place.path.dropFirst(folder.store.count + 1))
    let membership = Membership(campaign: folder.name, run: run, attempt: choice.attempt)
    try RunFolder.write(
      try JSONEncoder().encode(membership), to: "\(place.path)/\(RunEntry.membershipFile)")
    try note(
      .begin(run: run, attempt: choice.attempt, folder: relative, reason: choice.reason))
    let leash = try Leash()
    leashes[run] = leash
    if interruption.isRaised { leash.pull() }
    progress.began(run, choice.reason)
    let process = ChildProcess(
      program: program, arguments: arguments(run, build, place),
      log: folder.log(number, choice.attempt), limit: workload.time + .seconds(1800))
    let began = ContinuousClock.now
    _ = try await process.run(on: leash)  // what it stored says how it ended
    leashes[run] = nil
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    let record = await record(of: relative, run, seconds, process)
    try note(.end(run: run, attempt: choice.attempt, record))
    try note(.elapsed(seconds: elapsed))
    progress.ended(run, record, state)
  }

  private func arguments(
    _ run: CellRun, _ build: Campaign.Build, _ place: RunFolder
  ) -> [String] {
    var arguments = [
      "run", folder.workload(run.cell.workload), "--seed", "\(run.seed)", "--build", build.path,
      "--folder", place.path, "--store", folder.store, "--leash",
    ]
    if let time = plan.campaign.time { arguments += ["--time", time] }
    if let nodes = run.cell.nodes { arguments += ["--nodes", "\(nodes)"] }
    if let faults = run.cell.faults.flag { arguments += ["--faults", faults] }
    for setting in plan.campaign.settings { arguments += ["--set", setting] }
    if let hosts = plan.hosts { arguments += ["--hosts", hosts] }
    return arguments
  }

  /// What became of a run whose process ended.
  private func record(
    of relative: String, _ run: CellRun, _ seconds: Double, _ process: ChildProcess
  ) async -> RunRecord {
    if var record = await stored(relative, of: run) {
      record.seconds = seconds
      return record
    }
    let wasAsked = interruption.isRaised
    return RunRecord(
      folder: relative, outcome: wasAsked ? .interrupted : .benchFailure,
      summary: process.lastLine ?? "It ended without a word.", seconds: seconds, loadSeconds: 0)
  }

  private func pullLeashes() {
    for leash in leashes.values { leash.pull() }
  }
}

extension RunRecord {
  /// What the index has of a run.
  init(_ entry: RunEntry) {
    self.init(
      folder: entry.folder, outcome: RunOutcome(rawValue: entry.outcome) ?? .benchFailure,
      summary: entry.summary, seconds: entry.seconds, loadSeconds: entry.loadSeconds,
      fingerprint: entry.fingerprint)
  }
}
