// A persistent list: the ground of the states of queues and stacks.

import History

/// One member of a list whose tail other lists may share.
///
/// A state is remembered for each of many configurations, and each differs from another by one
/// member, so copying arrays would cost as much as the container is long.
///
/// Invariant behind `@unchecked`: `next` is set once and then only taken in `deinit` from a link
/// that nobody else refers to.
final class Link: @unchecked Sendable {
  let value: Value
  /// The hash of the value, or of the list from here on, as its owner likes.
  let hash: UInt64
  private(set) var next: Link?

  init(_ value: Value, hash: UInt64, next: Link?) {
    self.value = value
    self.hash = hash
    self.next = next
  }

  /// Frees the tail link by link; by itself it would recurse, and a long list end the stack.
  deinit {
    var rest = next
    next = nil
    while isKnownUniquelyReferenced(&rest) {
      let after = rest?.next
      rest?.next = nil
      rest = after
    }
  }

  /// The values from `first` on.
  static func values(from first: Link?) -> [Value] {
    var values: [Value] = []
    var link = first
    while let here = link {
      values.append(here.value)
      link = here.next
    }
    return values
  }
}

extension Value {
  /// 64 bits that tell values apart well; whole numbers, the common case, at little cost.
  var fingerprint: UInt64 {
    if case .integer(let number) = self { return number.fingerprint }
    var hasher = Hasher()
    hasher.combine(self)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}

extension Int64 {
  /// 64 bits that tell numbers apart well (the finalizer of SplitMix64).
  var fingerprint: UInt64 {
    var mixed = UInt64(bitPattern: self) &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
