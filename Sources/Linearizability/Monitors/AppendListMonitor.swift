// Append-lists without a search.
//
// A list never shrinks, so every list that was read is a beginning of the longest, L. An append
// that made a member of L stands at that position; a read of n members stands between those of
// positions n - 1 and n; all other appends stand past L, where nobody sees them, or, when their
// outcome is unknown, nowhere. If each member of L was appended once, that fixes the order, up
// to reads of equal length and the appends past L, which may stand by invocation. Such an order
// keeps real time if and only if none completes before one ahead of it was invoked.
//
// Where a member was appended several times, each position takes the one that completes first
// among those invoked in time. That is a guess, so its failure proves nothing, and is for the
// search; its success is an order like any other.

import History

/// Decides histories of append-lists. Linear in all that was read, sorting apart.
struct AppendListMonitor {
  private struct Append {
    var number: Int
    var isUsed = false
  }

  private let judged: [Judged<AppendListAction>]
  private let longest: [Value]
  private let start: Int
  /// The read of `longest`, for counterexamples.
  private let longestRead: Int?
  /// By length, the reads of so many members.
  private var reads: [[Int]]
  /// Appends by what they add, those that complete first in front.
  private var appends: [[Append]] = []
  /// By position from `start` on: what stands there, by place in `appends`.
  private var wanted: [Int] = []
  private var isAmbiguous = false
  /// By position: before this index, all that stands later must have been invoked.
  private var bounds: [Int] = []

  private var order: [Int] = []
  private var latest = (invocation: Int.min, number: -1)
  private var contradiction: [Int]?

  /// The verdict on `judged`, which say nothing but appends and reads of beginnings of `longest`
  /// with the lengths `lengths`.
  static func verdict(
    of judged: [Judged<AppendListAction>], lengths: [Int?], longest: [Value], start: Int
  ) -> MonitorVerdict? {
    var monitor = AppendListMonitor(judged, lengths: lengths, longest: longest, start: start)
    return monitor.run()
  }

  private init(
    _ judged: [Judged<AppendListAction>], lengths: [Int?], longest: [Value], start: Int
  ) {
    self.judged = judged
    self.longest = longest
    self.start = start
    reads = Array(repeating: [], count: longest.count + 1)
    for (number, length) in lengths.enumerated() {
      if let length { reads[length].append(number) }
    }
    longestRead = reads[longest.count].first
  }

  private mutating func run() -> MonitorVerdict? {
    if let early = reads[..<start].joined().first { return .invalid(core: [judged[early].place]) }
    if let missing = gatherAppends() { return .invalid(core: missing) }
    findBounds()
    for position in start...longest.count {
      for read in reads[position] { place(read) }
      guard position < longest.count else { break }
      guard let number = next(at: position) else { return nil }
      place(number)
    }
    let end = latest
    for number in leftOver {
      latest = end
      place(number)
    }
    guard let contradiction else { return .valid(order: order) }
    return isAmbiguous ? nil : .invalid(core: contradiction)
  }

  /// Sorts appends by what they add.
  ///
  /// - Returns: the operations that show that something was read more often than appended.
  private mutating func gatherAppends() -> [Int]? {
    var numbers: [Value: Int] = [:]
    for (number, one) in judged.enumerated() {
      guard case .append(let value) = one.action else { continue }
      let group = numbers[value] ?? appends.count
      if group == appends.count {
        numbers[value] = group
        appends.append([])
      }
      appends[group].append(Append(number: number))
    }
    var left = appends.map(\.count)
    for value in longest[start...] {
      guard let group = numbers[value], left[group] > 0 else {
        let found = numbers[value].map { appends[$0].map { judged[$0.number].place } } ?? []
        return found + (longestRead.map { [judged[$0].place] } ?? [])
      }
      left[group] -= 1
      wanted.append(group)
    }
    for group in Set(wanted) where appends[group].count > 1 {
      isAmbiguous = true
      var sorted = appends[group]
      sorted.sort { end($0.number) < end($1.number) }
      appends[group] = sorted
    }
    return nil
  }

  private func end(_ number: Int) -> Int { judged[number].completion ?? Int.max }

  private mutating func findBounds() {
    guard isAmbiguous else { return }
    bounds = Array(repeating: Int.max, count: longest.count + 1)
    var bound = Int.max
    for position in stride(from: longest.count, through: start, by: -1) {
      // What stands at `position` and later, the reads before it included by the next round.
      if position < longest.count {
        bounds[position] = bound
        let group = appends[wanted[position - start]]
        if group.count == 1 { bound = min(bound, end(group[0].number)) }
      }
      for read in reads[position] { bound = min(bound, end(read)) }
    }
  }

  /// The append to stand at `position`; nil when the guess fails.
  private mutating func next(at position: Int) -> Int? {
    let group = wanted[position - start]
    if appends[group].count == 1 {
      appends[group][0].isUsed = true
      return appends[group][0].number
    }
    let found = appends[group].indices.first {
      !appends[group][$0].isUsed
        && judged[appends[group][$0].number].invocation < bounds[position]
    }
    guard let found else { return nil }
    appends[group][found].isUsed = true
    return appends[group][found].number
  }

  /// Appends that must stand past all that was read, by invocation.
  private var leftOver: [Int] {
    appends.joined().lazy.filter { !$0.isUsed && judged[$0.number].isRequired }.map(\.number)
      .sorted { judged[$0].invocation < judged[$1].invocation }
  }

  private mutating func place(_ number: Int) {
    if end(number) < latest.invocation, contradiction == nil {
      var core = [judged[latest.number].place, judged[number].place]
      if let longestRead, !core.contains(judged[longestRead].place) {
        core.append(judged[longestRead].place)
      }
      contradiction = core
    }
    order.append(judged[number].place)
    if judged[number].invocation > latest.invocation {
      latest = (judged[number].invocation, number)
    }
  }
}

extension AppendListModel: Monitored {
  func monitor(_ judged: [Judged<AppendListAction>]) -> MonitorVerdict? {
    guard zip(judged, judged.dropFirst()).allSatisfy({ $0.invocation < $1.invocation }) else {
      return nil
    }
    guard case .list(let start) = initial else { return nil }  // for the model as it was
    var longest = start
    var reader: Int?
    for (number, one) in judged.enumerated() {
      if case .read(let members) = one.action, members.count > longest.count {
        (longest, reader) = (members, number)
      }
    }
    guard start.isBeginning(of: longest) else {
      return .invalid(core: reader.map { [judged[$0].place] } ?? [])
    }
    var lengths: [Int?] = []
    lengths.reserveCapacity(judged.count)
    for one in judged {
      switch one.action {
      case .append: lengths.append(nil)
      case .read(let members):
        guard members.isBeginning(of: longest) else {
          return .invalid(core: [one.place] + (reader.map { [judged[$0].place] } ?? []))
        }
        lengths.append(members.count)
      case .readPrefix, .readOther: return nil
      }
    }
    return AppendListMonitor.verdict(
      of: judged, lengths: lengths, longest: longest, start: start.count)
  }
}
