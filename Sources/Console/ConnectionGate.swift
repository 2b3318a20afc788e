// What a connection may do before it has asked for anything: be silent for five seconds, and only among the last so many of its
// address. Somebody who opens connections and says nothing would else hold every place that a nurse needs.
// Behind a proxy all connections have the proxy's address; a proxy connects when it has something to ask, so few are silent.

import HummingbirdCore
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Silent connections by address.
final class SilentConnections: Sendable {
  /// A browser opens six at most, some of them ahead of need. Beyond it the one that has been silent longest goes: whoever comes to
  /// ask something, also from the same address, has the time to ask it.
  static let perAddressMax = 32

  private let waiting = Mutex<[String: [any Channel]]>([:])

  func enter(_ channel: any Channel, from address: String) {
    let oldest: (any Channel)? = waiting.withLock { waiting in
      waiting[address, default: []].append(channel)
      return waiting[address, default: []].count > Self.perAddressMax ? waiting[address]?.removeFirst() : nil
    }
    oldest?.close(promise: nil)
  }

  func leave(_ channel: any Channel, from address: String) {
    waiting.withLock { waiting in
      waiting[address]?.removeAll { $0 === channel }
      if waiting[address]?.isEmpty == true { waiting[address] = nil }
    }
  }
}

/// Closes a connection that does not ask in time, or asks and does not finish. Belongs to its channel's event loop.
final class ConnectionGate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart

  /// From the connection until a request's head is whole: a head is one packet.
  static let headSeconds: Int64 = 5
  /// From the head until the body is whole: a comment has some kilobytes, and phones have poor lines.
  static let bodySeconds: Int64 = 10

  private let silent: SilentConnections
  private var address: String?
  private var deadline: Scheduled<Void>?

  init(_ silent: SilentConnections) { self.silent = silent }

  func handlerAdded(context: ChannelHandlerContext) {
    let address = context.channel.remoteAddress?.ipAddress ?? "unknown"
    silent.enter(context.channel, from: address)
    self.address = address
    close(context, after: Self.headSeconds)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      speaks(context)
      close(context, after: Self.bodySeconds)
    case .body: break
    case .end: deadline?.cancel()
    }
    context.fireChannelRead(data)
  }

  func channelInactive(context: ChannelHandlerContext) {
    speaks(context)
    deadline?.cancel()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    speaks(context)
    deadline?.cancel()
  }

  private func speaks(_ context: ChannelHandlerContext) {
    if let address { silent.leave(context.channel, from: address) }
    address = nil
  }

  private func close(_ context: ChannelHandlerContext, after seconds: Int64) {
    deadline?.cancel()
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: .seconds(seconds)) { channel.close(promise: nil) }
  }
}
