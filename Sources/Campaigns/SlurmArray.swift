// A campaign on a cluster that Slurm runs: an array of jobs, each of which does a part of it into a store of
// its own. Slurm queues, places and limits them; what they did is told by their stores alone.

import Bench
import FoundationEssentials
import Glibc
import SystemPackage

/// A campaign that was submitted to Slurm; the content of `slurm.json` in its store.
public struct SlurmArray: Sendable, Codable, Equatable {
  /// `gauntlet`, where every node of the cluster finds it.
  public var program: String
  /// The campaign file.
  public var file: String
  /// Where it all goes: a folder that all nodes share.
  public var store: String
  /// How many parts there are.
  public var parts: Int
  /// What `sbatch` is told beside, such as `--partition=long`.
  public var options: [String]
  /// The jobs that were submitted so far.
  public private(set) var jobs: [String] = []

  /// A campaign in `parts` parts; nothing is submitted yet. Paths are absolute.
  public init(program: String, file: String, store: String, parts: Int, options: [String]) {
    self.program = program
    self.file = file
    self.store = store
    self.parts = parts
    self.options = options
  }

  /// The campaign that was submitted from `store`.
  ///
  /// - Throws: `BenchError` when none was.
  public static func read(store: String) throws(BenchError) -> SlurmArray {
    let path = "\(store)/slurm.json"
    guard let data = FileManager.default.contents(atPath: path) else {
      throw BenchError("\(path): nothing was submitted from this store")
    }
    guard let array = try? JSONDecoder().decode(SlurmArray.self, from: data),
      (1...Self.mostParts).contains(array.parts)
    else { throw BenchError("\(path): not written by this version; submit it anew") }
    return array
  }

  /// Keeps others from submitting from `store` for as long as what is returned is open.
  ///
  /// - Throws: `BenchError` when another does.
  public static func lock(store: String) throws(BenchError) -> FileDescriptor {
    let file: FileDescriptor
    do {
      try FileManager.default.createDirectory(
        atPath: "\(store)/slurm", withIntermediateDirectories: true)
      file = try FileDescriptor.open(
        FilePath("\(store)/slurm/lock"), .readWrite, options: [.create, .closeOnExec],
        permissions: [.ownerReadWrite])
    } catch {
      throw BenchError("\(store): cannot be written: \(error); name a folder you may write")
    }
    if flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 { return file }
    try? file.close()  // nothing was locked
    throw BenchError("\(store): another gauntlet submits from there; wait for it")
  }

  /// The most parts; Slurm's own limit is often 1001.
  public static let mostParts = 100_000

  /// The store of one part.
  public func folder(of part: Int) -> String { "\(store)/parts/\(part)" }

  /// The parts that have not come to their end, whatever the reason.
  public var open: [Int] {
    (1...parts).filter { !FileManager.default.fileExists(atPath: "\(folder(of: $0))/ended") }
  }

  /// The parts that Slurm still has, waiting or at work.
  ///
  /// - Throws: `BenchError` when Slurm does not answer.
  public func queued() async throws -> Set<Int> {
    let lines = try await Tool.lines(
      "squeue",
      [
        "--noheader", "--array", "--me", "--format=%F %K",
        "--states=PENDING,RUNNING,SUSPENDED,CONFIGURING,COMPLETING",
      ], purpose: "--me")
    return Set(
      lines.compactMap { line in
        let words = line.split(separator: " ")
        guard words.count == 2, jobs.contains(String(words[0])) else { return nil }
        return Int(words[1])
      })
  }

  /// Submits `parts` as one job array; returns the job.
  ///
  /// - Throws: `BenchError` when Slurm refuses it.
  @discardableResult
  public mutating func submit(_ parts: [Int]) async throws -> String {
    precondition(!parts.isEmpty, "a job array of no parts")
    let script = "\(store)/slurm/part.sh"
    do {
      for part in parts {
        try FileManager.default.createDirectory(
          atPath: folder(of: part), withIntermediateDirectories: true)
      }
      try FileManager.default.createDirectory(
        atPath: "\(store)/slurm", withIntermediateDirectories: true)
      try RunFolder.write(Data(Self.script.utf8), to: script)
      // Before the first job: it is known then whatever happens.
      try write()
    } catch let error as BenchError {
      throw error
    } catch {
      throw BenchError(
        "\(store): cannot be written: \(error); name a folder you may write with --store")
    }
    let lines = try await Tool.lines(
      "sbatch",
      [
        "--parsable", "--job-name=gauntlet", "--open-mode=append", "--requeue",
        "--array=\(Self.ranges(parts))", "--output=\(store)/slurm/%a.log",
      ] + options + [script, program, file, store, "\(self.parts)"],
      purpose: "of \(parts.count) parts")
    let job = lines.last?.split(separator: ";").first.map(String.init) ?? ""
    guard Int(job) != nil else {
      throw BenchError("sbatch said \(lines.last ?? "nothing") instead of a job's number")
    }
    jobs.append(job)
    try write()
    return job
  }

  private func write() throws(BenchError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(self) else { throw BenchError("\(store): no JSON") }
    try RunFolder.write(data, to: "\(store)/slurm.json")
  }

  /// Ascending numbers as Slurm writes them: `1-3,7`.
  static func ranges(_ numbers: [Int]) -> String {
    var ranges: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = ranges.last, last.upperBound + 1 == number {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }

  /// What one task does. All that is the user's comes as an argument. A part that was begun is resumed:
  /// Slurm may give a task another node when its own is lost. What the part came to is in its store; the
  /// task fails only when the bench did, or was ended.
  static let script = """
    #!/bin/sh
    # One part of a campaign: part.sh GAUNTLET FILE STORE PARTS
    gauntlet=$1 file=$2 part=$SLURM_ARRAY_TASK_ID parts=$4
    store=$3/parts/$part
    [ -e "$store/ended" ] && exit 0
    if [ -e "$store/campaigns/latest" ]; then
      "$gauntlet" campaign resume --store "$store"
    else
      "$gauntlet" campaign run "$file" --shard "$part/$parts" --store "$store"
    fi
    code=$?
    case $code in
      0|1|2|3|4)
        # A violation's code hides that the rest was not done.
        "$gauntlet" campaign status --json --store "$store" | grep -q '"isOver":true' || exit "$code"
        echo "$code" >"$store/ended.part" && mv "$store/ended.part" "$store/ended"
        exit 0 ;;
    esac
    exit "$code"

    """
}
