// Builds from revisions of a git repository: checked out in a clone of our own, made by a command of the
// user's, and kept under the commit's name.

import Bench
import Checksum
import FoundationEssentials
import Glibc
import SystemPackage

/// A commit that cannot be built: the last line of what was said, and where the rest is.
public struct BuildFailure: Error, CustomStringConvertible {
  /// On one line.
  public let description: String

  init(_ description: String) { self.description = description }
}

/// A git repository, and how a program is made of it.
public struct SourceTree: Sendable {
  /// The repository's folder.
  public var repository: String
  /// What makes the program, for `sh`, in the tree's root.
  public var make: String
  /// Where the program is then, as a path in the tree.
  public var program: String
  /// The store that keeps what was built.
  public var store: String

  /// The repository in this folder, made so.
  public init(repository: String, make: String, program: String, store: String) {
    self.repository = repository
    self.make = make
    self.program = program
    self.store = store
  }

  /// The commit that `revision` names.
  ///
  /// - Throws: `BenchError` when there is none.
  public func commit(of revision: String) async throws -> String {
    // What is wrong with the repository git says itself; of a revision that is not there it says nothing.
    do { _ = try await git(["rev-parse", "--git-dir"], in: repository) } catch let error
      as BenchError
    {
      throw BenchError("\(error)", isOfInput: true)
    }
    let name = ["rev-parse", "--verify", "--quiet", "--end-of-options", "\(revision)^{commit}"]
    guard let commit = try? await git(name, in: repository).first else {
      throw BenchError("\(revision): no revision of \(repository)", isOfInput: true)
    }
    return commit
  }

  /// The commits after `good` up to `bad`, the oldest first, following first parents.
  ///
  /// - Throws: `BenchError` when `good` is no ancestor of `bad`.
  public func commits(after good: String, to bad: String) async throws -> [String] {
    let (first, last) = (try await commit(of: good), try await commit(of: bad))
    let commits = try await git(
      ["rev-list", "--reverse", "--first-parent", "\(first)..\(last)"], in: repository)
    let parents = try await git(
      ["rev-list", "--first-parent", last], in: repository)
    guard !commits.isEmpty, parents.contains(first) else {
      throw BenchError("\(good) is not before \(bad) in \(repository)", isOfInput: true)
    }
    return commits
  }

  /// The subject of a commit.
  public func subject(of commit: String) async throws -> String {
    try await git(["show", "--no-patch", "--format=%s", commit], in: repository).first ?? ""
  }

  /// Where the program of `commit` is; it is made, unless it was before.
  ///
  /// - Throws: `BuildFailure` when the command does not make it, `BenchError` when there is no room.
  ///   `CancellationError` when somebody interrupts.
  public func build(_ commit: String, _ interruption: Interruption) async throws -> String {
    // Another command may make another program.
    let recipe = sha256(of: Data("\(make)\n\(program)".utf8)).prefix(8)
    let kept = "\(folder)/\(commit.prefix(16))-\(recipe)"
    let name = URL(filePath: program).lastPathComponent
    let files = FileManager.default
    if files.isExecutableFile(atPath: "\(kept)/\(name)") { return "\(kept)/\(name)" }
    let lock = try lockTree()
    defer { try? lock.close() }  // it lets go
    let tree = try await tree()
    // What the last commit left must not pass for what this one makes.
    try? files.removeItem(atPath: "\(tree)/\(program)")
    _ = try await git(["checkout", "--quiet", "--detach", "--force", commit], in: tree)
    try make(folder: kept)
    let process = ChildProcess(
      program: "/bin/sh", arguments: ["-c", make], directory: tree, log: "\(kept)/build.log",
      limit: .seconds(7200))
    // It has the lock too, and keeps it when it outlives us.
    let held = FileDescriptor(rawValue: fcntl(lock.rawValue, F_DUPFD_CLOEXEC, 0))
    guard held.rawValue >= 0 else {
      throw BenchError("\(folder)/lock: \(String(cString: strerror(errno)))")
    }
    let code = try await process.run(reading: held, unless: interruption)
    guard code == 0, files.isExecutableFile(atPath: "\(tree)/\(program)") else {
      let reason = code == 0 ? "it made no \(program)" : process.lastLine ?? "without a word"
      throw BuildFailure(
        "\(commit.prefix(12)): `\(make)` failed: \(reason) (all of it: \(kept)/build.log)")
    }
    do {
      try? files.removeItem(atPath: "\(kept)/\(name).part")  // left by one that was killed
      try files.copyItem(atPath: "\(tree)/\(program)", toPath: "\(kept)/\(name).part")
      try files.moveItem(atPath: "\(kept)/\(name).part", toPath: "\(kept)/\(name)")
    } catch {
      throw BenchError("\(kept): cannot be written: \(error); make room")
    }
    return "\(kept)/\(name)"
  }

  /// One build at a time in a tree: two would keep each other's program. Whoever has the descriptor or a copy
  /// of it has the lock.
  private func lockTree() throws(BenchError) -> FileDescriptor {
    try make(folder: folder)
    do {
      let file = try FileDescriptor.open(
        FilePath("\(folder)/lock"), .readWrite, options: [.create, .closeOnExec],
        permissions: [.ownerReadWrite])
      guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
        try? file.close()  // nothing was locked
        throw BenchError("\(folder): something is being built there; wait for it")
      }
      return file
    } catch let error as BenchError {
      throw error
    } catch {
      throw BenchError("\(folder)/lock: \(error)")
    }
  }

  private var folder: String { "\(URL(filePath: store).path)/builds" }

  private func make(folder: String) throws(BenchError) {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw BenchError("\(folder): cannot be made: \(error)")
    }
  }

  /// A clone in which nothing of the user's lies. It stays, so that the next build is incremental.
  private func tree() async throws -> String {
    let origin = URL(filePath: repository).resolvingSymlinksInPath().path
    let tree = "\(folder)/tree-\(sha256(of: Data(origin.utf8)).prefix(8))"
    if FileManager.default.fileExists(atPath: "\(tree)/.git/HEAD") {
      _ = try await git(["fetch", "--quiet", "origin"], in: tree)
      return tree
    }
    try make(folder: folder)
    _ = try await git(["clone", "--quiet", "--shared", "--no-checkout", origin, tree], in: folder)
    return tree
  }

  private func git(_ arguments: [String], in folder: String) async throws -> [String] {
    try await Tool.lines(
      "git", ["-C", folder] + arguments, purpose: "\(arguments[0]) in \(folder)")
  }
}
