// Connections that come to nothing, in the log: once each, since they come again and again.

import Logging
import NIOCore
import NIOSSL
import Synchronization

/// Says what is wrong with connections: not that they end, which happens, but what somebody has to
/// set right, as a certificate.
final class Complaints: Sendable {
  private static let most = 1000

  private let logger: Logger
  private let said = Mutex<Set<String>>([])

  init(logger: Logger) { self.logger = logger }

  /// `error` ended a connection with `whom`.
  func note(_ error: any Error, with whom: String) {
    switch error {
    case is IOError, is ChannelError, is PeerRefusal, NIOSSLError.uncleanShutdown: return
    default: break
    }
    let reason = "\(error)"
    let isNew = said.withLock { $0.count < Self.most && $0.insert("\(whom) \(reason)").inserted }
    if isNew {
      logger.warning("a connection failed", metadata: ["with": "\(whom)", "reason": "\(reason)"])
    }
  }
}
