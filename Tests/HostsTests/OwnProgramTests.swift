import FoundationEssentials
import Testing

@testable import Hosts

@Suite("Where a program lies")
struct OwnProgramTests {
  @Test("What is there is named as the kernel has it, also with a strange name")
  func there() throws {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "program-\(UInt64.random(in: .min ... .max)) (deleted)").path
    try Data().write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(OwnProgram.current(path) == path)
    #expect(OwnProgram.current("/bin/sh") == "/bin/sh")
  }

  @Test("What was replaced is looked for where it was")
  func replaced() {
    #expect(OwnProgram.current("/opt/gauntlet (deleted)") == "/opt/gauntlet")
  }

  @Test("What lies beside this program is found by its folder")
  func sibling() {
    #expect(OwnProgram.sibling("raft-node").hasSuffix("/raft-node"))
    #expect(!OwnProgram.path.isEmpty)
    #expect(OwnProgram.sibling(URL(filePath: OwnProgram.path).lastPathComponent) == OwnProgram.path)
  }
}
