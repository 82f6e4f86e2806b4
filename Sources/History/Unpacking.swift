// Unpacking as a stream, whatever it is packed with.

/// Unpacks bytes that come in pieces.
protocol Unpacking: AnyObject {
  /// Unpacks at least one byte into `space`, or none at the end.
  func read(
    into space: UnsafeMutableBufferPointer<UInt8>,
    from input: (UnsafeMutableBufferPointer<UInt8>) throws(HistoryError) -> Int
  ) throws(UnpackingFailure) -> Int
}

/// Why unpacking stopped.
enum UnpackingFailure: Error {
  /// The packed bytes could not be read.
  case input(HistoryError)
  /// They are not what their beginning says.
  case broken(String)
}
