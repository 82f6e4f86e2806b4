// What a task of a job array does, with a stand-in for what it runs.

import Foundation
import Testing

@testable import Campaigns

@Suite struct SlurmArrayTests {
  @Test(
    "a part is at its end when its campaign is over, whatever its code says",
    arguments: [
      (1, true, 0, true), (1, false, 1, false), (0, true, 0, true), (2, true, 0, true),
      (10, true, 10, false), (65, false, 65, false), (130, false, 130, false),
    ])
  func ended(code: Int32, isOver: Bool, exit: Int32, isEnded: Bool) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    let store = "\(path)/store/parts/3"
    try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(SlurmArray.script.utf8).write(to: URL(filePath: "\(path)/part.sh"))
    let program = """
      #!/bin/sh
      case "$2" in
        run) exit \(code) ;;
        status) echo '{"isOver":\(isOver),"left":0}'; exit \(code) ;;
      esac
      """
    #expect(
      FileManager.default.createFile(
        atPath: "\(path)/gauntlet", contents: Data(program.utf8),
        attributes: [.posixPermissions: 0o755]))
    let task = Process()
    task.executableURL = URL(filePath: "/bin/sh")
    task.arguments = ["\(path)/part.sh", "\(path)/gauntlet", "c.yaml", "\(path)/store", "4"]
    task.environment = ["SLURM_ARRAY_TASK_ID": "3", "PATH": "/usr/bin:/bin"]
    try task.run()
    task.waitUntilExit()
    #expect(task.terminationStatus == exit)
    #expect(FileManager.default.fileExists(atPath: "\(store)/ended") == isEnded)
  }
}
