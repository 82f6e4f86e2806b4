// The search on drawn histories: each picture is a claim.

import History
import Linearizability
import Testing

@Suite struct SearchTests {
  func verdict(_ drawing: String, initial: Value = .absent) async throws -> Verdict {
    try await Check().run(History(drawing, initial: initial)).verdict
  }

  @Test("a read that overlaps a write may see either value", arguments: [0, 1])
  func concurrentRead(seen: Int) async throws {
    let drawing = """
      0: [w 0] [w 1      ]
      1:         [r \(seen)]
      """
    #expect(try await verdict(drawing) == .valid)
  }

  @Test("a read after a write cannot see what was before")
  func staleRead() async throws {
    let drawing = """
      0: [w 1] [w 2]
      1:             [r 1]
      """
    #expect(try await verdict(drawing) == .invalid)
  }

  @Test("two readers cannot see two writes in opposite orders")
  func oppositeOrders() async throws {
    let drawing = """
      0: [w 1                ]
      1: [w 2                ]
      2:   [r 1] [r 2]
      3:   [r 2] [r 1]
      """
    #expect(try await verdict(drawing) == .invalid)
    let alike = """
      0: [w 1                ]
      1: [w 2                ]
      2:   [r 1] [r 2]
      3:   [r 1] [r 2]
      """
    #expect(try await verdict(alike) == .valid)
  }

  @Test("a call at the instant of a return is concurrent with it")
  func closedIntervals() async throws {
    let touching = """
      0: [w 1]
      1:     [w 2]
      2:          [r 1]
      """
    #expect(try await verdict(touching) == .valid)
    let apart = """
      0: [w 1]
      1:      [w 2]
      2:           [r 1]
      """
    #expect(try await verdict(apart) == .invalid)
  }

  @Test("a write of unknown outcome may take effect late, or never, but not early or twice")
  func unknownWrite() async throws {
    let late = """
      0: [w 1)
      1:      [r nil] [w 2] [r 2] [r 1]
      """
    #expect(try await verdict(late) == .valid)
    let never = """
      0: [w 1)
      1:      [r nil] [w 2] [r 2]
      """
    #expect(try await verdict(never) == .valid)
    let early = """
      0:       [w 1)
      1: [r 1]
      """
    #expect(try await verdict(early) == .invalid)
    let twice = """
      0: [w 1)
      1:      [r 1] [w 2] [r 1]
      """
    #expect(try await verdict(twice) == .invalid)
  }

  @Test("two unknown writes of one value may take effect one after the other")
  func unknownClass() async throws {
    let twice = """
      0: [w 1)
      2: [w 1)
      1:      [r 1] [w 2] [r 1]
      """
    #expect(try await verdict(twice) == .valid)
    let secondTooLate = """
      0: [w 1)
      2:                        [w 1)
      1:      [r 1] [w 2] [r 1]
      """
    #expect(try await verdict(secondTooLate) == .invalid)
  }

  @Test("unknown compare-and-sets may chain up to what was seen")
  func unknownChain() async throws {
    let chain = """
      0: [c 1 2)
      2: [c 2 3)
      1: [w 1  ]   [r 3]
      """
    #expect(try await verdict(chain) == .valid)
    let broken = """
      0: [c 1 2)
      2: [c 4 3)
      1: [w 1  ]   [r 3]
      """
    #expect(try await verdict(broken) == .invalid)
  }

  @Test("of two compare-and-sets that find one write only one can succeed")
  func lostUpdate() async throws {
    let drawing = """
      0: [w 1] [c 1 2]
      1:       [c 1 3]
      """
    #expect(try await verdict(drawing) == .invalid)
  }

  @Test("a failed compare-and-set says what it observed and no more")
  func failedCAS() async throws {
    #expect(try await verdict("0: [w 1] [c 1 2!") == .valid)
    #expect(try await verdict("0: [w 1] [c 1 2 saw 1!") == .valid)
    #expect(try await verdict("0: [w 1] [c 1 2 saw 3!") == .invalid)
    #expect(try await verdict("0: [w 1] [c 1 2 differs!") == .invalid)
    #expect(try await verdict("0: [w 1] [c 3 2 differs!") == .valid)
    #expect(try await verdict("0: [w 1] [c 3 2 saw 1 differs!") == .valid)
  }

