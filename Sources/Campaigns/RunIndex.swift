// The index of all runs in a store: SQLite, through GRDB. It holds nothing that the run folders do not.

import Bench
import Blocking
import FoundationEssentials
import GRDB
import Glibc

extension BenchError {
  /// That nothing lies where the store should be.
  public static func noStore(_ store: String) -> BenchError {
    BenchError("\(store): no store is there; name one with --store", isOfInput: true)
  }
}

extension RunEntry: FetchableRecord, PersistableRecord {
  /// The table of runs.
  public static let databaseTableName = "run"
}

/// Which runs are asked for.
public struct RunFilter: Sendable, Equatable {
  /// Only these outcomes; empty for all.
  public var outcomes: [String] = []
  /// Only this campaign's.
  public var campaign: String?
  /// Only this workload's.
  public var workload: String?
  /// Only this build's, by its name or the beginning of its checksum.
  public var build: String?
  /// Only this finding's.
  public var fingerprint: String?
  /// Only those that have this in their names, folder or summary, whatever its case; nil for all.
  public var text: String?
  /// By what they are ordered.
  public var order = RunOrder.started
  /// Whether the least comes first.
  public var isAscending = false
  /// Only so many, after those that are passed over; nil for all.
  public var limit: Int?
  /// How many are passed over.
  public var offset = 0

  /// All runs.
  public init() {}
}

/// By what runs are ordered.
public enum RunOrder: String, Sendable, CaseIterable {
  /// One column of the index each.
  case started, outcome, workload, faults, build, nodes, ok, longestGap, seconds
}

/// What the runs of one cell of one day came to.
public struct Night: Sendable, Equatable, Codable, FetchableRecord {
  /// The workload's name.
  public var workload: String
  /// Which of its faults.
  public var faults: String
  /// The build's name.
  public var build: String
  /// The day, in UTC, as `20261128`.
  public var day: String
  /// How many there were.
  public var runs: Int
  /// In how many something was found.
  public var findings: Int
  /// Operations that succeeded in a second under load, on average; nil where there was no load.
  public var rate: Double?
  /// The longest time in which nothing succeeded, in seconds.
  public var longestGap: Double
}

