// Why a file that a user wrote cannot be used: where, what, what to do.

/// A workload or hosts file that cannot be used. Its text is one line.
public struct WorkloadError: Error, Equatable, CustomStringConvertible {
  /// The file, or the flag that named the value.
  public var file: String
  /// The line in the file, from 1.
  public var line: Int?
  /// What is wrong, and what to do.
  public var reason: String

  /// `reason` holds at `line` of `file`.
  public init(file: String, line: Int? = nil, reason: String) {
    self.file = file
    self.line = line
    self.reason = reason
  }

  /// Place and reason.
  public var description: String {
    line.map { "\(file):\($0): \(reason)" } ?? "\(file): \(reason)"
  }
}
