// A client's connection: one request at a time, a deadline on each, and never used again after a
// disappointment.

import NIOCore
import NIOPosix

/// Why a request got no answer, and what that proves.
public enum RedisConnectionError: Error, Equatable, CustomStringConvertible {
  /// No connection could be made: not a byte was sent.
  case unreachable(String)
  /// The connection was already closed: not a byte was sent.
  case closedBefore
  /// No answer came in time; the request may have arrived.
  case timedOut
  /// The connection ended before the answer; the request may have arrived.
  case disconnected
  /// The answer was no Redis protocol; the request did arrive.
  case malformed(String)

  /// Whether it is proved that the request had no effect.
  public var provesNotSent: Bool {
    switch self {
    case .unreachable, .closedBefore: true
    case .timedOut, .disconnected, .malformed: false
    }
  }

  /// The error in a few words, as it stands in a history.
  public var description: String {
    switch self {
    case .unreachable(let reason): "unreachable: \(reason)"
    case .closedBefore: "the connection was closed before the request"
    case .timedOut: "no answer in time"
    case .disconnected: "disconnected before the answer"
    case .malformed(let reason): "malformed answer: \(reason)"
    }
  }
}

/// A connection to a Redis-protocol server, for one user.
public struct RedisConnection: Sendable {
  /// The most bytes of an answer: a server that sends without end must not fill the memory.
  private static let longestAnswer = 64 << 20

  private let channel: any Channel

  /// Connects.
  ///
  /// - Throws: `RedisConnectionError.unreachable`, also after `deadline`.
  public static func connect(
    host: String, port: Int, deadline: Duration, group: any EventLoopGroup
  ) async throws(RedisConnectionError) -> RedisConnection {
    do {
      let channel = try await ClientBootstrap(group: group)
        .connectTimeout(TimeAmount(deadline))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers(
              ByteToMessageHandler(RESPDecoder(longestValue: Self.longestAnswer)),
              RedisQuestions())
          }
        }
        .connect(host: host, port: port).get()
      return RedisConnection(channel: channel)
    } catch {
      throw .unreachable("\(host):\(port): \(Self.reason(error))")
    }
  }

  /// Whether the connection can still be used, as far as is known.
  public var isOpen: Bool { channel.isActive }

  /// Sends `request` and awaits its answer. After any error the connection is closed.
  public func send(
    _ request: RESPValue, deadline: Duration
  ) async throws(RedisConnectionError) -> RESPValue {
    let promise = channel.eventLoop.makePromise(of: RESPValue.self)
    // A channel that closes meanwhile drops what is written, handlers and all: only the write's own
    // promise tells of it, and not whether a part had left.
    let written = channel.eventLoop.makePromise(of: Void.self)
    written.futureResult.whenFailure { _ in promise.fail(RedisConnectionError.disconnected) }
    channel.writeAndFlush(
      RedisQuestion(request: request, deadline: TimeAmount(deadline), answer: promise),
      promise: written)
    do {
      return try await promise.futureResult.get()
    } catch let error as RedisConnectionError {
      close()
      throw error
    } catch {
      close()
      throw .disconnected
    }
  }

  /// Closes the connection; nothing is ever read from it again.
  public func close() { channel.close(promise: nil) }

  private static func reason(_ error: any Error) -> String {
    if let error = error as? NIOConnectionError, let first = error.connectionErrors.first {
      return "\(first.error)"
    }
    return "\(error)"
  }
}

private struct RedisQuestion: Sendable {
  var request: RESPValue
  var deadline: TimeAmount
  var answer: EventLoopPromise<RESPValue>
}

/// Pairs the one open request with its answer. Its promise is always kept: by the answer, the
/// deadline, or the end of the connection.
private final class RedisQuestions: ChannelDuplexHandler {
  typealias InboundIn = RESPValue
  typealias OutboundIn = RedisQuestion
  typealias OutboundOut = ByteBuffer

  private var open: (answer: EventLoopPromise<RESPValue>, deadline: Scheduled<Void>)?
  private var isClosed = false

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let question = unwrapOutboundIn(data)
    // Seen on the connection's own loop: nothing of this request has left.
    guard !isClosed, context.channel.isActive else {
      question.answer.fail(RedisConnectionError.closedBefore)
      promise?.fail(RedisConnectionError.closedBefore)
      return
    }
    precondition(open == nil, "a connection carries one request at a time")
    let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let deadline = context.eventLoop.scheduleTask(in: question.deadline) {
      let (handler, context) = loopBound.value
      handler.end(.timedOut)
      context.close(promise: nil)
    }
    open = (question.answer, deadline)
    var buffer = context.channel.allocator.buffer(capacity: 128)
    question.request.write(to: &buffer)
    context.write(wrapOutboundOut(buffer), promise: promise)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let question = open else {
      // An answer that nobody asked for: whatever comes next cannot be paired either.
      isClosed = true
      context.close(promise: nil)
      return
    }
    open = nil
    question.deadline.cancel()
    question.answer.succeed(unwrapInboundIn(data))
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(.disconnected)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end((error as? RESPError).map { .malformed("\($0)") } ?? .disconnected)
    context.close(promise: nil)
  }

  private func end(_ error: RedisConnectionError) {
    isClosed = true
    guard let question = open else { return }
    open = nil
    question.deadline.cancel()
    question.answer.fail(error)
  }
}
