// A campaign that runs of several parts are put into: each once, though a collection is cut short, comes
// before a part's end, or after somebody has gone on with what there was.

import Bench
import FoundationEssentials

/// The campaign, as it is put together.
struct CollectedCampaign {
  /// One run of a part.
  private struct Source: Hashable {
    let part: String
    let folder: String
  }

  private let whole: CampaignFolder
  private let journal: Journal
  private let index: RunIndex
  private var state: CampaignState
  /// Where runs of parts were copied to, or were to be.
  private var places: [Source: String] = [:]
  /// The runs here whose end is in the journal.
  private var ended: Set<String> = []
  /// How often each run ended, of those that were collected and those that were done here.
  private var ends: [CellRun: Int] = [:]

  /// Opens `whole`, which nobody else works on from then on, and notes of which parts it is.
  init(_ whole: CampaignFolder, parts: [String]) throws {
    self.whole = whole
    let (journal, events) = try Journal.open(whole.journal)
    self.journal = journal
    index = try RunIndex(store: whole.store)
    var plan = try whole.readPlan()
    plan.parts = Set((plan.parts ?? []) + parts).sorted()
    try whole.write(plan)
    state = CampaignState(plan.campaign, after: events)
    for event in events { count(event) }
    try whole.pointLatest(for: plan.campaign)
  }

  private mutating func count(_ event: CampaignEvent) {
    switch event {
    case .collected(let part, let folder, let place):
      places[Source(part: part, folder: folder)] = place
    case .end(let run, _, let record):
      ended.insert(record.folder)
      if record.outcome != .interrupted { ends[run, default: 0] += 1 }
    default: break
    }
  }

  /// Whether a run of `part` is there, and its end too.
  func hasAll(of folder: String, in part: CampaignFolder) -> Bool {
    places[Source(part: part.name, folder: folder)].map(ended.contains) ?? false
  }

  private mutating func note(_ event: CampaignEvent) throws(BenchError) {
    try journal.append(event)
    state.apply(event)
    count(event)
  }

  /// Notes that a part began then.
  mutating func note(began: String) throws(BenchError) {
    if state.began.map({ began < $0 }) ?? true { try note(.session(time: began)) }
  }

  /// Takes in a run of `part` that was begun for `reason` and ended so; but not one that was done meanwhile,
  /// unless it found something and the other nothing, or something less.
  mutating func take(
    _ record: RunRecord, of run: CellRun, begunFor reason: String, from part: CampaignFolder
  ) async throws {
    guard !hasAll(of: record.folder, in: part) else { return }
    if let done = state.record(of: run) {
      let isNew =
        record.outcome.isFinding
        && (!done.outcome.isFinding
          || RunOutcome.worst(of: [record.outcome, done.outcome]) != done.outcome)
      let isBetter = done.outcome == .benchFailure && record.outcome != .benchFailure
      guard isNew || isBetter else { return }
    }
    let attempt = (ends[run] ?? 0) + 1
    let source = Source(part: part.name, folder: record.folder)
    let place = places[source] ?? free(record.folder, of: part)
    // Before the copy: whoever collects again knows where it went.
    try note(.collected(part: part.name, folder: record.folder, place: place))
    try copy(
      record.folder, of: part.store, to: place,
      as: Membership(campaign: whole.name, run: run, attempt: attempt))
    var copied = record
    copied.folder = place
    try note(.begin(run: run, attempt: attempt, folder: place, reason: reason))
    if FileManager.default.fileExists(atPath: RunFolder(path: "\(whole.store)/\(place)").results) {
      try await index.add(place)
    }
    try note(.end(run: run, attempt: attempt, copied))
  }

  private func isHere(_ folder: String, of store: String) -> Bool {
    func real(_ path: String) -> String { URL(filePath: path).resolvingSymlinksInPath().path }
    return real("\(store)/\(folder)") == real("\(whole.store)/\(folder)")
  }

  /// A path in the store where there is nothing yet, as like a run's own as can be; its own, when the part
  /// lies in the store itself.
  private func free(_ folder: String, of part: CampaignFolder) -> String {
    guard !isHere(folder, of: part.store) else { return folder }
    var (place, attempt) = (folder, 1)
    while FileManager.default.fileExists(atPath: "\(whole.store)/\(place)") {
      attempt += 1
      place = "\(folder)-\(attempt)"
    }
    return place
  }

  /// Copies a run's folder, all of it or nothing, unless it is there already.
  private func copy(
    _ folder: String, of other: String, to place: String, as membership: Membership
  ) throws(BenchError) {
    // From a journal, which may have come from anywhere.
    guard RunEntry.isInStore(folder), RunEntry.isInStore(place) else {
      throw BenchError("\(folder): a run's folder lies in its store")
    }
    let files = FileManager.default
    let source = URL(filePath: "\(other)/\(folder)").resolvingSymlinksInPath().path
    let path = "\(whole.store)/\(place)"
    do {
      let data = try JSONEncoder().encode(membership)
      guard !files.fileExists(atPath: path) else {
        return try RunFolder.write(data, to: "\(path)/\(RunEntry.membershipFile)")
      }
      let parent = URL(filePath: path).deletingLastPathComponent().path
      try files.createDirectory(atPath: parent, withIntermediateDirectories: true)
      let unfinished = "\(whole.path)/unfinished"
      if files.fileExists(atPath: unfinished) { try files.removeItem(atPath: unfinished) }
      try files.copyItem(atPath: source, toPath: unfinished)
      try RunFolder.write(data, to: "\(unfinished)/\(RunEntry.membershipFile)")
      try files.moveItem(atPath: unfinished, toPath: path)
    } catch let error as BenchError {
      throw error
    } catch {
      throw BenchError("\(source): cannot be copied to \(whole.store): \(error)")
    }
  }
}
