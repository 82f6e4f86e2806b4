// Serves the Redis protocol: answers come in the order of their requests, which need not be that in
// which they become ready.

import DequeModule
import NIOCore
import Raft
import RedisProtocol

/// Answers the commands of one connection.
final class ClientListener: ChannelDuplexHandler {
  typealias InboundIn = RESPValue
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// So many requests of one connection are worked on at a time: one client's many must not hold up
  /// all others, nor their answers fill the memory.
  private static let mostWaiting = 128

  /// The most bytes of a request, whole or not.
  static let longestRequest = 48 << 20

  /// What was received, and waits for its turn.
  private enum Received {
    case request(RESPValue)
    /// Bytes that are no protocol, and why.
    case rubbish(String)
  }

  private let commands: RedisCommands
  private var received = Deque<Received>()
  private var isAsking = false
  /// The answers that are due, in order; nil while one is not there yet.
  private var answers = Deque<[UInt8]?>()
  /// How many answers were sent before the first of `answers`.
  private var sent = 0
  /// Answers on their way out: those that become ready together share one write.
  private var unflushed = ByteBuffer()
  private var isFlushDue = false
  private var wantsRead = false
  private var connection = ConnectionState()
  /// After bytes that are no protocol: nothing more is read, and the last answer says why.
  private var isBroken = false

  init(commands: RedisCommands) { self.commands = commands }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isBroken else { return }
    received.append(.request(unwrapInboundIn(data)))
    proceed(context)
  }

  /// Asks what was received, while few requests wait and the client takes its answers.
  private func proceed(_ context: ChannelHandlerContext) {
    // An answer may come at once, and calls this again.
    guard !isAsking else { return }
    isAsking = true
    while answers.count < Self.mostWaiting, context.channel.isWritable,
      let next = received.popFirst()
    {
      switch next {
      case .request(let request): ask(request, context)
      case .rubbish(let reason): refuse(reason, context)
      }
    }
    isAsking = false
  }

  private func ask(_ request: RESPValue, _ context: ChannelHandlerContext) {
    let place = sent + answers.count
    answers.append(nil)
    let loop = context.eventLoop
    let bound = NIOLoopBound((self, context), eventLoop: loop)
    commands.answer(request, on: &connection) { bytes in
      if loop.inEventLoop {
        bound.value.0.answered(place, bytes, bound.value.1)
      } else {
        loop.execute { bound.value.0.answered(place, bytes, bound.value.1) }
      }
    }
  }

  private func answered(_ place: Int, _ bytes: [UInt8], _ context: ChannelHandlerContext) {
    answers[place - sent] = bytes
    guard place == sent else { return }
    while let first = answers.first, let ready = first {
      unflushed.writeBytes(ready)
      answers.removeFirst()
      sent += 1
    }
    if answers.isEmpty, received.isEmpty {
      flush(context)
    } else if !isFlushDue {
      // More is asked for on this connection, and is likely to be answered in the same breath.
      isFlushDue = true
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      context.eventLoop.execute { bound.value.0.flush(bound.value.1) }
    }
    if isBroken {
      if answers.isEmpty { context.close(promise: nil) }
      return
    }
    proceed(context)
    readIfWanted(context)
  }

  private func flush(_ context: ChannelHandlerContext) {
    isFlushDue = false
    guard unflushed.readableBytes > 0 else { return }
    context.writeAndFlush(wrapOutboundOut(unflushed), promise: nil)
    // The channel keeps what it has not sent; a buffer of its own for what comes next.
    unflushed = ByteBuffer()
  }

  func read(context: ChannelHandlerContext) {
    if received.isEmpty, answers.count < Self.mostWaiting, context.channel.isWritable {
      context.read()
    } else {
      wantsRead = true
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    proceed(context)
    readIfWanted(context)
    context.fireChannelWritabilityChanged()
  }

  private func readIfWanted(_ context: ChannelHandlerContext) {
    guard wantsRead, !isBroken else { return }
    wantsRead = false
    read(context: context)
  }

  /// Who breaks the protocol is told, after the answers to what came before, and ends the own
  /// connection and no more.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !isBroken, context.channel.isActive else { return context.close(promise: nil) }
    let reason: String
    switch error {
    case let error as RESPError: reason = error.description
    case is ByteToMessageDecoderError.PayloadTooLargeError:
      reason = "a request of more than \(Self.longestRequest) bytes"
    default: return context.close(promise: nil)
    }
    received.append(.rubbish(reason))
    proceed(context)
  }

  private func refuse(_ reason: String, _ context: ChannelHandlerContext) {
    isBroken = true
    received = []
    let place = sent + answers.count
    answers.append(nil)
    answered(place, RESPValue.error("ERR Protocol error: \(reason)").bytes, context)
  }
}
