// How many may be connected: more are told so, as far as they would understand it, and those that are
// stay unharmed.

import NIOCore
import Synchronization

/// Counts what there may not be too many of: the connections of one kind, say.
final class Limit: Sendable {
  let most: Int
  private let count = Mutex(0)

  init(most: Int) { self.most = most }

  /// How many are open.
  var open: Int { count.withLock { $0 } }

  /// Takes a place; false when there is none.
  func enter() -> Bool {
    count.withLock { count in
      guard count < most else { return false }
      count += 1
      return true
    }
  }

  /// Gives a place back.
  func leave() { count.withLock { $0 -= 1 } }
}

/// The first handler of a connection: turns it away where there are too many.
final class ConnectionGate: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let limit: Limit
  private let farewell: [UInt8]
  private var isIn = false

  /// A gate that says `farewell` to those it turns away.
  init(limit: Limit, farewell: [UInt8]) {
    self.limit = limit
    self.farewell = farewell
  }

  func channelActive(context: ChannelHandlerContext) {
    isIn = limit.enter()
    guard isIn else {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: farewell)), promise: nil)
      context.close(promise: nil)
      return
    }
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isIn { context.fireChannelRead(data) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if isIn { limit.leave() }
    context.fireChannelInactive()
  }
}
