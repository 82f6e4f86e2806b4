// What a campaign has done, on disk before it counts: the one thing that resuming rests on.

import Bench
import FoundationEssentials
import Glibc
import SystemPackage

/// One thing that happened in a campaign.
public enum CampaignEvent: Sendable, Codable, Equatable {
  /// A controller took the campaign up.
  case session(time: String)
  /// A run was begun, in the folder of that path in the store.
  case begin(run: CellRun, attempt: Int, folder: String, reason: String)
  /// It ended.
  case end(run: CellRun, attempt: Int, RunRecord)
  /// The session's controller had been at work for so long.
  case elapsed(seconds: Double)
  /// A run of a part of the campaign is copied to `place`.
  case collected(part: String, folder: String, place: String)
}

extension CampaignEvent {
  /// Whether its figures are those of runs: the file may have come from anywhere.
  var isSound: Bool {
    let longest = 0...1e9
    switch self {
    case .session: return true
    case .elapsed(let seconds): return longest.contains(seconds)
    case .collected(_, let folder, let place):
      return RunEntry.isInStore(folder) && RunEntry.isInStore(place)
    case .begin(_, let attempt, let folder, _):
      return (1...1_000_000).contains(attempt) && RunEntry.isInStore(folder)
    case .end(_, let attempt, let record):
      return (1...1_000_000).contains(attempt) && RunEntry.isInStore(record.folder)
        && longest.contains(record.seconds) && longest.contains(record.loadSeconds)
        && record.fingerprint.map { $0.count == 12 && $0.allSatisfy(\.isHexDigit) } ?? true
    }
  }
}

/// How one run of a campaign ended.
public struct RunRecord: Sendable, Codable, Equatable {
  /// Its folder's path in the store.
  public var folder: String
  /// In one word.
  public var outcome: RunOutcome
  /// In one sentence.
  public var summary: String
  /// From its beginning to its end.
  public var seconds: Double
  /// Of these, under load.
  public var loadSeconds: Double
  /// What the same finding has elsewhere; nil where nothing was found.
  public var fingerprint: String?

  /// A run that ended so.
  public init(
    folder: String, outcome: RunOutcome, summary: String, seconds: Double, loadSeconds: Double,
    fingerprint: String? = nil
  ) {
    self.folder = folder
    self.outcome = outcome
    self.summary = summary
    self.seconds = seconds
    self.loadSeconds = loadSeconds
    self.fingerprint = fingerprint
  }
}

/// The events of a campaign, a line each, written by one controller at a time.
///
/// Calls block for as long as the disk takes; to be called on a queue of its own.
final class Journal {
  private let file: FileDescriptor
  private let path: String
  /// Whether half a line may stand at its end, after which nothing may.
  private var isTorn = false

  /// Opens the journal at `path`, or makes it, and reads what is there. A last line that was cut off is
  /// taken away: what it was to say had not been promised to anybody.
  ///
  /// - Throws: `BenchError` when another controller has it, or it is damaged.
  static func open(_ path: String) throws(BenchError) -> (Journal, [CampaignEvent]) {
    let file: FileDescriptor
    do {
      file = try FileDescriptor.open(
        FilePath(path), .readWrite, options: [.append, .create, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch {
      throw BenchError("\(path): \(error); name a folder you may write with --store")
    }
    let journal = Journal(file, path)
    // Who only asks whether it is held lets go at once.
    var tries = 0
    while flock(file.rawValue, LOCK_EX | LOCK_NB) != 0, tries < 20 {
      tries += 1
      usleep(10_000)
    }
    guard tries < 20 else {
      throw BenchError(
        "\(path): another gauntlet is at work on this campaign; wait for it", isOfInput: true)
    }
    var (events, whole) = (try read(path), 0)
    whole = events.bytes
    guard ftruncate(file.rawValue, off_t(whole)) == 0 else {
      throw BenchError("\(path): \(String(cString: strerror(errno)))")
    }
    return (journal, events.events)
  }

  /// Whether a controller has the journal at `path`.
  static func isHeld(_ path: String) -> Bool {
    guard
      let file = try? FileDescriptor.open(
        FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
    else { return false }
    defer { try? file.close() }  // nothing was written
    return flock(file.rawValue, LOCK_SH | LOCK_NB) != 0
  }

  /// The events at `path`, and how many bytes they take; a line that was cut off is not among them.
  ///
  /// - Throws: `BenchError` when it cannot be read, or a whole line is no event.
  static func read(_ path: String) throws(BenchError) -> (events: [CampaignEvent], bytes: Int) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw BenchError("\(path): cannot be read; name a campaign's folder", isOfInput: true)
    }
    return (try events(in: data[...], of: path), whole(data))
  }

  /// How many bytes of `data` are whole lines.
  static func whole(_ data: Data) -> Int {
    data.lastIndex(of: 0x0A).map { $0 - data.startIndex + 1 } ?? 0
  }

  /// The events in the whole lines of `data`, a part of the journal at `path` that begins a line after so many
  /// others.
  ///
  /// - Throws: `BenchError` when one is no event.
  static func events(
    in data: Data, of path: String, after lines: Int = 0
  ) throws(BenchError) -> [CampaignEvent] {
    let decoder = JSONDecoder()
    var events: [CampaignEvent] = []
    // `Data` looks at each byte through checks that took a fifth of the reading.
    for (place, line) in Array(data.prefix(whole(data))).split(separator: 0x0A).enumerated() {
      do {
        let event = try decoder.decode(CampaignEvent.self, from: Data(line))
        guard event.isSound else { throw BenchError("out of bounds") }
        events.append(event)
      } catch {
        throw BenchError(
          "\(path):\(lines + place + 1): not an event of a campaign; put the file back as it was",
          isOfInput: true)
      }
    }
    return events
  }

  private init(_ file: FileDescriptor, _ path: String) {
    self.file = file
    self.path = path
  }

  deinit { try? file.close() }  // every line was synced

  /// Writes `event`; it is durable when this returns.
  ///
  /// - Throws: `BenchError`; nothing may be done then that rests on the event.
  func append(_ event: CampaignEvent) throws(BenchError) {
    guard !isTorn else { throw BenchError("\(path): cannot be written any more; make room") }
    isTorn = true
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      var line = Array(try encoder.encode(event))
      line.append(0x0A)
      try file.writeAll(line)
    } catch {
      throw BenchError("\(path): cannot be written: \(error); make room")
    }
    guard fsync(file.rawValue) == 0 else {
      throw BenchError("\(path): cannot be written: \(String(cString: strerror(errno)))")
    }
    isTorn = false
  }
}
