// Grudges and matrices: the same cuts, said before and seen after.

import Hosts
import Testing

@Suite struct GrudgeTests {
  @Test("groups cut both directions between them, and leave others alone")
  func groups() {
    let grudge = Grudge(groups: [["n1"], ["n2", "n3"]])
    #expect(grudge.cuts.sorted().map(\.description) == ["n1→n2", "n1→n3", "n2→n1", "n3→n1"])
  }

  @Test("a one-way grudge cuts one direction")
  func oneWay() {
    #expect(Grudge(["n1": ["n2"]]).cuts == [Link(from: "n2", to: "n1")])
    #expect(Grudge().cuts.isEmpty)
  }

  @Test("a matrix's cuts are its missing entries")
  func matrix() {
    let matrix = ReachabilityMatrix(
      nodes: ["n1", "n2"], reachable: [[true, true], [false, true]])
    #expect(matrix.cuts == Grudge(["n1": ["n2"]]).cuts)
  }
}