/// The index of all runs in a store, `index.sqlite` in it. Several processes may write to it at once.
///
/// SQLite blocks. On a queue of its own this actor cannot starve the cooperative pool.
public actor RunIndex {
  private let executor = QueueExecutor(label: "gauntlet.index")
  /// A queue of its own.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }
  nonisolated let store: String
  private let database: DatabaseQueue

  /// Opens the index of `store`, or makes it, and brings it up to date. A store that is not there is made
  /// too, unless one is only looked at. A damaged one is thrown away if it is to be `isRemade`.
  ///
  /// - Throws: `BenchError` when it cannot be opened.
  public init(
    store: String, isLooking: Bool = false, isRemade: Bool = false
  ) throws(BenchError) {
    self.store = store
    let path = "\(store)/index.sqlite"
    guard !isLooking || FileManager.default.fileExists(atPath: store) else {
      throw BenchError.noStore(store)
    }
    do {
      try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: true)
      do {
        database = try Self.open(path)
      } catch let error as DatabaseError where Self.isDamaged(error) && isRemade {
        for ending in ["", "-wal", "-shm"] {
          try? FileManager.default.removeItem(atPath: path + ending)  // may not be there
        }
        database = try Self.open(path)
      }
    } catch let error as DatabaseError where Self.isDamaged(error) {
      throw BenchError(
        "\(path): damaged; gauntlet runs reindex makes it again from the runs", isOfInput: true)
    } catch {
      throw BenchError("\(path): \(error)")
    }
  }

  private static func open(_ path: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.busyMode = .timeout(30)
    configuration.journalMode = .wal
    let database = try DatabaseQueue(path: path, configuration: configuration)
    try migrator.migrate(database)
    return database
  }

  private static func isDamaged(_ error: DatabaseError) -> Bool {
    [.SQLITE_NOTADB, .SQLITE_CORRUPT].contains(error.resultCode)
  }

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("runs") { database in
      try database.create(table: "run") { table in
        table.primaryKey("folder", .text)
        for name in ["started", "workload", "faults", "build", "sum", "seed", "outcome", "summary"]
        {
          table.column(name, .text).notNull()
        }
        for name in ["campaign", "fingerprint"] { table.column(name, .text) }
        for name in ["nodes", "clients", "ok", "fail", "info", "bytes"] {
          table.column(name, .integer).notNull()
        }
        for name in ["seconds", "loadSeconds", "available", "longestGap"] {
          table.column(name, .double).notNull()
        }
        for name in ["worstRecovery", "processorSeconds"] { table.column(name, .double) }
      }
      try database.create(index: "runByStart", on: "run", columns: ["started"])
      try database.create(index: "runByCampaign", on: "run", columns: ["campaign"])
      try database.create(index: "runByFinding", on: "run", columns: ["fingerprint"])
      try database.create(
        index: "runByCell", on: "run", columns: ["workload", "faults", "build", "started"])
    }
    return migrator
  }

  /// Takes in the run in `folder`, a path in the store, or what has become of it.
  ///
  /// - Throws: when no run is there, or the index cannot be written.
  @discardableResult
  public func add(_ folder: String) throws -> RunEntry {
    let entry = try RunEntry(reading: folder, in: store)
    try add(entry)
    return entry
  }

  /// Takes in a run that was read, or what has become of it.
  ///
  /// - Throws: when the index cannot be written.
  func add(_ entry: RunEntry) throws { try database.write { try entry.save($0) } }

  /// Runs that `filter` lets through, the newest first.
  public func runs(_ filter: RunFilter = RunFilter()) throws -> [RunEntry] {
    try database.read { try Self.request(filter).fetchAll($0) }
  }

  /// How many `filter` lets through, whatever its limit.
  public func count(_ filter: RunFilter = RunFilter()) throws -> Int {
    var filter = filter
    (filter.limit, filter.offset) = (nil, 0)
    return try database.read { [filter] in try Self.request(filter).fetchCount($0) }
  }

  private static func request(_ filter: RunFilter) -> QueryInterfaceRequest<RunEntry> {
    let column = Column(filter.order.rawValue)
    var request = RunEntry.order(
      filter.isAscending ? column.asc : column.desc, Column("started").desc,
      Column("folder").desc)
    if !filter.outcomes.isEmpty {
      request = request.filter(filter.outcomes.contains(Column("outcome")))
    }
    for (name, value) in [
      ("campaign", filter.campaign), ("workload", filter.workload),
    ] {
      if let value { request = request.filter(Column(name) == value) }
    }
    if let finding = filter.fingerprint {
      request = request.filter(
        // As a range, so that its index serves.
        sql: "fingerprint >= ? AND fingerprint < ? || char(0x10FFFF)",
        arguments: [finding, finding])
    }
    if let build = filter.build {
      request = request.filter(
        sql: "build = ? OR substr(sum, 1, length(?)) = ?", arguments: [build, build, build])
    }
    if let text = filter.text {
      let columns = ["folder", "workload", "faults", "build", "seed", "summary", "fingerprint"]
      request = request.filter(
        sql: columns.map { "instr(lower(ifnull(\($0), '')), lower(?)) > 0" }
          .joined(separator: " OR "),
        arguments: StatementArguments(columns.map { _ in text }))
    }
    if filter.limit != nil || filter.offset > 0 {
      request = request.limit(filter.limit ?? Int.max, offset: filter.offset)
    }
    return request
  }

  /// All that a column of names has, in order.
  public func names(_ order: RunOrder) throws -> [String] {
    try database.read {
      try String.fetchAll(
        $0, sql: "SELECT DISTINCT \(order.rawValue) FROM run ORDER BY 1 LIMIT 200")
    }
  }

  /// What each cell came to on each day, the oldest first, of the last `days` on which there were runs.
  public func nights(_ days: Int) throws -> [Night] {
    try database.read {
      try Night.fetchAll(
        $0,
        sql: """
          SELECT workload, faults, build, substr(started, 1, 8) AS day, count(*) AS runs,
            sum(outcome IN ('violation', 'crash', 'objective')) AS findings,
            avg(ok / nullif(loadSeconds, 0)) AS rate, max(longestGap) AS longestGap
          FROM run
          WHERE outcome <> 'unfinished' AND substr(started, 1, 8) IN
            (SELECT DISTINCT substr(started, 1, 8) AS day FROM run ORDER BY day DESC LIMIT ?)
          GROUP BY workload, faults, build, day ORDER BY day
          """, arguments: [days])
    }
  }

  /// What is known of these cells, of campaigns other than `campaign`.
  func pasts(of cells: [Cell], except campaign: String) throws -> [Cell: CellPast] {
    try database.read { database in
      var pasts: [Cell: CellPast] = [:]
      for cell in cells {
        var request = RunEntry.order(Column("started").desc)
          .filter(Column("campaign") != campaign)
          .filter(Column("workload") == cell.workload && Column("faults") == cell.faults.name)
          .filter(Column("build") == cell.build)
        if let nodes = cell.nodes { request = request.filter(Column("nodes") == nodes) }
        var past = CellPast()
        past.runs = try request.fetchCount(database)
        let last = try request.limit(10).fetchAll(database)
        past.findings = last.count { RunOutcome(rawValue: $0.outcome)?.isFinding ?? false }
        past.build = last.first?.sum
        if past.runs > 0 { pasts[cell] = past }
      }
      return pasts
    }
  }

  /// Removes the runs in these folders, paths in the store, with all that was recorded of them.
  ///
  /// - Throws: `BenchError` when one goes on, or cannot be removed; those before it are.
  public func remove(_ folders: [String]) throws {
    for folder in folders {
      // The index is a file as any other: what it names must be a run of this store to be removed.
      guard RunEntry.isInStore(folder), RunFolder.isRun("\(store)/\(folder)") else {
        _ = try database.write { try RunEntry.deleteOne($0, key: folder) }
        continue
      }
      guard !RunFolder(path: "\(store)/\(folder)").isHeld else {
        throw BenchError("\(store)/\(folder): its run goes on; wait for its end", isOfInput: true)
      }
      do {
        try FileManager.default.removeItem(atPath: "\(store)/\(folder)")
      } catch {
        if FileManager.default.fileExists(atPath: "\(store)/\(folder)") {
          throw BenchError("\(store)/\(folder): cannot be removed: \(error)")
        }
      }
      _ = try database.write { try RunEntry.deleteOne($0, key: folder) }
    }
    try mendLatest()
  }

  /// Points `latest` to the newest run, if what it points to is gone.
  private func mendLatest() throws {
    let latest = "\(store)/latest"
    guard (try? FileManager.default.destinationOfSymbolicLink(atPath: latest)) != nil,
      !FileManager.default.fileExists(atPath: latest)
    else { return }
    var newest = RunFilter()
    newest.limit = 1
    if let run = try runs(newest).first {
      try RunFolder.point(latest: latest, to: run.folder)
    } else {
      unlink(latest)  // a link to nothing
    }
  }

  /// Makes the index again from the run folders alone; returns how many there are, and the folders that
  /// could not be read with the reason.
  public func rebuild() throws -> (runs: Int, unreadable: [String: String]) {
    var entries: [RunEntry] = []
    var unreadable: [String: String] = [:]
    for folder in Self.runFolders(in: store) {
      do {
        entries.append(try RunEntry(reading: folder, in: store))
      } catch {
        unreadable[folder] = "\(error)"
      }
    }
    try fill(entries)
    let ended = Set(entries.filter { $0.outcome != "unfinished" }.map(\.folder))
    // Meanwhile runs may have begun, and ended, whose rows are gone with the old ones: once more, while
    // nobody else writes.
    let missed = Self.runFolders(in: store).filter { !ended.contains($0) && unreadable[$0] == nil }
    try database.write { database in
      for folder in missed { try (try? RunEntry(reading: folder, in: store))?.save(database) }
    }
    try mendLatest()
    return (entries.count, unreadable)
  }

  /// Holds `entries` and nothing else.
  func fill(_ entries: [RunEntry]) throws {
    try database.write { database in
      try RunEntry.deleteAll(database)
      for entry in entries { try entry.insert(database) }
    }
  }

  /// The run folders of a store, as paths in it. Links are not followed: what they show lies elsewhere.
  private static func runFolders(in store: String) -> [String] {
    let files = FileManager.default
    func folders(in path: String) -> [String] {
      ((try? files.contentsOfDirectory(atPath: path)) ?? []).sorted().filter { name in
        let type = (try? files.attributesOfItem(atPath: "\(path)/\(name)"))?[.type]
        return type as? FileAttributeType == .typeDirectory
      }
    }
    return folders(in: store).flatMap { group in
      folders(in: "\(store)/\(group)").map { "\(group)/\($0)" }
        .filter { RunFolder.isRun("\(store)/\($0)") }
    }
  }
}
