// The judgements beside linearizability, on drawn histories.

import History
import Testing

@testable import Checkers

@Suite struct CheckerTests {
  /// One event a line: `time process type function`; `!` starts or ends fault 1.
  private func history(_ drawing: String) throws -> History {
    var index = 0
    let lines = drawing.split(separator: "\n").map { line in
      let words = line.split(separator: " ")
      defer { index += 1 }
      if words[1] == "!" {
        return
          "{\"index\":\(index),\"time\":\(words[0])000000,\"process\":\"nemesis\",\"type\":\"info\",\"f\":\"kill\",\"fault\":1,\"phase\":\"\(words[2])\"}"
      }
      return
        "{\"index\":\(index),\"time\":\(words[0])000000,\"process\":\(words[1]),\"type\":\"\(words[2])\",\"f\":\"\(words[3])\"}"
    }
    return try History(bytes: (lines.joined(separator: "\n") + "\n").utf8, name: "drawn")
  }

  @Test("recovery is from the end of a fault to the first success that began after it")
  func recovery() throws {
    let history = try history(
      """
      0 0 invoke read
      1 0 ok read
      2 ! start
      3 0 invoke read
      500 ! end
      501 0 ok read
      600 0 invoke read
      700 0 ok read
      """)
    let availability = Availability(of: history)
    #expect(availability.recoveries == [.init(fault: 1, kind: "kill", seconds: 0.2)])
    #expect(availability.longestGap == 0.5)
    #expect(FunctionFigures.all(in: history).first?.ok == 3)
  }

  @Test("a system that never came back has no recovery time")
  func noRecovery() throws {
    let history = try history(
      "0 0 invoke read\n1 0 ok read\n2 ! start\n3 ! end\n4 0 invoke read\n5 0 fail read")
    #expect(Availability(of: history).worstRecovery == nil)
  }

  @Test("a gap is as long as somebody waited, by function; when nobody asks there is none")
  func gaps() throws {
    let history = try history(
      """
      0 0 invoke write
      500 1 invoke write
      1000 0 ok write
      4000 1 info write
      4100 2 invoke write
      4200 2 ok write
      5000 0 invoke read
      5100 0 ok read
      9000 2 invoke write
      9100 2 ok write
      """)
    #expect(Availability(of: history).functionGaps == ["write": 3.2, "read": 0.1])
  }

  @Test("a run that did too little says what it lacks")
  func coverage() throws {
    let history = try history(
      "0 0 invoke read\n1 0 ok read\n2 ! start\n3 ! end\n4 0 invoke write\n5 0 ok write")
    let missing = Coverage(
      of: history, functions: ["read", "write", "cas"], faults: ["kill", "pause"],
      obstacles: ["kill": "of no weight", "pause": "no leader was known"]
    ).missing
    #expect(
      missing == [
        "no pause took hold: no leader was known", "no read succeeded during a fault",
        "no read succeeded after the last fault", "no write succeeded before the first fault",
        "no write succeeded during a fault", "no cas succeeded",
      ])
  }
}
