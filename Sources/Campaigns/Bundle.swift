// One archive of a run that whoever maintains the system can replay.

import Bench
import FoundationEssentials

/// Archives of runs.
public enum RunBundle {
  /// Packs the run in `folder`, whose program was `build`, into a `.tar.gz` at
  /// `path`, with a note that says how it is done again. All paths in it begin with the run's name.
  ///
  /// - Throws: `BenchError` when there is no run, `build` is not what it tested, or there is no room.
  public static func write(_ folder: RunFolder, build: String?, to path: String) async throws {
    let real = URL(filePath: folder.path).resolvingSymlinksInPath()
    guard RunFolder.isRun(real.path) else { throw BenchError("\(folder.path): no run is there") }
    let name = real.lastPathComponent
    let files = FileManager.default
    let work = files.temporaryDirectory.appending(path: "gauntlet-\(UUID())")
    defer { try? files.removeItem(at: work) }  // what was packed
    let output = URL(filePath: path).path
    try RunFolder.requireFolder(of: path)
    do {
      try files.createDirectory(at: work, withIntermediateDirectories: true)
      try files.copyItem(atPath: real.path, toPath: work.appending(path: name).path)
      var command = "gauntlet replay \(name)"
      if let build {
        let tested = folder.testedSum(try RunResults.read(folder.results))
        let sum = try BuildSum.sum(of: build)
        guard tested == nil || sum == tested else {
          throw BenchError("\(build): not the program that \(folder.path) tested", isOfInput: true)
        }
        try files.copyItem(atPath: build, toPath: work.appending(path: "\(name)/program").path)
        command += " --build \(name)/program"
      }
      let note = """
        A run of gauntlet \(Version.text). `report.html` shows what was found.

            gauntlet check \(name)            # judges the history again
            \(command)    # does it again
        """
      try RunFolder.write(Data("\(note)\n".utf8), to: work.appending(path: "\(name)/README").path)
    } catch let error as BenchError {
      throw error
    } catch {
      throw BenchError("\(work.path): \(error); make room")
    }
    let process = ChildProcess(
      program: "tar", arguments: ["-C", work.path, "-czf", output, "--", name],
      log: work.appending(path: "log").path, limit: .seconds(3600))
    guard try await process.run() == 0 else {
      throw BenchError("\(path): \(process.lastLine ?? "tar failed without a word")")
    }
  }
}
