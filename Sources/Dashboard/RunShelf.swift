// What the pages read from a store. Its folders may be anybody's work: nothing outside of the store is read,
// and nothing without a limit.

import Bench
import Blocking
import Campaigns
import FoundationEssentials
import Glibc
import History
import Reports
import Workloads

/// Why a page cannot be shown. Its text is one line.
struct NotShown: Error, CustomStringConvertible {
  let description: String
}

/// Reads a store. Files and SQLite block; on a queue of its own this actor cannot starve the cooperative pool.
actor RunShelf {
  private let executor = QueueExecutor(label: "gauntlet.dashboard")
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  private let root: String

  /// The index.
  nonisolated let index: RunIndex
  /// The store.
  nonisolated let store: String

  /// Of the campaigns that were shown lately.
  private var readings: [String: CampaignReading] = [:]

  /// So many planned runs of campaigns are kept in memory, some hundred bytes each.
  private static let mostKept = 50_000
  private static let largestDocument = 64 << 20
  private static let largestHistory = 512 << 20
  private static let logWindow = 4 << 20

  /// A reader of `store`.
  ///
  /// - Throws: `BenchError` when it is not there.
  init(store: String) throws(BenchError) {
    index = try RunIndex(store: store, isLooking: true)
    self.store = store
    guard let root = Self.real(store) else { throw BenchError("\(store): cannot be read") }
    self.root = root
  }

  // MARK: Runs

  /// All that is shown of one run.
  struct Shown: Sendable {
    var entry: RunEntry
    /// Nil until it has ended.
    var results: RunResults?
    /// Each node with its files.
    var logs: [(node: String, files: [String])]
    /// Those of `RunShelf.files` that are there.
    var files: [String]
    /// Whether somebody is at work on it.
    var isLive: Bool
  }

  /// What a run's folder may offer as it is.
  static let files = [
    "history.jsonl", "history.jsonl.bz2", "results.json", "run.yaml", "plan.jsonl", "campaign.json",
  ]

  /// The run in `folder`, a path in the store.
  ///
  /// - Throws: when no run is there.
  func run(_ folder: String) throws -> Shown {
    try check(folder)
    let path = "\(store)/\(folder)"
    for name in Self.files where FileManager.default.fileExists(atPath: "\(path)/\(name)") {
      try checkFile(
        "\(folder)/\(name)",
        limit: name.hasPrefix("history.jsonl") ? .max : Self.largestDocument)
    }
    let entry = try RunEntry(reading: folder, in: store)
    let run = RunFolder(path: path)
    let results = try RunResults.read(run.results)
    let nodes = names(in: "\(folder)/nodes", last: 100)
    return Shown(
      entry: entry, results: results,
      logs: nodes.map { ($0, logs(in: "\(folder)/nodes/\($0)")) },
      files: Self.files.filter { FileManager.default.fileExists(atPath: "\(path)/\($0)") },
      isLive: results == nil && run.isHeld)
  }

  /// The files of a node that are text: not what it stored, packed or not.
  private func logs(in home: String) -> [String] {
    names(in: home, last: 50).filter { name in
      !name.hasSuffix(".gz") && (try? checkFile("\(home)/\(name)", limit: .max)) != nil
    }
  }

  /// The runs that somebody is at work on, as paths in the store, the newest first.
  func live() -> [String] {
    names(in: "").flatMap { group in
      names(in: group, last: 64).map { "\(group)/\($0)" }
    }.filter { folder in
      let run = RunFolder(path: "\(store)/\(folder)")
      return !FileManager.default.fileExists(atPath: run.results)
        && FileManager.default.fileExists(atPath: run.workload) && run.isHeld
    }.sorted(by: >)
  }

  /// The page that draws the run in `folder`, its script under `nonce`.
  ///
  /// - Throws: when it has not ended, or cannot be drawn.
  func drawing(of folder: String, nonce: String) throws -> String {
    try check(folder)
    let run = RunFolder(path: "\(store)/\(folder)")
    guard run.history != run.packedHistory else {
      throw NotShown(
        description: "The history is packed; `gauntlet check` writes its page, report.html.")
    }
    for name in ["history.jsonl", "results.json", "run.yaml"] {
      let limit = name == "history.jsonl" ? Self.largestHistory : Self.largestDocument
      try checkFile("\(folder)/\(name)", limit: limit)
    }
    // Packed, it may unfold to a thousand times its size.
    guard try beginning(of: "\(folder)/history.jsonl") == [UInt8(ascii: "{")] else {
      throw NotShown(
        description: "history.jsonl is empty, or packed, or none; `gauntlet check` says which.")
    }
    guard let results = try RunResults.read(run.results) else {
      throw NotShown(description: "The run has not ended; its page is drawn then.")
    }
    let history: History
    do { history = try History(file: run.history) } catch {
      throw NotShown(description: "The history cannot be drawn: \(error)")
    }
    let workload = try WorkloadFile.read(path: run.workload)
    return try RunReport(results, history: history, workload: workload, folder: run)
      .html(nonce: nonce)
  }

  /// Lines of a node's log, the last `limit` that have `text`, whatever its case.
  struct Log: Sendable {
    var lines: [String]
    /// How many have it, of those that were looked at.
    var matching: Int
    /// Whether only its end was looked at.
    var isCut: Bool
  }

  /// Looks through the end of a node's log.
  ///
  /// - Throws: when there is none.
  func log(of folder: String, node: String, file: String, text: String, limit: Int) throws -> Log {
    try check(folder)
    let place = "\(folder)/nodes/\(node)/\(file)"
    try check(place)
    try checkFile(place, limit: .max)
    let (bytes, isCut) = try end(of: place, Self.logWindow)
    let wanted = text.lowercased()
    let lines = bytes.split(separator: UInt8(ascii: "\n")).dropFirst(isCut ? 1 : 0)
      .map { String(decoding: $0, as: UTF8.self) }
      .filter { wanted.isEmpty || $0.lowercased().contains(wanted) }
    return Log(lines: Array(lines.suffix(limit)), matching: lines.count, isCut: isCut)
  }

  /// The file `name` of the run in `folder`, checked, to be sent as it is.
  ///
  /// - Throws: when it is none of those that are offered.
  func path(of name: String, in folder: String) throws -> String {
    guard Self.files.contains(name) else { throw NotShown(description: "There is no such file.") }
    try check(folder)
    try checkFile("\(folder)/\(name)", limit: .max)
    return "\(store)/\(folder)/\(name)"
  }

  // MARK: Campaigns

  /// A campaign as it stands.
  struct Stand: Sendable {
    var folder: CampaignFolder
    var state: CampaignState
    var summary: CampaignSummary
  }

  /// The newest campaigns: how each stands, or why that cannot be told.
  func campaigns(_ limit: Int) -> [(name: String, stand: Result<Stand, any Error>)] {
    CampaignFolder.all(in: root).reversed().prefix(limit).map { folder in
      (folder.name, Result { try stand(of: folder) })
    }
  }

  /// The campaign of that name.
  ///
  /// - Throws: when there is none.
  func campaign(_ name: String) throws -> Stand {
    try check("campaigns/\(name)")
    guard let folder = CampaignFolder.all(in: root).first(where: { $0.name == "campaigns/\(name)" })
    else { throw NotShown(description: "There is no campaign of that name.") }
    return try stand(of: folder)
  }

  /// Sets the newest runs of two campaigns against each other, or two runs.
  ///
  /// - Throws: when one is not there, or holds what is no run's.
  func comparison(_ first: String, _ second: String) throws -> Comparison {
    func side(_ name: String) throws -> ComparedSide? {
      guard let campaign = try? campaign(name) else { return nil }
      return try ComparedSide(
        name, of: [campaign.folder], limit: Self.mostCompared, admit: checkResults)
    }
    if let one = try side(first) {
      guard let other = try side(second) else {
        throw NotShown(description: "\(second): there is no campaign of that name.")
      }
      return Comparison(one, other)
    }
    for run in [first, second] {
      _ = try self.run(run)
      try checkResults(run)
    }
    return try Comparison.runs(
      RunFolder(path: "\(root)/\(first)"), RunFolder(path: "\(root)/\(second)"))
  }

  /// More are looked at with `gauntlet compare`.
  private static let mostCompared = 2000

  /// What the index names is a run of this store.
  private func checkResults(_ folder: String) throws(NotShown) {
    // A campaign's journal names runs that were removed since.
    guard FileManager.default.fileExists(atPath: "\(root)/\(folder)/results.json") else { return }
    try check(folder)
    try checkFile("\(folder)/results.json", limit: 4 << 20)
  }

  private func stand(of folder: CampaignFolder) throws -> Stand {
    try check(folder.name)
    for name in ["campaign.json", "journal.jsonl"]
    where FileManager.default.fileExists(atPath: "\(folder.path)/\(name)") {
      try checkFile("\(folder.name)/\(name)", limit: Self.largestDocument)
    }
    let reading = try folder.reading(after: readings[folder.name])
    if readings.values.reduce(0, { $0 + $1.state.planned.count }) > Self.mostKept { readings = [:] }
    readings[folder.name] = reading
    let state = reading.state
    return Stand(
      folder: folder, state: state, summary: CampaignSummary(state, folder: folder))
  }

  // MARK: Safe paths

  /// What a name in a store is made of.
  static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 255 && text != "." && text != ".."
      && text.unicodeScalars.allSatisfy {
        ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
          || "._-+".unicodeScalars.contains($0)
      }
  }

  /// Lets only those paths through that name something in the store, with no link on the way.
  private func check(_ path: String) throws(NotShown) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.allSatisfy(Self.isName), Self.real("\(store)/\(path)") == "\(root)/\(path)" else {
      throw NotShown(description: "There is nothing of that name in the store, or only a link.")
    }
  }

  /// Lets only files through: opening a pipe would wait for ever.
  private func checkFile(_ path: String, limit: Int) throws(NotShown) {
    var status = stat()
    guard lstat("\(root)/\(path)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw NotShown(description: "\(path) is not there, or is no file.")
    }
    guard status.st_size <= limit else {
      throw NotShown(
        description: "\(path) has \(status.st_size / 1_000_000) MB: too large for a page.")
    }
  }

  private static func real(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  /// The names in a folder of the store that are names; a link and what it leads to are left out.
  private func names(in path: String, last limit: Int = .max) -> [String] {
    let folder = path.isEmpty ? root : "\(root)/\(path)"
    guard Self.real(folder) == folder else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter(Self.isName).sorted().suffix(limit)
      .filter { Self.real("\(folder)/\($0)") == "\(folder)/\($0)" }
  }

  /// The first byte of a file.
  private func beginning(of path: String) throws(NotShown) -> [UInt8] {
    let descriptor = open("\(root)/\(path)", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw NotShown(description: "\(path) cannot be read.") }
    defer { close(descriptor) }
    return [UInt8](unsafeUninitializedCapacity: 1) { buffer, filled in
      filled = max(0, pread(descriptor, buffer.baseAddress, 1, 0))
    }
  }

  private func end(of path: String, _ count: Int) throws(NotShown) -> (bytes: [UInt8], isCut: Bool)
  {
    let descriptor = open("\(root)/\(path)", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw NotShown(description: "\(path) cannot be read.") }
    defer { close(descriptor) }
    let size = max(0, Int(lseek(descriptor, 0, SEEK_END)))
    let start = max(0, size - count)
    let bytes = [UInt8](unsafeUninitializedCapacity: min(size, count)) { buffer, filled in
      filled = max(0, pread(descriptor, buffer.baseAddress, buffer.count, off_t(start)))
    }
    return (bytes, start > 0)
  }
}
