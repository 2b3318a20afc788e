// Who is at the other end of the local API's socket, as the kernel knows it (SO_PEERCRED), and whether that user may
// speak to the core. The socket's file mode is the first gate, this is the second.

import CLinux
import Foundation
import NIOCore

/// A peer's identity at the moment it connected.
package struct PeerCredentials: Sendable {
  var userID: UInt32
  var groupID: UInt32
  var processID: Int32

  /// Asks the kernel. Nil for a channel that is not a Unix socket.
  static func of(_ channel: any Channel) async -> PeerCredentials? {
    guard let provider = channel as? any SocketOptionProvider else { return nil }
    let option: EventLoopFuture<clinux_credentials> = provider.unsafeGetSocketOption(
      level: NIOBSDSocket.OptionLevel.socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
    guard let peer = try? await option.get() else { return nil }
    return PeerCredentials(userID: peer.uid, groupID: peer.gid, processID: peer.pid)
  }
}

extension PeerCredentials {
  static var ofThisProcess: PeerCredentials { PeerCredentials(userID: getuid(), groupID: getgid(), processID: getpid()) }

  /// The peer of the request that this task serves, by the name of its account; nil outside a request.
  @TaskLocal static var currentName: String?

  /// The account's name, or its number where the system has no name for it.
  var accountName: String { withAccount(of: userID) { String(cString: $0.pw_name) } ?? "uid \(userID)" }
}

/// What `body` makes of the user's account; nil where the system has none. Requests come on several threads, so the form of the call
/// without a static buffer is used. What the account points to is valid inside `body` only.
private func withAccount<Result>(of userID: UInt32, _ body: (passwd) -> Result) -> Result? {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16_384) { text in
    var user = passwd()
    var found: UnsafeMutablePointer<passwd>?
    guard let start = text.baseAddress, getpwuid_r(userID, &user, start, text.count, &found) == 0, found != nil else { return nil }
    return body(user)
  }
}

/// Which users may speak to the core: root, the daemon's own user, and those that the configuration names.
package struct PeerPolicy: Sendable {
  let userIDs: Set<UInt32>
  let groupIDs: Set<UInt32>

  /// Names that the system does not know are returned, for a warning: they let nobody in.
  package init(userNames: [String], groupNames: [String], unknown: inout [String]) {
    var users: Set<UInt32> = [0, getuid()]
    var groups: Set<UInt32> = []
    for name in userNames {
      if let entry = getpwnam(name) { users.insert(entry.pointee.pw_uid) } else { unknown.append("user \(name)") }
    }
    for name in groupNames {
      if let entry = getgrnam(name) { groups.insert(entry.pointee.gr_gid) } else { unknown.append("group \(name)") }
    }
    userIDs = users
    groupIDs = groups
  }

  package func allows(_ peer: PeerCredentials) -> Bool {
    userIDs.contains(peer.userID) || groupIDs.contains(peer.groupID) || isMember(peer.userID)
  }

  /// Whether the user has one of the groups as a supplementary one. The kernel's credentials carry the primary group only.
  private func isMember(_ userID: UInt32) -> Bool {
    if groupIDs.isEmpty { return false }
    return withAccount(of: userID) { user in
      var count: Int32 = 64
      var list = [gid_t](repeating: 0, count: Int(count))
      guard getgrouplist(user.pw_name, user.pw_gid, &list, &count) >= 0 else { return false }
      return list.prefix(Int(max(0, min(count, 64)))).contains { groupIDs.contains($0) }
    } ?? false
  }
}
