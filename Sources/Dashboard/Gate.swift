// Who may ask for what, and what a browser may do with the answer.

import HTTPTypes
import Hummingbird

/// Lets requests in, and gives every answer its headers.
///
/// A page of some other origin must not reach the dashboard through the browser of somebody who may. Hence the
/// name that was asked for is looked at (a name that somebody else resolves to this machine is not ours), and
/// changes are taken from our own pages alone.
struct Gate: RouterMiddleware {
  typealias Context = BasicRequestContext

  /// What a caller must know.
  let token: String?
  /// Whether only this machine reaches us.
  let isLocal: Bool
  /// Whether anything can be changed.
  let isWritable: Bool

  private static let cookie = "gauntlet-token"
  private static let policy =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

  func handle(
    _ request: Request, context: BasicRequestContext,
    next: (Request, BasicRequestContext) async throws -> Response
  ) async throws -> Response {
    var response = refusal(of: request) ?? welcome(request)
    if response == nil {
      do {
        response = try await next(request, context)
      } catch let error as HTTPError {
        response = Answer.error(error.status, "There is no such page.")
      }
    }
    return Self.guarded(response ?? Answer.error(.internalServerError, "Nothing was answered."))
  }

  /// Why `request` is turned away; nil when it is not.
  private func refusal(of request: Request) -> Response? {
    if isLocal, !Self.isOurs(request.head.authority ?? "") {
      return Answer.error(
        .forbidden, "This dashboard answers to localhost alone; ask for it by that name.")
    }
    // A page of somebody else's may link here, and not load anything from here.
    if site(of: request) == "cross-site", mode(of: request) != "navigate" {
      return Answer.error(.forbidden, "Nothing is loaded from here by other sites' pages.")
    }
    if let token, !isKnown(token, in: request), !isOffered(token, in: request) {
      return Answer.error(
        .unauthorized, "A token is needed: open the address that gauntlet serve printed.")
    }
    guard request.method != .get, request.method != .head else { return nil }
    guard isWritable else {
      return Answer.error(
        .forbidden, "Nothing can be changed here; gauntlet serve --writable allows it.")
    }
    let origin = request.headers[.origin].map { $0.split(separator: "/").last.map(String.init) }
    guard
      site(of: request) == "same-origin"
        || site(of: request) == nil && origin != nil && origin == request.head.authority
    else {
      return Answer.error(.forbidden, "Changes are taken from the dashboard's own pages alone.")
    }
    return nil
  }

  private func site(of request: Request) -> String? {
    HTTPField.Name("Sec-Fetch-Site").flatMap { request.headers[$0] }
  }

  private func mode(of request: Request) -> String? {
    HTTPField.Name("Sec-Fetch-Mode").flatMap { request.headers[$0] }
  }

  /// A first visit with the token in its address gets a cookie, and an address without it.
  private func welcome(_ request: Request) -> Response? {
    guard let token, isOffered(token, in: request) else { return nil }
    let cookie = "\(Self.cookie)=\(token); Path=/; HttpOnly; SameSite=Strict"
    // Of two slashes a browser makes another machine's name.
    let path = request.uri.path.hasPrefix("//") ? "/" : request.uri.path
    return Response(status: .seeOther, headers: [.location: path, .setCookie: cookie])
  }

  private func isOffered(_ token: String, in request: Request) -> Bool {
    request.uri.queryParameters["token"].map { Self.isSame(String($0), token) } ?? false
  }

  private func isKnown(_ token: String, in request: Request) -> Bool {
    if let said = request.headers[.authorization], Self.isSame(said, "Bearer \(token)") {
      return true
    }
    let cookies = request.headers[values: .cookie].flatMap { $0.split(separator: ";") }
    return cookies.contains { cookie in
      let parts = cookie.split(separator: "=", maxSplits: 1)
      return parts.count == 2 && parts[0].drop { $0 == " " } == Self.cookie
        && Self.isSame(String(parts[1]), token)
    }
  }

  /// In a time that does not depend on where they differ.
  private static func isSame(_ said: String, _ token: String) -> Bool {
    let (said, token) = (Array(said.utf8), Array(token.utf8))
    guard said.count == token.count else { return false }
    return zip(said, token).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// Whether a Host header names this machine.
  private static func isOurs(_ authority: String) -> Bool {
    let host =
      authority.hasPrefix("[")
      ? authority.prefix { $0 != "]" }.dropFirst() : authority.prefix { $0 != ":" }
    return ["localhost", "127.0.0.1", "::1"].contains(String(host))
  }

  private static func guarded(_ response: Response) -> Response {
    var response = response
    if response.headers[.contentSecurityPolicy] == nil {
      response.headers[.contentSecurityPolicy] = policy
    }
    response.headers[.xContentTypeOptions] = "nosniff"
    for (name, value) in [
      ("Referrer-Policy", "same-origin"), ("X-Frame-Options", "DENY"),
      ("Cross-Origin-Resource-Policy", "same-origin"),
    ] {
      if let name = HTTPField.Name(name) { response.headers[name] = value }
    }
    if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    return response
  }
}
