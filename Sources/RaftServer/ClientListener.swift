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

  /// So many requests of one connection may wait; then nothing more is read from it.
  private static let mostWaiting = 1024

  /// The most bytes of a request, whole or not.
  static let longestRequest = 48 << 20

  private let commands: RedisCommands
  /// The answers that are due, in order; nil while one is not there yet.
  private var answers = Deque<[UInt8]?>()
  /// How many answers were sent before the first of `answers`.
  private var sent = 0
  private var wantsRead = false
  private var connection = ConnectionState()
  /// After bytes that are no protocol: nothing more is read, and the last answer says why.
  private var isBroken = false

  init(commands: RedisCommands) { self.commands = commands }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isBroken else { return }
    let place = sent + answers.count
    answers.append(nil)
    let loop = context.eventLoop
    let bound = NIOLoopBound((self, context), eventLoop: loop)
    commands.answer(unwrapInboundIn(data), on: &connection) { bytes in
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
    var buffer = context.channel.allocator.buffer(capacity: bytes.count)
    while let first = answers.first, let ready = first {
      buffer.writeBytes(ready)
      answers.removeFirst()
      sent += 1
    }
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    if isBroken {
      if answers.isEmpty { context.close(promise: nil) }
      return
    }
    if wantsRead, answers.count < Self.mostWaiting {
      wantsRead = false
      context.read()
    }
  }

  func read(context: ChannelHandlerContext) {
    if answers.count < Self.mostWaiting { context.read() } else { wantsRead = true }
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
    isBroken = true
    let place = sent + answers.count
    answers.append(nil)
    answered(place, RESPValue.error("ERR Protocol error: \(reason)").bytes, context)
  }
}
