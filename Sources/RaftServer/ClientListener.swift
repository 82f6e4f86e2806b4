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

  /// So many requests of one connection are worked on at a time, and taken up in one go: one client's
  /// many must not hold up all others, nor their answers fill the memory.
  private static let mostWaiting = 128

  /// So long who broke the protocol has to hear it, and to go.
  private static let patience = TimeAmount.seconds(1)

  /// The most bytes of a request.
  static let longestRequest = 8 << 20

  /// What was received, and waits for its turn.
  private enum Received {
    case request(RESPValue)
    /// Bytes that are no protocol, and why.
    case rubbish(String)
  }

  private let commands: RedisCommands
  private var received = Deque<Received>()
  /// What was understood, and waits for those before it: on one connection a command sees what came
  /// before it, and nothing of what came after.
  private var waiting: RedisCommands.Errand?
  /// One of those that are being carried out, which are all of a kind.
  private var current: RedisCommands.Errand?
  /// How many of `answers` are not there yet.
  private var unanswered = 0
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

  private var isDone: Bool {
    isBroken && received.isEmpty && waiting == nil && answers.isEmpty
  }

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
    var asked = 0
    // What is left when a go ends is taken up after the flush that is due then.
    while asked < Self.mostWaiting, answers.count < Self.mostWaiting, context.channel.isWritable,
      let errand = nextErrand()
    {
      if unanswered > 0, let current, !errand.mayJoin(current) {
        waiting = errand
        break
      }
      asked += 1
      ask(errand, context)
    }
    isAsking = false
  }

  private func nextErrand() -> RedisCommands.Errand? {
    if let errand = waiting {
      waiting = nil
      return errand
    }
    switch received.popFirst() {
    case nil: return nil
    case .request(let request): return commands.understand(request, on: &connection)
    case .rubbish(let reason):
      return .answer(RESPValue.error("ERR Protocol error: \(reason)").bytes)
    }
  }

  private func ask(_ errand: RedisCommands.Errand, _ context: ChannelHandlerContext) {
    let place = sent + answers.count
    answers.append(nil)
    unanswered += 1
    if case .answer = errand {} else { current = errand }
    let loop = context.eventLoop
    let bound = NIOLoopBound((self, context), eventLoop: loop)
    commands.carryOut(errand) { bytes in
      if loop.inEventLoop {
        bound.value.0.answered(place, bytes, bound.value.1)
      } else {
        loop.execute { bound.value.0.answered(place, bytes, bound.value.1) }
      }
    }
  }

  private func answered(_ place: Int, _ bytes: [UInt8], _ context: ChannelHandlerContext) {
    answers[place - sent] = bytes
    unanswered -= 1
    guard place == sent else { return proceed(context) }
    while let first = answers.first, let ready = first {
      unflushed.writeBytes(ready)
      answers.removeFirst()
      sent += 1
    }
    if answers.isEmpty, received.isEmpty, waiting == nil {
      flush(context)
    } else if !isFlushDue {
      // More is asked for on this connection, and is likely to be answered in the same breath.
      isFlushDue = true
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      context.eventLoop.execute { bound.value.0.flush(bound.value.1) }
    }
    proceed(context)
    readIfWanted(context)
  }

  private func flush(_ context: ChannelHandlerContext) {
    isFlushDue = false
    guard unflushed.readableBytes > 0 else { return }
    // The channel keeps what it has not sent; a buffer of its own for what comes next.
    let buffer = wrapOutboundOut(unflushed)
    unflushed = ByteBuffer()
    if isDone {
      let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
      context.writeAndFlush(buffer).whenComplete { _ in
        bound.value.eventLoop.scheduleTask(in: Self.patience) { bound.value.close(promise: nil) }
      }
    } else {
      context.writeAndFlush(buffer, promise: nil)
      proceed(context)
      readIfWanted(context)
    }
  }

  func read(context: ChannelHandlerContext) {
    // What comes after bytes that were no protocol is thrown away, but read: who is still sending
    // would never get to the answer that says why.
    let hasRoom = received.isEmpty && waiting == nil && answers.count < Self.mostWaiting
    if isBroken || (hasRoom && context.channel.isWritable) {
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
    guard wantsRead else { return }
    wantsRead = false
    read(context: context)
  }

  /// Who breaks the protocol is told, after the answers to what came before, and ends the own
  /// connection and no more.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case let error as RESPError: end(error.description, context)
    // Bytes that come after those that were no protocol.
    case is ByteToMessageDecoderError: break
    default:
      commands.identities.complaints.note(error, with: "a client at \(from(context))")
      context.close(promise: nil)
    }
  }

  private func end(_ reason: String, _ context: ChannelHandlerContext) {
    guard !isBroken else { return }
    isBroken = true
    received.append(.rubbish(reason))
    proceed(context)
  }
}
