// A directory and its files as the store needs them: so little that a test can make one that
// forgets.

/// A directory. Calls may block.
public protocol Disk: Sendable {
  /// The names of the files in it.
  func names() throws(StoreError) -> [String]
  /// Opens the file `name`, making it where it does not exist.
  func open(_ name: String) throws(StoreError) -> any DiskFile
  /// Removes the file `name`; who has it open can go on reading it.
  func remove(_ name: String) throws(StoreError)
  /// Gives the file `name` the name `new`, in place of another that may have it.
  func rename(_ name: String, to new: String) throws(StoreError)
  /// Returns when names made, changed and removed so far survive a loss of power.
  func sync() throws(StoreError)
}

/// A file that is read and written at offsets, cut, and synced. Calls may block.
public protocol DiskFile: Sendable {
  /// Its size in bytes.
  func size() throws(StoreError) -> UInt64
  /// `count` bytes from `offset` on; fewer only at the end.
  func read(at offset: UInt64, count: Int) throws(StoreError) -> [UInt8]
  /// Puts `bytes` at `offset`.
  func write(_ bytes: [UInt8], at offset: UInt64) throws(StoreError)
  /// Makes room up to `size`, filled with zeros: later writes there need no new room. A file
  /// system that cannot leaves the file as it is.
  func reserve(_ size: UInt64) throws(StoreError)
  /// Cuts it to `size`.
  func truncate(to size: UInt64) throws(StoreError)
  /// Returns when all that was written survives a loss of power.
  ///
  /// - Throws: and then must not be tried again: the kernel may have dropped the pages, and call
  ///   the next attempt a success.
  func sync() throws(StoreError)
}

extension DiskFile {
  /// Everything in it.
  public func contents() throws(StoreError) -> [UInt8] { try read(at: 0, count: Int(try size())) }
}

/// Why the store cannot go on. Its text is one line: which file, what, what to do.
public struct StoreError: Error, Equatable, CustomStringConvertible {
  /// The file.
  public var file: String
  /// What happened to it.
  public var reason: String

  /// `reason` happened to `file`.
  public init(file: String, reason: String) {
    self.file = file
    self.reason = reason
  }

  /// Place and reason.
  public var description: String { "\(file): \(reason)" }
}
