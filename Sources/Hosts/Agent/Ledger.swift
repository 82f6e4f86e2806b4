// What has to be undone on a host, kept on its disk from before it is done until after it is undone.

import FoundationEssentials
import Glibc

/// Where a run keeps what has to outlive its agent: `/run/gauntlet/RUN` for root, a folder of the
/// user's own in `/tmp` for others. Both are gone after a restart of the machine, and so is all that
/// the ledger would undo.
public struct LedgerFolder: Sendable, Equatable {
  /// Its path.
  public let path: String

  /// Where those of all runs lie.
  public static var root: String { geteuid() == 0 ? "/run/gauntlet" : "/tmp/gauntlet-\(geteuid())" }

  /// The folder of `run`.
  ///
  /// - Throws: when `run` is no name of a folder.
  public init(run: String) throws(LedgerError) {
    let isPlain = run.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    guard isPlain, !run.isEmpty, run.utf8.count <= 100 else {
      throw LedgerError("\"\(run)\" names no run; write letters, digits and dashes")
    }
    path = "\(Self.root)/\(run)"
  }

  /// Those that there are.
  public static var all: [LedgerFolder] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []  // none
    return names.sorted().compactMap { try? LedgerFolder(run: $0) }
  }

  /// Where its watchdog listens.
  var socket: String { "\(path)/socket" }
  /// What its watchdog could not do.
  var log: String { "\(path)/log" }
  /// The ledger itself.
  var ledger: String { "\(path)/ledger" }

  /// Makes it, for nobody but us.
  func make() throws(LedgerError) {
    for path in [Self.root, path] {
      guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system("making \(path)") }
      var status = stat()
      // In /tmp anybody may have made it before us, or have it lead elsewhere.
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
        status.st_uid == geteuid()
      else { throw LedgerError("\(path) is somebody else's; remove it") }
      chmod(path, 0o700)
    }
  }

  /// Removes it with all that is in it.
  func remove() { try? FileManager.default.removeItem(atPath: path) }  // a socket, a ledger
}

/// Why a ledger can't be kept. Its text is one line.
public struct LedgerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What, and what to do.
  public let description: String

  init(_ description: String) { self.description = description }

  static func system(_ step: String) -> LedgerError {
    LedgerError("\(step): \(String(cString: strerror(errno)))")
  }
}

/// What has to be undone, and which processes are ours. Each change is a line, on disk before it is
/// acted on.
struct Ledger {
  /// One change.
  enum Entry: Codable, Equatable {
    case note(key: String, Undo)
    case undone(key: String)
    /// A process, told from a later one of the same number by when it began (in ticks since boot).
    case process(Int32, beganAt: UInt64)
  }

  /// In the order in which it was noted.
  private(set) var undos: [(key: String, undo: Undo)] = []
  private(set) var processes: [(process: Int32, beganAt: UInt64)] = []
  private let path: String
  private var file: CInt = -1

  /// Reads what `folder` has; a line that was cut off was never acted on.
  init(reading folder: LedgerFolder) {
    path = folder.ledger
    guard let data = FileManager.default.contents(atPath: path) else { return }
    for line in data.split(separator: UInt8(ascii: "\n")) {
      if let entry = AgentLine.decode(Entry.self, line) { take(entry) }
    }
  }

  /// Opens it for writing.
  mutating func open() throws(LedgerError) {
    file = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw .system("opening \(path)") }
  }

  /// Keeps `entry`.
  mutating func add(_ entry: Entry) throws(LedgerError) {
    guard writeAll(AgentLine.encode(entry), to: file), fdatasync(file) == 0 else {
      throw .system("writing \(path)")
    }
    take(entry)
  }

  /// Undoes what `entry` stands for, and keeps that it is undone.
  mutating func undo(_ entry: (key: String, undo: Undo)) throws(LedgerError) {
    try entry.undo.carryOut()
    try add(.undone(key: entry.key))
  }

  /// Undoes all that there is, the last first. What cannot be undone stays.
  ///
  /// - Returns: the keys of what is undone, and of the rest the reasons.
  mutating func undoAll() -> (undone: [String], failures: [String]) {
    var (undone, failures): ([String], [String]) = ([], [])
    for entry in undos.reversed() {
      do throws(LedgerError) {
        try undo(entry)
        undone.append(entry.key)
      } catch {
        failures.append("\(entry.key): \(error)")
      }
    }
    return (undone, failures)
  }

  private mutating func take(_ entry: Entry) {
    switch entry {
    case .note(let key, let undo):
      undos.append((key, undo))
    case .undone(let key): undos.removeAll { $0.key == key }
    case .process(let process, let beganAt): processes.append((process, beganAt))
    }
  }
}

/// What `/proc` says of a process.
enum ProcessTable {
  /// The scheduler's letter, and when the process began, in ticks since boot; nil when it is gone.
  static func look(_ process: Int32) -> (state: Character, beganAt: UInt64)? {
    guard let data = FileManager.default.contents(atPath: "/proc/\(process)/stat") else {
      return nil
    }
    let text = String(decoding: data, as: UTF8.self)
    // After the name, which is in parentheses and may hold anything.
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 19, let state = fields[0].first, let began = UInt64(fields[19]) else {
      return nil
    }
    return (state, began)
  }
}
