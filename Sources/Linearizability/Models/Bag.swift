// A persistent multiset in order: the ground of the states of sets and priority queues.

import History

/// An element of a bag: ordered, with 64 bits that tell elements apart well.
protocol BagElement: Comparable & Sendable {
  var fingerprint: UInt64 { get }
}

extension Int64: BagElement {}

/// A value with an order: by kind first, then numbers by size, texts and lists as in a dictionary.
struct OrderedValue: BagElement, Hashable {
  let value: Value

  init(_ value: Value) { self.value = value }

  var fingerprint: UInt64 { value.fingerprint }

  static func < (one: OrderedValue, other: OrderedValue) -> Bool {
    precedes(one.value, other.value)
  }

  private static func precedes(_ one: Value, _ other: Value) -> Bool {
    switch (one, other) {
    case (.integer(let left), .integer(let right)): left < right
    case (.text(let left), .text(let right)): left < right
    case (.boolean(let left), .boolean(let right)): !left && right
    case (.list(let left), .list(let right)):
      left.lexicographicallyPrecedes(right, by: precedes)
    case (.absent, _), (.boolean, _), (.integer, _), (.text, _), (.list, _):
      kind(one) < kind(other)
    }
  }

  private static func kind(_ value: Value) -> Int {
    switch value {
    case .absent: 0
    case .boolean: 1
    case .integer: 2
    case .text: 3
    case .list: 4
    }
  }
}

/// A multiset whose versions share what they have in common.
///
/// A treap (Seidel & Aragon 1996) whose priorities are the elements' fingerprints, so that equal
/// bags are equal trees, and are compared as such. All operations but comparisons take O(log n)
/// expected.
struct Bag<Element: BagElement>: Hashable, Sendable {
  private final class Node: Sendable {
    let element: Element
    let priority: UInt64
    /// How often the element is there.
    let copies: Int
    let left: Node?
    let right: Node?
    /// Elements in the tree, copies and all.
    let count: Int
    /// The sum of the elements' fingerprints.
    let hash: UInt64

    init(_ element: Element, _ priority: UInt64, copies: Int, left: Node?, right: Node?) {
      self.element = element
      self.priority = priority
      self.copies = copies
      self.left = left
      self.right = right
      count = copies + (left?.count ?? 0) + (right?.count ?? 0)
      hash =
        priority &* UInt64(copies) &+ (left?.hash ?? 0) &+ (right?.hash ?? 0)
    }

    func with(copies: Int? = nil, left: Node?, right: Node?) -> Node {
      Node(element, priority, copies: copies ?? self.copies, left: left, right: right)
    }

    /// Whether it stands above `other`; the element settles what fingerprints do not.
    func isAbove(_ other: Node) -> Bool {
      priority != other.priority ? priority > other.priority : element < other.element
    }
  }

  private let root: Node?

  init() { root = nil }

  private init(root: Node?) { self.root = root }

  var count: Int { root?.count ?? 0 }

  /// The smallest element.
  var first: Element? {
    var node = root
    while let left = node?.left { node = left }
    return node?.element
  }

  /// All elements in order.
  var elements: [Element] {
    var elements: [Element] = []
    elements.reserveCapacity(count)
    Self.visit(root) { elements.append($0) }
    return elements
  }

  func contains(_ element: Element) -> Bool {
    var node = root
    while let here = node {
      if element == here.element { return true }
      node = element < here.element ? here.left : here.right
    }
    return false
  }

  func inserting(_ element: Element) -> Bag {
    Bag(root: Self.insert(element, priority: element.fingerprint, into: root))
  }

  /// The bag with one copy of `element` less, if it is there.
  func removing(_ element: Element) -> Bag { Bag(root: Self.remove(element, from: root)) }

  private static func visit(_ node: Node?, _ body: (Element) -> Void) {
    guard let node else { return }
    visit(node.left, body)
    for _ in 0..<node.copies { body(node.element) }
    visit(node.right, body)
  }

  private static func insert(_ element: Element, priority: UInt64, into node: Node?) -> Node {
    guard let node else { return Node(element, priority, copies: 1, left: nil, right: nil) }
    if element == node.element {
      return node.with(copies: node.copies + 1, left: node.left, right: node.right)
    }
    if element < node.element {
      let left = insert(element, priority: priority, into: node.left)
      guard left.isAbove(node) else { return node.with(left: left, right: node.right) }
      return left.with(left: left.left, right: node.with(left: left.right, right: node.right))
    }
    let right = insert(element, priority: priority, into: node.right)
    guard right.isAbove(node) else { return node.with(left: node.left, right: right) }
    return right.with(left: node.with(left: node.left, right: right.left), right: right.right)
  }

  private static func remove(_ element: Element, from node: Node?) -> Node? {
    guard let node else { return nil }
    if element == node.element {
      if node.copies == 1 { return merge(node.left, node.right) }
      return node.with(copies: node.copies - 1, left: node.left, right: node.right)
    }
    return element < node.element
      ? node.with(left: remove(element, from: node.left), right: node.right)
      : node.with(left: node.left, right: remove(element, from: node.right))
  }

  /// One tree of two, where all of `left` is smaller than all of `right`.
  private static func merge(_ left: Node?, _ right: Node?) -> Node? {
    guard let left else { return right }
    guard let right else { return left }
    return left.isAbove(right)
      ? left.with(left: left.left, right: merge(left.right, right))
      : right.with(left: merge(left, right.left), right: right.right)
  }

  static func == (one: Bag, other: Bag) -> Bool { same(one.root, other.root) }

  private static func same(_ one: Node?, _ other: Node?) -> Bool {
    guard let one, let other else { return one == nil && other == nil }
    if one === other { return true }
    return one.hash == other.hash && one.count == other.count && one.copies == other.copies
      && one.element == other.element
      && same(one.left, other.left) && same(one.right, other.right)
  }

  func hash(into hasher: inout Hasher) { hasher.combine(root?.hash ?? 0) }
}
