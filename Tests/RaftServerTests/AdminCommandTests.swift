// What administrators may type, and what they are told when it means nothing.

import Raft
import Testing

@testable import RaftServer

@Suite struct AdminCommandTests {
  private func command(_ line: String) throws -> AdminCommand? {
    try AdminCommand(line.split(separator: " ").map { Array($0.utf8) })
  }

  @Test("each command is understood, in whatever letters")
  func understood() throws {
    let four = Member(id: NodeID(4), address: "h:1,h:2")
    let commands: [(String, AdminCommand)] = [
      ("raft.addlearner 4 h:1 h:2", .addLearner(four)),
      ("RAFT.ADDLEARNER n4 h:1 h:2", .addLearner(four)),
      ("RAFT.CHANGE ADD 4 n5", .change(.addVoters([NodeID(4), NodeID(5)]), retain: false)),
      ("RAFT.CHANGE remove 1 retain", .change(.removeVoters([NodeID(1)]), retain: true)),
      ("RAFT.CHANGE REPLACE 1 2", .change(.replaceVoters([NodeID(1), NodeID(2)]), retain: false)),
      ("RAFT.CHANGE DROP 4", .change(.removeLearners([NodeID(4)]), retain: false)),
      ("RAFT.TRANSFER", .transfer(to: nil)), ("RAFT.TRANSFER 2", .transfer(to: NodeID(2))),
      ("RAFT.SNAPSHOT", .snapshot), ("RAFT.PURGE 7", .trigger(.purge(upTo: 7))),
      ("RAFT.ELECT", .trigger(.election)), ("RAFT.ACCEPT 3", .accept(NodeID(3), isForced: false)),
      ("RAFT.ACCEPT 3 force", .accept(NodeID(3), isForced: true)),
    ]
    for (line, expected) in commands { #expect(try command(line) == expected, "\(line)") }
    #expect(try command("RAFT.NOTHING") == nil)
  }

  @Test(
    "what cannot be meant is answered with how the command is used",
    arguments: [
      "RAFT.ADDLEARNER 4", "RAFT.ADDLEARNER 0 h:1 h:2", "RAFT.ADDLEARNER 4 h h:2",
      "RAFT.ADDLEARNER 4 h:1 h:70000", "RAFT.CHANGE", "RAFT.CHANGE ADD", "RAFT.CHANGE ADD RETAIN",
      "RAFT.CHANGE FOO 1", "RAFT.CHANGE DROP 4 RETAIN", "RAFT.CHANGE ADD x", "RAFT.TRANSFER x",
      "RAFT.TRANSFER 1 2",
      "RAFT.SNAPSHOT 1", "RAFT.PURGE", "RAFT.PURGE -1", "RAFT.ELECT 1", "RAFT.ACCEPT",
      "RAFT.ACCEPT FORCE",
    ])
  func refused(line: String) {
    #expect {
      try command(line)
    } throws: { error in
      guard case .usage(let usage)? = error as? CommandError else { return false }
      return usage.hasPrefix(String(line.split(separator: " ")[0]))
    }
  }
}