  @Test("an unknown write nobody reads may be why a compare-and-set found something else")
  func inequalityNeedsUnreadWrites() async throws {
    let drawing = """
      1:       [w 7)
      0: [w 1]       [c 1 2 differs!
      """
    #expect(try await verdict(drawing) == .valid)
  }

  @Test("an unknown read and failed operations say nothing")
  func nothingSaid() async throws {
    #expect(try await verdict("0: [r 9) \n1: [w 1!\n2: [r 5!") == .valid)
    #expect(try await verdict("1: [w 1!\n2:        [r 1]") == .invalid)
  }

  @Test("the first read sees the header's value")
  func initialValue() async throws {
    #expect(try await verdict("0: [r 5]", initial: 5) == .valid)
    #expect(try await verdict("0: [r nil]", initial: 5) == .invalid)
    #expect(try await verdict("0: [r nil]") == .valid)
  }

  @Test("a history without operations is valid")
  func empty() async throws {
    #expect(try await verdict("") == .valid)
  }

  @Test("a write of the value that is there is not placed at once")
  func writeOfTheSame() async throws {
    // Placed first, the second write of 1 could not follow the write of 2.
    let drawing = """
      0: [w 1] [w 1            ]
      1:       [w 2  ]
      2:              [r 2] [r 1]
      """
    #expect(try await verdict(drawing) == .valid)
  }

  @Test(
    "more operations open at once than any machine word has bits", arguments: [63, 64, 65, 300])
  func wide(width: Int) async throws {
    let end = String(repeating: " ", count: 20)
    var drawing = (0..<width).map { "\($0): [w \($0) \(end)]" }.joined(separator: "\n")
    drawing += "\n1000:          [r 7] [r 9]"
    #expect(try await verdict(drawing) == .valid)
    let again = drawing.replacing("[r 9]", with: "[r 9] [r 7]")
    #expect(try await verdict(again) == .invalid)
  }

  @Test("keys are independent, and the worst one decides")
  func keys() async throws {
    var history = History("0: [w 1] [w 2]\n1:            [r 1]")
    for place in history.operations.indices {
      history.operations[place].key = history.operations[place].argument == 2 ? "b" : "a"
    }
    let result = try await Check().run(history)
    #expect(result.verdict == .valid)
    #expect(result.keys.map(\.key) == ["a", "b"])
    #expect(result.keys.map(\.operations) == [2, 1])
  }
}

@Suite struct ModelNameTests {
  @Test("the model follows from the functions")
  func automatic() throws {
    #expect(try ModelName.fitting(History("0: [w 1] [r 1]")) == .register)
    #expect(try ModelName.fitting(History("0: [w 1] [c 1 2]")) == .casRegister)
  }

  @Test("the header names the model")
  func header() throws {
    #expect(try ModelName.fitting(History("0: [w 1]", model: "cas-register")) == .casRegister)
    #expect(throws: CheckError(reason: .unknownModel("tree"))) {
      try ModelName.fitting(History("0: [w 1]", model: "tree"))
    }
  }

  @Test("a function that the model does not know names the operation and the way out")
  func unknownFunction() async throws {
    let history = History("0: [w 1] [c 1 2]")
    await #expect(
      throws: CheckError(
        index: 2, function: "cas",
        reason: .unknownFunction(model: "register", known: ["read", "write"]))
    ) { try await Check(model: .register).run(history) }
    #expect(throws: CheckError(index: 0, function: "peek", reason: .noModelFits)) {
      try ModelName.fitting(History("0: [peek 1]"))
    }
  }

  @Test("a value of the wrong shape names the operation and what was due")
  func shape() async throws {
    var history = History("0: [c 1 2]")
    history.operations[0].argument = 5
    let error = await #expect(throws: CheckError.self) { try await Check().run(history) }
    #expect(
      error?.description
        == "operation 0 (cas): [old, new] as a cas's argument was due, not 5; if values are "
        + "[key, value] pairs, read the history as one of independent keys")
  }
}
