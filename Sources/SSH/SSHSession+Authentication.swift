// Being let in: by the agent's keys, by key files, by a password, in this order.

import CLibSSH2
import FoundationEssentials
import Glibc

extension SSHSession {
  /// Tries all that the destination names.
  ///
  /// - Throws: `SSHError.authentication`, with all that was tried, when nothing helps.
  func authenticate(until deadline: ContinuousClock.Instant) async throws {
    var tried: [String] = []
    if let agent = destination.agent {
      if try await authenticate(byAgent: agent, &tried, until: deadline) { return }
    }
    for key in destination.keys {
      if try await authenticate(by: key, &tried, until: deadline) { return }
    }
    if let password = destination.password {
      let user = destination.user
      let code = try await attempt(until: deadline) {
        libssh2_userauth_password_ex(
          session, user, UInt32(user.utf8.count), password, UInt32(password.utf8.count), nil)
      }
      if code == 0 { return }
      tried.append("a password")
    }
    throw SSHError.authentication(host: host, user: destination.user, tried: tried)
  }

  /// Calls `call` until it says more than "again"; a refusal is a result.
  private func attempt(
    until deadline: ContinuousClock.Instant, _ call: () -> CInt
  ) async throws -> CInt {
    try await perform("logging in", until: deadline) { () throws(SSHError) in
      let code = call()
      switch code {
      case LIBSSH2_ERROR_EAGAIN: return nil
      case LIBSSH2_ERROR_SOCKET_SEND, LIBSSH2_ERROR_SOCKET_RECV, LIBSSH2_ERROR_SOCKET_DISCONNECT:
        throw error(code, "logging in")
      default: return code
      }
    }
  }

  private func authenticate(
    by key: String, _ tried: inout [String], until deadline: ContinuousClock.Instant
  ) async throws -> Bool {
    guard access(key, R_OK) == 0 else {
      tried.append("\(key) (\(String(cString: strerror(errno))))")
      return false
    }
    let user = destination.user
    let code = try await attempt(until: deadline) {
      libssh2_userauth_publickey_fromfile_ex(
        session, user, UInt32(user.utf8.count), nil, key, nil)
    }
    if code == 0 { return true }
    tried.append(
      key
        + (code == LIBSSH2_ERROR_FILE
          ? " (no private key without a passphrase)" : Self.remark(on: key)))
    return false
  }

  /// What may be wrong with a key that was refused.
  private static func remark(on key: String) -> String {
    let isRSA =
      [key, key + ".pub"].contains { file in
        guard let text = try? String(contentsOf: URL(filePath: file), encoding: .utf8) else {
          return false
        }
        return text.hasPrefix("ssh-rsa ") || text.contains("BEGIN RSA PRIVATE KEY")
      }
    guard isRSA, libssh2_version(0x01_0b_00) == nil else { return "" }
    return
      " (an RSA key, which this machine's libssh2 signs with SHA-1 only; OpenSSH refuses that since 8.8: use ed25519)"
  }

  private func authenticate(
    byAgent socket: String, _ tried: inout [String], until deadline: ContinuousClock.Instant
  ) async throws -> Bool {
    guard let agent = libssh2_agent_init(session) else { return false }
    defer {
      libssh2_agent_disconnect(agent)
      libssh2_agent_free(agent)
    }
    libssh2_agent_set_identity_path(agent, socket)
    guard libssh2_agent_connect(agent) == 0, libssh2_agent_list_identities(agent) == 0 else {
      tried.append("the agent at \(socket) (it does not answer)")
      return false
    }
    var count = 0
    var identity: UnsafeMutablePointer<libssh2_agent_publickey>?
    while libssh2_agent_get_identity(agent, &identity, identity) == 0 {
      count += 1
      let code = try await attempt(until: deadline) {
        libssh2_agent_userauth(agent, destination.user, identity)
      }
      if code == 0 { return true }
    }
    tried.append("the agent's \(count) keys")
    return false
  }
}
