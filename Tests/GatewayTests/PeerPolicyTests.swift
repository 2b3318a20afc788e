// Who may speak to the core: the kernel's word on the peer of a socket, and the policy that judges it.

import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import CoreAPI

/// One at a time: the look-ups of accounts and groups share a buffer of the C library.
@Suite(.serialized) struct PeerPolicyTests {
  private func peer(_ user: UInt32, group: UInt32 = 4_000_000_001) -> PeerCredentials {
    PeerCredentials(userID: user, groupID: group, processID: 1)
  }

  /// A number that no account of any system has.
  private let stranger: UInt32 = 4_000_000_000

  @Test func rootAndTheServicesOwnUserMayAndNobodyElse() {
    var unknown: [String] = []
    let policy = PeerPolicy(userNames: [], groupNames: [], unknown: &unknown)
    #expect(policy.allows(peer(0)) && policy.allows(peer(getuid())))
    #expect(!policy.allows(peer(stranger)))
    #expect(!policy.allows(peer(stranger, group: 0)), "no group was named, so none lets anybody in, the first not either")
    #expect(unknown.isEmpty)
  }

  @Test func aNamedUserMay() throws {
    let nobody = try #require(getpwnam("nobody")).pointee
    var unknown: [String] = []
    #expect(PeerPolicy(userNames: ["nobody"], groupNames: [], unknown: &unknown).allows(peer(nobody.pw_uid)))
    #expect(!PeerPolicy(userNames: [], groupNames: [], unknown: &unknown).allows(peer(nobody.pw_uid)))
    #expect(unknown.isEmpty)
  }

  @Test func namesThatTheSystemDoesNotKnowAreToldAndLetNobodyIn() {
    var unknown = ["before"]
    let policy = PeerPolicy(userNames: ["nobody-knows-me", "root"], groupNames: ["no-such-group"], unknown: &unknown)
    #expect(unknown == ["before", "user nobody-knows-me", "group no-such-group"])
    #expect(policy.userIDs == [0, getuid()] && policy.groupIDs.isEmpty)
    #expect(!policy.allows(peer(stranger)))
  }

  /// By the group that the connection came with, and by what the system's own list says of the account.
  @Test func aGroupLetsItsMembersIn() throws {
    let nobody = try #require(getpwnam("nobody")).pointee
    let name = String(cString: try #require(getgrgid(nobody.pw_gid)).pointee.gr_name)
    var unknown: [String] = []
    let policy = PeerPolicy(userNames: [], groupNames: [name], unknown: &unknown)
    #expect(policy.groupIDs == [nobody.pw_gid])
    #expect(policy.allows(peer(stranger, group: nobody.pw_gid)), "as its primary group")
    #expect(policy.allows(peer(nobody.pw_uid)), "as the account's own")
    #expect(!policy.allows(peer(stranger)), "a number without an account is in no list")
  }

  @Test func anAccountHasItsNameOrItsNumber() {
    #expect(peer(0).accountName == "root")
    #expect(peer(stranger).accountName == "uid 4000000000")
    #expect(PeerCredentials.currentName == nil, "outside a request nobody asks")
  }

  /// The kernel's word is taken at the socket, not what the peer says.
  @Test func thePeerOfAUnixSocketIsKnown() async throws {
    let folder = TemporaryFolder()
    let peer = try await credentials(at: try SocketAddress(unixDomainSocketPath: folder.path + "/s"))
    #expect(peer?.userID == getuid() && peer?.groupID == getgid() && peer?.processID == getpid())
  }

  /// Whoever comes over TCP is nobody, whatever the machine: the local API must refuse them.
  @Test func thePeerOfATCPConnectionIsLetInByNoPolicy() async throws {
    let peer = try await credentials(at: try SocketAddress(ipAddress: "127.0.0.1", port: 0))
    var unknown: [String] = []
    let policy = PeerPolicy(userNames: ["nobody"], groupNames: ["root"], unknown: &unknown)
    #expect(peer.map(policy.allows) ?? false == false)
  }

  /// What the kernel says of the one who connects here.
  private func credentials(at address: SocketAddress) async throws -> PeerCredentials? {
    let (accepted, accept) = AsyncStream.makeStream(of: PeerCredentials?.self)
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeFutureWithTask { accept.yield(await PeerCredentials.of(channel)) }
      }
      .bind(to: address).get()
    let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(to: try #require(server.localAddress)).get()
    var iterator = accepted.makeAsyncIterator()
    let peer = await iterator.next()
    try await client.close()
    try await server.close()
    return try #require(peer)
  }
}
