// Metrics and health over HTTP, for those who watch a node and never write to it.

import NIOCore
import NIOHTTP1
import Raft

/// Answers `GET /metrics` (Prometheus), `/health` (the node runs) and `/ready` (it knows a leader).
final class HTTPListener: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// Who says nothing for so long is cut off.
  static let patience = TimeAmount.seconds(60)
  /// What those are told for whom there is no place.
  static let tooMany = Array(
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 21\r\nconnection: close\r\n\r\n"
      .utf8 + Array("too many connections\n".utf8))

  private let raft: Raft
  private let connections: Limit
  private var request: HTTPRequestHead?

  init(raft: Raft, connections: Limit) {
    self.raft = raft
    self.connections = connections
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): request = head
    case .body: break  // nobody has anything to tell us
    case .end:
      guard let request else { return }
      self.request = nil
      answer(request, context)
    }
  }

  private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let (status, text) = page(for: request)
    var buffer = context.channel.allocator.buffer(capacity: text.utf8.count)
    buffer.writeString(text)
    var headers = HTTPHeaders()
    headers.add(name: "content-type", value: "text/plain; version=0.0.4; charset=utf-8")
    headers.add(name: "content-length", value: "\(buffer.readableBytes)")
    if !request.isKeepAlive { headers.add(name: "connection", value: "close") }
    let head = HTTPResponseHead(version: request.version, status: status, headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if request.method != .HEAD {
      context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
    }
    let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      if !request.isKeepAlive { loopBound.value.close(promise: nil) }
    }
  }

  private func page(for request: HTTPRequestHead) -> (HTTPResponseStatus, String) {
    guard request.method == .GET || request.method == .HEAD else {
      return (.methodNotAllowed, "only GET\n")
    }
    let metrics = raft.metrics
    switch request.uri.split(separator: "?", omittingEmptySubsequences: false).first {
    case "/metrics":
      return (.ok, MetricsPage(metrics: metrics, connections: connections.open).text)
    case "/health":
      guard metrics.role != "stopped" else {
        return (.serviceUnavailable, "stopped: \(metrics.failure ?? "asked to")\n")
      }
      return (.ok, "\(metrics.role)\n")
    case "/ready":
      guard let leader = metrics.leader else { return (.serviceUnavailable, "no leader\n") }
      return (.ok, "\(leader) leads\n")
    default: return (.notFound, "there are /metrics, /health and /ready\n")
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }

  /// Who breaks the protocol ends the own connection, and no more.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
