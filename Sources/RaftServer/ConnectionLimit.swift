// How many clients may be connected: more are told so, and those that are stay unharmed.

import NIOCore
import RedisProtocol
import Synchronization

/// Counts a server's connections.
final class ConnectionLimit: Sendable {
  let most: Int
  private let count = Mutex(0)

  init(most: Int) { self.most = most }

  /// How many are open.
  var open: Int { count.withLock { $0 } }

  /// Takes a place; false when there is none.
  fileprivate func enter() -> Bool {
    count.withLock { count in
      guard count < most else { return false }
      count += 1
      return true
    }
  }

  fileprivate func leave() { count.withLock { $0 -= 1 } }
}

/// The first handler of a client's connection: turns it away where there are too many.
final class ConnectionGate: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let limit: ConnectionLimit
  private var isIn = false

  init(limit: ConnectionLimit) { self.limit = limit }

  func channelActive(context: ChannelHandlerContext) {
    isIn = limit.enter()
    guard isIn else {
      var buffer = context.channel.allocator.buffer(capacity: 64)
      RESPValue.error("ERR max number of clients reached").write(to: &buffer)
      context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
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
