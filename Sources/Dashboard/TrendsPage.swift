// How each workload went from day to day, a line for each build.

import Bench
import Campaigns

/// What `trends.mustache` renders.
struct TrendsPage {
  /// So many days on which there were runs.
  static let days = 60

  let groups: [Group]
  let isEmpty: Bool

  /// One workload with one choice of faults.
  struct Group {
    let name: String
    let lines: [Line]
    let days: String
    let top: String
  }

  /// One build.
  struct Line {
    let build, runs, findings, rate, gap: String
    /// Operations a second from day to day, in a box of 600 × 80.
    let path: String
    let dots: [Dot]
    let tone: String
    let isBad: Bool
  }

  struct Dot {
    let x, y, label: String
    let isBad: Bool
  }

  init(_ nights: [Night]) {
    let days = Set(nights.map(\.day)).sorted()
    let places = Dictionary(uniqueKeysWithValues: days.enumerated().map { ($1, $0) })
    let cells = Dictionary(grouping: nights) { "\($0.workload) · \($0.faults)" }
    groups = cells.sorted { $0.key < $1.key }.map { name, nights in
      let top = max(nights.compactMap(\.rate).max() ?? 0, 1)
      let builds = Dictionary(grouping: nights, by: \.build).sorted { $0.key < $1.key }
      return Group(
        name: name,
        lines: builds.enumerated().map { number, build in
          Line(build.key, build.value, places: places, days: days.count, top: top, number: number)
        },
        days: days.count == 1
          ? Self.date(days[0]) : "\(Self.date(days[0])) to \(Self.date(days.last ?? ""))",
        top: Figures.count(Self.whole(top)))
    }
    isEmpty = groups.isEmpty
  }

  /// A number that a file said, which may be any.
  static func whole(_ number: Double) -> Int { Int(max(-1e12, min(number, 1e12)).rounded()) }

  static func date(_ day: String) -> String {
    let digits = Array(day)
    guard digits.count == 8 else { return day }
    return "\(String(digits[0..<4]))-\(String(digits[4..<6]))-\(String(digits[6..<8]))"
  }
}

extension TrendsPage.Line {
  fileprivate init(
    _ build: String, _ nights: [Night], places: [String: Int], days: Int, top: Double, number: Int
  ) {
    self.build = build
    let runs = nights.reduce(0) { $0 + $1.runs }
    let found = nights.reduce(0) { $0 + $1.findings }
    self.runs = Figures.count(runs)
    findings = Figures.count(found)
    isBad = found > 0
    let last = nights.last { $0.rate != nil }?.rate
    rate = last.map { Figures.count(TrendsPage.whole($0)) } ?? "–"
    gap = Figures.seconds(nights.map(\.longestGap).max() ?? 0)
    tone = "line\(number % 6)"
    dots = nights.map { night in
      let x = 10 + 580 * Double(places[night.day] ?? 0) / Double(max(days - 1, 1))
      let y = 70 - 60 * min((night.rate ?? 0) / top, 1)
      let rate = night.rate.map { "\(TrendsPage.whole($0)) a second" } ?? "no load"
      return TrendsPage.Dot(
        x: Self.place(x), y: Self.place(y),
        label: "\(TrendsPage.date(night.day)), \(build): \(night.runs) runs, "
          + "\(night.findings) findings, \(rate)",
        isBad: night.findings > 0)
    }
    path = dots.enumerated().map { "\($0 == 0 ? "M" : "L")\($1.x) \($1.y)" }.joined()
  }

  private static func place(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
