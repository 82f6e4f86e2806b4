// Accepting connections.

import Glibc
import NIOCore
import NIOPosix

/// Why an address is not served. Its text is one line.
struct ListenError: Error, CustomStringConvertible {
  var address: Address
  var reason: String

  var description: String {
    "cannot listen at \(address) (\(reason)); is it this machine's, and not taken by another program?"
  }
}

/// Accepts connections and gives each its handlers.
struct Listener: Sendable {
  private let channel: any Channel

  /// Binds to `address`.
  init(
    address: Address, loop: any EventLoop,
    handlers: @escaping @Sendable (any Channel) throws -> [any ChannelHandler]
  ) async throws {
    channel = try await ServerBootstrap(group: loop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptErrors())
        }
      }
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      // Who is gone without a word is found out: its place is wanted.
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: 30)
      .childChannelOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: 10)
      .childChannelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 3)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          for handler in try handlers(channel) {
            try channel.pipeline.syncOperations.addHandler(handler)
          }
        }
      }
      .bind(host: address.host, port: address.port)
      .flatMapErrorThrowing { throw ListenError(address: address, reason: "\($0)") }.get()
  }

  /// Serves until cancelled.
  func serve() async throws {
    try await withTaskCancellationHandler {
      try await channel.closeFuture.get()
    } onCancel: {
      channel.close(promise: nil)
    }
  }
}

/// Keeps a listener going when one connection cannot be accepted, as when descriptors run out: it
/// takes a breath, in which others may close.
private final class AcceptErrors: ChannelInboundHandler {
  typealias InboundIn = any Channel

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let channel = context.channel
    channel.setOption(.autoRead, value: false).whenComplete { _ in
      channel.eventLoop.scheduleTask(in: .milliseconds(100)) {
        channel.setOption(.autoRead, value: true)
      }
    }
  }
}
